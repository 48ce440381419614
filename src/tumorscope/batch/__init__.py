"""Archives into one table, on this machine or on Ray.

In: a folder, a manifest or archives. Out: a Parquet file, written atomically. Imports `model` and
what lies below it; only `cli` imports it.
"""
