"""Doors that answer over a network. They see only the model and imaging, never the laboratory."""
