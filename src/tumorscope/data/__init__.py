"""Collections: manifests, near-duplicate groups, splits, volumes as slices, public sets.

In: CSV files and folders of images. Out: :class:`~tumorscope.data.manifest.ManifestRow` with groups
and splits. Imports `imaging` and what lies below it.
"""
