"""Validate the listings that a client sends: one, a list or a file."""
