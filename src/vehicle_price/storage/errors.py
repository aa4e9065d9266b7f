"""What the store raises."""


class StorageError(ValueError):
    """A dataset could not be written or read; the message says what to do."""


class StorageUnavailable(StorageError):
    """The store does not answer now; the same call may succeed later."""


class Conflict(Exception):
    """Another process has committed in the meantime."""
