"""Archives: many scans into one Parquet table, on this machine or on Ray (extra ``[scale]``)."""
