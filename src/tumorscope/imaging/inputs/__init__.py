"""From a path, folder, archive or stream to scans.

In: what a user names. Out: :class:`~tumorscope.imaging.scan.Scan` and
:class:`~tumorscope.imaging.scan.ReadFailure`, in order. Imports `imaging.formats` and the modules
beside it in `imaging`.
"""
