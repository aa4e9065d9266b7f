"""The types that all sources share: Source, SourceQuery, and their errors."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd

from vehicle_price.contract.posting_day import is_day
from vehicle_price.settings import Settings
from vehicle_price.transient import TransientError


class SourceError(ValueError):
    """Listings could not be read; the message names the source and says what to do."""


class SourceUnavailable(SourceError, TransientError):
    """The source does not answer now; the same reading may succeed later."""


@dataclass(frozen=True)
class SourceQuery:
    """Which listings to read. Each source uses the fields it needs.

    data: path of a file. rows, seed: size and seed of the built-in sample.
    since, until: posting days 'YYYY-MM-DD', inclusive; empty: no limit. Raises SourceError for
    anything else, or when `since` is after `until`.
    """

    data: str = ""
    rows: int = Settings.sample_rows
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
    """A source of listings.

    read: yields raw frames (text columns `contract.STORED_COLUMNS`, about 50,000 rows each) of the
    days in the query; raises SourceError when it cannot.
    """

    name: str
    help: str
    read: Callable[[SourceQuery, Settings], Iterator[pd.DataFrame]]
