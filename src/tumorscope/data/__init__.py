"""Curation: manifests, findings, duplicate groups and splits; nothing is ever deleted."""
