"""Network entry points: HTTP, with the web page, and DICOM.

In: bytes from a network, checked against limits before they are parsed. Out: answers. Imports
`model` and what lies below it, never `training`, `audit`, `data` or `evaluation`.
"""
