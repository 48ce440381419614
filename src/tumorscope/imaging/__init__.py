"""Pixels: reading any scan, and the one preprocessing from pixels to network input."""
