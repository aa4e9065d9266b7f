"""Check and read the listings that clients send: one, a list, a file."""
