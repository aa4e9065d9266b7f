"""What the native and the Docker runtime share, and the choice between them."""
