"""What the store raises."""


class StorageError(ValueError):
    """A dataset could not be written or read; the message says what to do."""


class Conflict(Exception):
    """Another process has replaced the file in the meantime."""
