"""Archives: many scans into one Parquet table (extra ``[scale]``)."""
