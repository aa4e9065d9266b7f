"""The common type of faults that pass by themselves. Imports nothing."""


class TransientError(Exception):
    """The other side does not answer now; the same call may succeed later.

    Airflow tries a task again after it, and not after other wrong input. Errors of a room that pass
    have this type beside the room's own.
    """


def is_transient(error: BaseException | None) -> bool:
    """Whether an error, or one that it was raised from, passes by itself.

    >>> try:
    ...     raise ValueError("no report") from TransientError("503")
    ... except ValueError as error:
    ...     is_transient(error), is_transient(KeyError("x"))
    (True, False)
    """
    while error is not None:
        if isinstance(error, TransientError):
            return True
        error = error.__cause__
    return False
