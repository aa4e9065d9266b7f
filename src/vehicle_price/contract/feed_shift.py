"""Compare the distributions of a feed's columns with those of its earlier reports.

A column has shifted when

- the Jensen-Shannon distance of its distribution is larger than quiet days and chance explain, or
- a level is gone and an unknown one has its place, or
- the median mileage a year has moved by more than quiet days and chance explain. A dealer's young
  cars change price, odometer and age of a batch together, and the mileage a year hardly; another
  unit changes nothing else.

What the constants are worth, on real listings: `python -m benchmarks.feed_contract`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from vehicle_price.contract.distributions import (
    LEVELS,
    MILEAGE,
    MISSING,
    NUMBERS,
    OTHER,
    Counts,
    added,
    binned_array,
    median_of,
)
from vehicle_price.distance import jensen_shannon, quantile_starts, shares

MIN_ROWS = 40  # with a value; a column with fewer is not compared
QUANTILE_GROUPS = 20
COMMON_SHARE = 0.01  # of the usual rows; rarer levels are one group
RARE, NEW = "rare levels", "levels that never came"

# Neighbouring listings are alike, so that some hundred of them tell less than as many independent
# ones: by so much the variance of a share is larger. Measured on real listings, in listing order.
ALIKE_NUMBERS, ALIKE_LEVELS, ALIKE_QUARANTINED = 4.0, 25.0, 8.0
# The share of quarantined rows hardly differs between days: this part of the largest distance.
QUARANTINED_PART = 0.5
CHANCE_SD = 4.0  # standard deviations of a chi-squared statistic that chance may add
# Which states are posted depends on the hour and on the region that a feed has come to.
REGIONAL = ("state",)

# The natural logarithm by which the median mileage a year differs from the usual one on quiet days,
# and what chance adds: the square root of so many divided by the rows. Young cars lower it more
# than any raise it. A kilometre for a mile is 0.48.
MILEAGE_SHIFT, MILEAGE_RISES, MILEAGE_FALLS = 0.22, 15.0, 45.0

# A level is gone, or new, if its share is this small beside the other side's.
VANISHED = 0.05
# Independent rows that must be expected of a level before its absence means something: none of
# them would come by chance less often than once in a million times.
EXPECTED_ROWS = -math.log(1e-6)
SHOWN_MOVERS = 3
SAME_SHARE = 2.0  # factor within which the shares of a gone and a new level are the same


class LevelShare(NamedTuple):
    """A level and its share of the rows, 0 to 1."""

    level: str
    share: float


class Renamed(NamedTuple):
    """A level that is gone, with its usual share, and the new one with about the same share."""

    gone: LevelShare
    new: LevelShare


class Mover(NamedTuple):
    """A level or group of levels, and its shares."""

    level: str
    usual: float
    share: float


class QuarantinedShare(NamedTuple):
    """The share of quarantined rows, the usual one, and the largest that does not stop the run."""

    share: float
    usual: float
    limit: float


@dataclass(frozen=True)
class ColumnComparison:
    """One column of a report beside the earlier ones.

    distance: Jensen-Shannon, 0 to 1. limit: the largest that does not stop the run; 1 for columns
    whose levels are only compared one by one. median, usual_median: of a column of numbers.
    median_factor: the largest between them that does not stop the run, None where none does.
    renamed, movers (the levels whose shares differ most): of a column of levels.
    """

    column: str
    rows: int
    distance: float
    limit: float
    median: float | None = None
    usual_median: float | None = None
    median_factor: float | None = None
    renamed: tuple[Renamed, ...] = ()
    movers: tuple[Mover, ...] = ()

    @property
    def shifted(self) -> bool:
        """Whether the column stops the run."""
        return self.distance > self.limit or self.median_shifted or bool(self.renamed)

    @property
    def median_shifted(self) -> bool:
        """Whether the median is too far from the usual one."""
        if not self.median_factor or not self.median or not self.usual_median:
            return False
        return abs(math.log(self.median / self.usual_median)) > math.log(self.median_factor)


def compare_columns(
    report: Mapping, earlier: Sequence[Mapping], max_shift: float
) -> dict[str, ColumnComparison]:
    """Each column that both the report and earlier reports have enough rows of.

    max_shift: the distance that rows may differ by
    naturally; from 1 on nothing has shifted.
    """
    compared = {}
    for name, counts in report["distributions"].items():
        usual = added([past["distributions"].get(name, {}) for past in earlier])
        if min(sum(counts.values()), sum(usual.values())) >= MIN_ROWS:
            one = _numbers if name in NUMBERS else _levels
            compared[name] = one(name, counts, usual, max_shift)
    return compared


def compare_quarantined(
    report: Mapping, earlier: Sequence[Mapping], max_shift: float
) -> QuarantinedShare | None:
    """The share of quarantined rows; None where there are too few rows."""
    groups, usual = _accepted_or_not([report]), _accepted_or_not(earlier)
    if max_shift >= 1 or min(groups.sum(), usual.sum()) < MIN_ROWS:
        return None
    limit = _limit(groups, usual, max_shift * QUARANTINED_PART, ALIKE_QUARANTINED)
    usual_share = float(shares(usual)[1])
    return QuarantinedShare(float(shares(groups)[1]), usual_share, _share_at(limit, usual_share))


def _share_at(distance: float, usual: float) -> float:
    """The share above `usual` at this Jensen-Shannon distance from it; at most 1."""
    low, high = usual, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        found = jensen_shannon(np.array([1 - middle, middle]), np.array([1 - usual, usual]))
        low, high = (middle, high) if found < distance else (low, middle)
    return high


def _accepted_or_not(reports: Sequence[Mapping]) -> np.ndarray:
    counts = [[report["accepted"], report["quarantined"]] for report in reports]
    return np.array(counts, float).reshape(-1, 2).sum(axis=0)


def _numbers(name: str, counts: Counts, usual: Counts, max_shift: float) -> ColumnComparison:
    now, before = binned_array(name, counts), binned_array(name, usual)
    starts = quantile_starts(before, QUANTILE_GROUPS)
    groups, usual_groups = np.add.reduceat(now, starts), np.add.reduceat(before, starts)
    median, usual_median = median_of(name, now), median_of(name, before)
    has_limit = name == MILEAGE and max_shift < 1 and median and usual_median
    return ColumnComparison(
        name,
        int(now.sum()),
        float(jensen_shannon(groups, usual_groups)),
        _limit(groups, usual_groups, max_shift, ALIKE_NUMBERS),
        median,
        usual_median,
        _mileage_factor(median > usual_median, now.sum(), before.sum()) if has_limit else None,
    )


def _mileage_factor(rises: bool, rows: float, usual_rows: float) -> float:
    """By how much quiet days and chance multiply or divide the median mileage a year."""
    chance = (MILEAGE_RISES if rises else MILEAGE_FALLS) * (1 / rows + 1 / usual_rows)
    return math.exp(math.sqrt(MILEAGE_SHIFT**2 + chance))


def _levels(name: str, counts: Counts, usual: Counts, max_shift: float) -> ColumnComparison:
    group_of = {level: n for n, level in enumerate(_common(usual))}
    size = len(group_of) + 2
    groups, usual_groups = np.zeros(size), np.zeros(size)
    for level, rows in usual.items():
        usual_groups[group_of.get(level, size - 2)] += rows
    for level, rows in counts.items():
        groups[group_of.get(level, size - 2 if level in usual else size - 1)] += rows
    limit = _limit(groups, usual_groups, max_shift, ALIKE_LEVELS)
    return ColumnComparison(
        name,
        int(groups.sum()),
        float(jensen_shannon(groups, usual_groups)),
        1.0 if name in REGIONAL else limit,
        renamed=_renamed(name, counts, usual) if max_shift < 1 else (),
        movers=_movers([*group_of, RARE, NEW], groups, usual_groups),
    )


def _common(usual: Counts) -> list[str]:
    total = sum(usual.values())
    return [level for level, rows in usual.items() if rows >= COMMON_SHARE * total]


def _limit(groups: np.ndarray, usual: np.ndarray, max_shift: float, alike: float) -> float:
    """The distance that the natural difference of quiet days and chance explain together.

    By chance 8 ln 2 times the squared distance is about chi-squared, divided by the rows, with a
    degree of freedom less than there are groups.
    """
    if max_shift >= 1:
        return 1.0
    freedom = max(np.count_nonzero(groups + usual) - 1, 1)
    chi_squared = freedom + CHANCE_SD * math.sqrt(2 * freedom)
    chance = alike * chi_squared * (1 / groups.sum() + 1 / usual.sum()) / (8 * math.log(2))
    return min(math.sqrt(max_shift**2 + chance), 1.0)


def _renamed(name: str, counts: Counts, usual: Counts) -> tuple[Renamed, ...]:
    """Levels that are gone although enough of their rows are expected, each with its successor.

    A successor is a level that neither the schema nor the earlier reports know.
    """
    rows, usual_rows = sum(counts.values()), sum(usual.values())
    new = {
        level: count / rows
        for level, count in counts.items()
        if level not in (MISSING, OTHER, *LEVELS[name])
        and count >= EXPECTED_ROWS
        and usual.get(level, 0) / usual_rows <= VANISHED * count / rows
    }
    found = []
    for level in sorted(usual, key=lambda level: (-usual[level], level)):
        share = usual[level] / usual_rows
        is_gone = counts.get(level, 0) / rows <= VANISHED * share
        if level in (MISSING, OTHER) or not is_gone:
            continue
        successor = _nearest(share, new)
        enough = share * rows >= EXPECTED_ROWS
        if successor and enough:
            successor_share = LevelShare(successor, new.pop(successor))
            found.append(Renamed(LevelShare(level, share), successor_share))
    return tuple(found)


def _movers(names: Sequence[str], groups: np.ndarray, usual: np.ndarray) -> tuple[Mover, ...]:
    now, before = shares(groups), shares(usual)
    largest = np.argsort(-np.abs(now - before), kind="stable")[:SHOWN_MOVERS]
    return tuple(Mover(names[n], float(before[n]), float(now[n])) for n in largest)


def _nearest(share: float, new: Mapping[str, float]) -> str:
    """The new level whose share is most like `share`, within SAME_SHARE; '' if there is none."""
    ratios = {level: abs(math.log(other / share)) for level, other in new.items()}
    nearest = min(ratios, key=lambda level: (ratios[level], level), default="")
    return nearest if nearest and ratios[nearest] <= math.log(SAME_SHARE) else ""
