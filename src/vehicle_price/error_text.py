"""Texts of errors, shortened for messages."""


def first_line(error: object) -> str:
    """The first line of an error's message; the name of its type when the message is empty.

    >>> first_line(ValueError("bad row\\nin file x")), first_line(EOFError())
    ('bad row', 'EOFError')
    """
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
