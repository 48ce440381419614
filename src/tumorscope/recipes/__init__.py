"""One module for each verb of the command line: reads top to bottom, glue only.

In: paths and settings. Out: files. Imports every room but `cli`, `serving` and `batch`.
"""
