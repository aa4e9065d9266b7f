"""Groups of a column's levels or fine bins, chosen by the reference: what distances compare."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vehicle_price.distance import quantile_starts
from vehicle_price.monitoring.profiles.columns import LOWEST, MISSING, Watched

RARE = "rare"
MIN_SHARE = 0.01  # of the reference; a level with less is RARE
QUANTILE_BINS = 20


@dataclass(frozen=True)
class Grouping:
    """names: of the groups, for people. group_of: level → group, for levels.

    lower: lower limits of the first groups, ascending, for numbers. The last group is RARE for
    levels, MISSING for numbers.
    """

    names: tuple[str, ...]
    group_of: Mapping[str, int]
    lower: tuple[float, ...] = ()

    def grouped(self, counts: Mapping[str, float]) -> np.ndarray:
        """float64 (groups,): the weights of a profile's column in each group."""
        groups = [self.group(label) for label in counts]
        return np.bincount(
            np.array(groups, int), np.array(list(counts.values()), float), len(self.names)
        )

    def group(self, label: str) -> int:
        """The group of a level, or of the lower limit of a fine bin."""
        if label in self.group_of:
            return self.group_of[label]
        if not self.lower:
            return len(self.names) - 1
        return max(bisect_right(self.lower, float(label)) - 1, 0)


def grouping(watched: Watched, counts: Mapping[str, float]) -> Grouping:
    """The groups of a column, from the reference's counts."""
    return _of_numbers(counts) if watched.limits else _of_levels(counts)


def _of_levels(counts: Mapping[str, float]) -> Grouping:
    total = sum(counts.values())
    common = [label for label, weight in counts.items() if weight >= MIN_SHARE * total]
    names = (*sorted(set(common) - {MISSING}), MISSING, RARE)
    return Grouping(names, {name: n for n, name in enumerate(names[:-1])})


def _of_numbers(counts: Mapping[str, float]) -> Grouping:
    """Quantile bins, merged out of the fine ones by the middle of their ranks."""
    lower = np.sort([float(label) for label in counts if label != MISSING])
    by_limit = {float(label): weight for label, weight in counts.items() if label != MISSING}
    weights = np.array([by_limit[limit] for limit in lower])
    starts = quantile_starts(weights, QUANTILE_BINS)
    limits = tuple(lower[starts].tolist()) or (float(LOWEST),)
    return Grouping((*_names(limits), MISSING), {MISSING: len(limits)}, limits)


def _names(limits: tuple[float, ...]) -> list[str]:
    if len(limits) == 1:
        return ["all"]
    between = [f"{low:,g} to {high:,g}" for low, high in zip(limits[1:], limits[2:], strict=False)]
    return [f"below {limits[1]:,g}", *between, f"from {limits[-1]:,g}"]
