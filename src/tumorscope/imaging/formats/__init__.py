"""One module a format, and one table of them all.

In come the bytes of one file, out come :class:`~tumorscope.imaging.scan.Scan` objects or an
:class:`~tumorscope.errors.ImageError`. :mod:`~tumorscope.imaging.formats.table` names every format,
those that are not read too; command line, batch, curation, service, page and documents ask it.
Modules here may import scans, limits, errors and labels.
"""
