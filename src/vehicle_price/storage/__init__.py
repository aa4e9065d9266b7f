"""The listings store and its datasets, in a local folder or on S3."""
