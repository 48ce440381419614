"""What a request meets first: keys, bounds, admission, the body of an upload."""
