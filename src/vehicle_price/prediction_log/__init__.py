"""Predictions and feedback in PostgreSQL: rows, queries, migrations."""
