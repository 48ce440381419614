"""The HTTP API and the web page it serves."""
