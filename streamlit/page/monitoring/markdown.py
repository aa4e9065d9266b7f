"""Markdown that shows foreign text as it is. Its tables wrap on a narrow screen."""

import re
from collections.abc import Iterable, Sequence

PUNCTUATION = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|$~:^=&])")


def plain(text: object) -> str:
    """Text that Markdown shows as it is: levels of columns come from clients.

    >>> print(plain("<missing> | ![a](b)"))
    \\<missing\\> \\| \\!\\[a\\]\\(b\\)
    """
    return PUNCTUATION.sub(r"\\\1", re.sub(r"\s+", " ", str(text)))


def sentence(text: str) -> str:
    """The same, but commands in backticks stay commands.

    >>> print(sentence("a_b: run `make status`"))
    a\\_b\\: run `make status`
    """
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return plain(text)
    return "".join(f"`{part}`" if n % 2 else plain(part) for n, part in enumerate(parts))


def markdown_table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already; "" without rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    head = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    return "\n".join([*head, *lines]) if lines else ""


def linked(name: str, address: str) -> str:
    """A link; "" without an address."""
    return f"[{name}]({address})" if address else ""
