"""What a source is asked for, and what it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class SourceQuery:
    """What to read. Each source uses the fields it needs.

    data: path of a file. rows, seed: size and seed of the built-in sample.
    """

    data: str = ""
    rows: int = 60_000
    seed: int = 20


@dataclass(frozen=True)
class Source:
    """A place listings come from.

    read: yields raw frames (26 text columns in schema order, about 50,000 rows each);
    raises SourceError when it cannot.
    """

    name: str
    help: str
    read: Callable[[SourceQuery], Iterator[pd.DataFrame]]
