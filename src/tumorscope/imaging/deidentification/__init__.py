"""DICOM files without what identifies a patient: PS3.15 Annex E, Basic Profile with options.

In: a data set. Out: the same in place, with what was done. ``profile.json`` is Table E.1-1: tag,
action, and the options that keep the attribute.
"""
