"""The source `kaggle`: sign in, download, keep the archive, read it."""
