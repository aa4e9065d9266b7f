"""Text of one listing in the form that the contract gives a whole frame of them.

Equal to `contract.normalised` (a test holds the two together), without pandas or Arrow.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from vehicle_price.schema import Column

TEXTS_KEPT = 2_000  # of each column
_SPACES = re.compile(" {2,}")


def tidy(text: str) -> str:
    """`text` without outer or repeated white space, control or zero-width characters.

    >>> tidy("  f-150\\u200b  XLT\\t")
    'f-150 XLT'
    """
    plain = text.isascii() and text.isprintable()
    if not plain:
        text = "".join(" " if _is_space(c) else c for c in text)
    text = _SPACES.sub(" ", text)
    if not plain:
        text = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf"))
    return text.strip(" ")


def cleaner(column: Column) -> Callable[[str], str | None]:
    """What makes the text of `column` tidy: levels in the schema's spelling, empty as None.

    The function returned raises ValueError for an empty text in a required column.
    """
    spelling = {level.lower(): level for level in column.levels}
    known = set(column.levels)

    def clean(text: str) -> str | None:
        if text in known:
            return text
        found = tidy(text)
        if column.kind == "level":
            found = spelling.get(found.lower(), found.lower())
        if not found and column.required:
            raise ValueError(f"is required: {column.help}")
        return found or None

    return lru_cache(maxsize=TEXTS_KEPT)(clean)  # the same few texts come again and again


def _is_space(character: str) -> bool:
    return character in "\t\n\f\r" or unicodedata.category(character)[0] == "Z"
