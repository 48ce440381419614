"""Files, processes, threads, locks and streams: what the machine gives, without a thought of scans.

In: callables, paths, file descriptors. Out: files that are whole, results in order, locks held.
Imports only `errors` and `labels`.
"""
