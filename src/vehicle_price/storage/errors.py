"""What the store raises."""

from vehicle_price.transient import TransientError


class StorageError(ValueError):
    """A dataset could not be written or read; the message says what to do."""


class StorageUnavailable(StorageError, TransientError):
    """The store does not answer now; the same call may succeed later."""


class Conflict(Exception):
    """Another process has committed in the meantime."""
