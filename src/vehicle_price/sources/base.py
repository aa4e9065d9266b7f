"""What a source is, what it is asked for, and what it raises."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd

from vehicle_price.contract.posting_day import is_day
from vehicle_price.settings import Settings


class SourceError(ValueError):
    """Listings could not be read; the message names the place and says what to do."""


@dataclass(frozen=True)
class SourceQuery:
    """What to read. Each source uses the fields it needs.

    data: path of a file. rows, seed: size and seed of the built-in sample.
    since, until: posting days 'YYYY-MM-DD', inclusive; empty: no limit. Raises SourceError
    for anything else, or when they are the wrong way round.
    """

    data: str = ""
    rows: int = 60_000
    seed: int = 20
    since: str = ""
    until: str = ""

    def __post_init__(self) -> None:
        for name, day in (("since", self.since), ("until", self.until)):
            if day and not is_day(day):
                raise SourceError(f"{name} {day!r}: expected a day like 2021-04-28")
        if self.since and self.until and self.since > self.until:
            raise SourceError(f"since {self.since} is after until {self.until}: swap them")


@dataclass(frozen=True)
class Source:
    """A place listings come from.

    read: yields raw frames (text columns `contract.ACCEPTED`, about 50,000 rows each) of the
    days asked for; raises SourceError when it cannot.
    """

    name: str
    help: str
    read: Callable[[SourceQuery, Settings], Iterator[pd.DataFrame]]
