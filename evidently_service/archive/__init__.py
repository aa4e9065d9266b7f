"""The archive: old predictions as Parquet below DATA_ROOT, and what is deleted by age."""
