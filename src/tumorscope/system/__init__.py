"""Operating-system helpers that know nothing about scans: files, processes, locks, streams.

In: callables, paths, file descriptors. Out: results in order, locks held, files written atomically.
Imports only `errors`.
"""
