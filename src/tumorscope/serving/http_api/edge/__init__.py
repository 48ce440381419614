"""The first checks of a request: API keys, limits, admission, the body of an upload."""
