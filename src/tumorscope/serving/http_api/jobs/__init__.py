"""Processing of jobs and image requests: the store, the runner, answers, pictures of slices."""
