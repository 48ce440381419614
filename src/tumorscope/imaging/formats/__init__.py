"""One module per format, and one table of them all.

In: the bytes of one file. Out: :class:`~tumorscope.imaging.scan.Scan` objects or an
:class:`~tumorscope.errors.ImageError`. :mod:`~tumorscope.imaging.formats.table` names every format,
including those that are not read; command line, batch, curation, service, page and documents
ask it.
Modules here import each other, errors, labels, and `scan`, `background`, `limits`, `quiet` and
`counted_bytes` beside this folder.
"""
