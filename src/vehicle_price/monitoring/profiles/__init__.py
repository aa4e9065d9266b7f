"""Requests of a channel and day as weighted counts of the watched columns."""
