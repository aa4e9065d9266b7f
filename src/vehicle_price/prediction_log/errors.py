"""Errors of the prediction log. Importing them does not import the database driver."""

from collections.abc import Sequence

from vehicle_price.transient import TransientError


class DatabaseUnavailable(RuntimeError, TransientError):
    """PostgreSQL does not answer, or not as it should; the message names it and the error."""


class InvalidRow(ValueError):
    """PostgreSQL refuses a row because of its values."""


class PredictionArchived(LookupError):
    """A prediction has left PostgreSQL, if it was ever made. files: of the archive, below its
    folder, that may hold it."""

    def __init__(self, files: Sequence[str]) -> None:
        super().__init__(f"the prediction is in the archive: {' or '.join(files)}")
        self.files = tuple(files)
