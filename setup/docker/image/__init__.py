"""What runs inside every image: the entry point and the health check."""
