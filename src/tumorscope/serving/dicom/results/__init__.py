"""Answers as DICOM objects of the study that they are about.

In: slice answers with evidence, the answer of their series, the headers of the source. Out: data
sets: structured report, secondary captures, parametric map, segmentation, document. Needs the extra
``[dicom]``.
"""
