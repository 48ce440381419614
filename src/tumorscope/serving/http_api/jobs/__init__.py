"""Jobs and images at work: the store, the runner, answers, pictures of slices."""
