"""Archives into one table, on this machine or on Ray.

In: a folder, a manifest or archives. Out: a Parquet file, whole or not at all. Imports `model` and
`imaging`; only `cli` imports it.
"""
