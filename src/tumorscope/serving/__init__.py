"""Doors for other programs: HTTP with the page, and DICOM.

In: bytes from a network, bounded before they are believed. Out: answers. Imports `model` and
`imaging`, never the laboratory.
"""
