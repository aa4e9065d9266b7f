"""What ends a backup or a restore; `__main__` prints it."""


class BackupError(RuntimeError):
    """It cannot be made or restored; the message names the thing and says what to do."""
