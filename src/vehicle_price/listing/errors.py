"""The errors in a listing that a client sent, one for each wrong value. Independent of HTTP."""

from typing import NamedTuple

MAX_ERRORS = 100
ECHO_LENGTH = 80


class FieldError(NamedTuple):
    """One wrong value. `pointer` is a JSON pointer into the body, such as `/3/odometer`."""

    pointer: str
    detail: str
    value: object = None


class WrongValues(ValueError):
    """The content breaks the schema of a listing; `errors` holds up to `MAX_ERRORS` errors."""

    def __init__(self, errors: list[FieldError]) -> None:
        first, further = errors[0], len(errors) - 1
        super().__init__(
            f"{first.pointer} {first.detail}".strip() + f" (and {further} more)" * bool(further)
        )
        self.errors = errors[:MAX_ERRORS]


def wrong_file(detail: str) -> WrongValues:
    """The error for a file as a whole."""
    return WrongValues([FieldError("", detail)])


def not_parquet(reason: str) -> WrongValues:
    """The error for a file that breaks the Parquet format."""
    return wrong_file(f"not Parquet: {reason}")


def echo(value: object) -> object:
    """`value` shortened for an error message: a JSON scalar of limited length.

    >>> echo(True), echo(12), echo("x" * 100)[-3:], echo([1, 2])
    (True, 12, 'xx…', 'a list of 2')
    """
    if isinstance(value, str):
        return value if len(value) <= ECHO_LENGTH else value[:ECHO_LENGTH] + "…"
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return value if abs(value) < 1e18 else "a number of 1e18 or more"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return "an object"


def pointer_part(name: object) -> str:
    """A name as a segment of a JSON pointer (RFC 6901), shortened like `echo`.

    >>> pointer_part("a/b~c")
    '/a~1b~0c'
    """
    return "/" + str(echo(name)).replace("~", "~0").replace("/", "~1")
