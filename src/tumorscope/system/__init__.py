"""Files, processes, threads, locks and streams: what the machine gives, without a thought of scans.

In: callables, paths, file descriptors. Out: results in order, locks held, files and
lines whole. Imports
only `errors` and `labels`.
"""
