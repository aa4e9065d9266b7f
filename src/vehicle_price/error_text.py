"""Texts of errors, shortened for messages and made fit for strangers."""

import re

# Absolute paths, not the path of an address such as http://127.0.0.1:8080/api.
PATH = re.compile(r"(?<![\w:/.#])/(?:[^\s/:,;'\"()]+/)+([^\s/:,;'\"()]*)")


def first_line(error: object) -> str:
    """The first line of an error's message; the name of its type when the message is empty.

    >>> first_line(ValueError("bad row\\nin file x")), first_line(EOFError())
    ('bad row', 'EOFError')
    """
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def without_folders(text: str) -> str:
    """`text` with the names of files in place of absolute paths: folders are nobody's business.

    >>> without_folders("/srv/app/.local/outbox.sqlite is full; see http://a:80/b/#/c/d")
    'outbox.sqlite is full; see http://a:80/b/#/c/d'
    """
    return PATH.sub(r"\1", text)
