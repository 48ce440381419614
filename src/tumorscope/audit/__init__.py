"""What is wrong with a collection: duplicates, leakage, labels, shortcuts.

Each room has its finding, report and plot. In: manifests and pictures. Out: tables and pages;
nothing is ever deleted. Imports `data`, `evaluation` and `model`.
"""
