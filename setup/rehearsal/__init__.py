"""Replay days of listings as requests, with a fault, on a platform of its own."""
