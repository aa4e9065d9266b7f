"""Backup and restore of an installation: databases, models, listings, records on their way."""
