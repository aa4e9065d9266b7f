"""The schema of the prediction log, step by step; Alembic runs the steps."""
