"""Errors of the prediction log. Importing them does not import the database driver."""


class DatabaseUnavailable(RuntimeError):
    """PostgreSQL does not answer, or not as it should; the message names it and the error."""


class InvalidRow(ValueError):
    """PostgreSQL refuses a row because of its values."""
