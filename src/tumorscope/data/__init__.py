"""Collections: manifests, near-duplicate groups, splits, volumes as slices, public sets.

In: CSV files and folders of pictures. Out: :class:`~tumorscope.data.manifest.ManifestRow` with
groups and splits. Imports `imaging`.
"""
