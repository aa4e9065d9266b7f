"""The HTTP routes that answer JSON, files and metrics."""
