"""The listings of a rehearsal by posting day, and the file that grows by one day after another."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from setup.rehearsal.faults import Fault
from vehicle_price.contract.check import check
from vehicle_price.pipelines import ingestion, replay
from vehicle_price.schema import FEATURES, TARGET
from vehicle_price.settings import Settings
from vehicle_price.sources.base import SourceQuery

MIN_LISTINGS = 300  # of a day that is replayed; a source may begin or end with a part of a day
LEARNT_DAYS = 6  # at least, of which the first model learns
FEATURE_NAMES = [column.name for column in FEATURES]


class Day(NamedTuple):
    """A posting day ('YYYY-MM-DD') and its raw listings: text columns of a source."""

    day: str
    raw: pd.DataFrame


class TooFewDays(ValueError):
    """The listings do not spread over enough days; the message says how many are needed."""


def read_days(settings: Settings) -> list[Day]:
    """All listings of the installation's source, by posting day. Raises SourceError."""
    query = SourceQuery(settings.data, settings.sample_rows, settings.seed)
    frames = ingestion.read_raw(settings, settings.source, query)
    folder = f"{settings.local_dir}/replay"
    return [Day(day, pd.concat(list(parts))) for day, parts in replay.days(frames, folder)]


def split(days: Sequence[Day], most: int, least: int) -> tuple[list[Day], list[Day]]:
    """The days that the first model learns from, and the last ones, which may be replayed: at most
    and at least so many.

    Raises TooFewDays.
    """
    full = [day for day in days if len(day.raw) >= MIN_LISTINGS]
    replayed = min(most, len(full) - LEARNT_DAYS)
    if replayed < least:
        raise TooFewDays(
            f"{len(full)} days have {MIN_LISTINGS} listings; this rehearsal needs {least} to "
            f"replay and {LEARNT_DAYS} to learn from. Give more days with DATA="
        )
    return full[:-replayed], full[-replayed:]


class Feed:
    """The file that the platform reads its listings from; grows by a day at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)

    def append(self, day: Day) -> None:
        """Add a day's listings."""
        is_new = not self.path.exists()
        day.raw.to_csv(self.path, mode="a", header=is_new, index=False)


def shifted(days: Sequence[Day], fault_day: int, fault: Fault) -> Iterator[Day]:
    """The days with their prices, multiplied from the day with number `fault_day` on."""
    for number, day in enumerate(days):
        if number < fault_day or fault.prices == 1:
            yield day
            continue
        price = pd.to_numeric(day.raw[TARGET.name], errors="coerce") * fault.prices
        text = price.round().astype("Int64").astype("string")
        yield day._replace(raw=day.raw.assign(**{TARGET.name: text}))


def cars_of(day: Day, count: int) -> pd.DataFrame:
    """Some of a day's accepted listings as callers send them: features, and `asked` in US dollars.

    The same day gives the same cars.
    """
    accepted = check(day.raw).accepted.to_pandas()
    chosen = accepted.sample(min(count, len(accepted)), random_state=0)
    return chosen[FEATURE_NAMES].assign(asked=chosen[TARGET.name]).reset_index(drop=True)
