"""Checks of a collection: duplicates, leakage, labels, shortcuts.

Each folder has its finding and report. In: manifests and images. Out: tables and pages; nothing is
ever deleted. Imports `data`, `evaluation`, `model` and what lies below them.
"""
