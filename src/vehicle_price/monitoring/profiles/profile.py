"""Profiles: what the requests of one channel and day look like, as counts; a few kB of plain data.

Counts are sums of the weights of `weights.py`. Profiles of days add up to that of a week, in which
no caller has more than 10 % either.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from vehicle_price.monitoring.profiles.columns import (
    BY_NAME,
    MISSING,
    OTHER,
    WATCHED,
    Coded,
    Watched,
    code,
)
from vehicle_price.monitoring.profiles.weights import Weights, capped
from vehicle_price.schema import FEATURES

UNKNOWN_LEVELS = 20  # that are kept by their text in each column; the rest are OTHER
DIGITS = 3  # of a count in JSON

Counts = dict[str, float]


@dataclass(frozen=True)
class Profile:
    """rows: requested listings. effective: their total weight. few_callers: the part of `effective`
    from days with few callers. counts: watched column → level or lower limit of a bin → weight."""

    rows: int
    effective: float
    few_callers: float
    counts: Mapping[str, Counts]

    def to_json(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {
            "rows": self.rows,
            "effective": round(self.effective, DIGITS),
            "few_callers": round(self.few_callers, DIGITS),
            "counts": {
                name: {label: round(weight, DIGITS) for label, weight in counts.items()}
                for name, counts in self.counts.items()
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Profile":
        """A profile from what `to_json` gave. Columns that are not watched any more are left out.

        Raises KeyError for a missing part.
        """
        counts = {name: dict(data["counts"][name]) for name in data["counts"] if name in BY_NAME}
        return cls(int(data["rows"]), float(data["effective"]), float(data["few_callers"]), counts)


EMPTY = Profile(0, 0.0, 0.0, {})


def profile(requests: pd.DataFrame | Mapping[str, object]) -> Profile:
    """The profile of the requests of one channel and day.

    requests: raw listing columns; price, low, high (US dollars), warnings (list of texts), caller,
    request_id, created_at. Any column may be missing; without caller, request or price nothing is
    limited by it, or counted in its columns. With training rows: their profile.
    """
    frame = pd.DataFrame(requests)
    coded = {watched.name: code(watched, frame) for watched in WATCHED}
    return count(coded, request_weights(frame))


def request_weights(requests: pd.DataFrame) -> Weights:
    """The weight of each request, limited by caller, request and repeated listing."""
    keys = {name: requests[name] for name in ("caller", "request_id") if name in requests}
    return capped(keys | {"listing": _listing_hashes(requests)})


def count(coded: Mapping[str, Coded], weights: Weights) -> Profile:
    """The profile of coded columns."""
    few_callers = weights.effective if weights.few else 0.0
    counts = {name: _counts(BY_NAME[name], c, weights.rows) for name, c in coded.items()}
    return Profile(len(weights.rows), weights.effective, few_callers, counts)


def add(profiles: Iterable[Profile]) -> Profile:
    """The profile of several days or versions together."""
    every = list(profiles)
    counts: dict[str, Counter] = {}
    for one in every:
        for name, of_column in one.counts.items():
            counts.setdefault(name, Counter()).update(of_column)
    return Profile(
        sum(one.rows for one in every),
        sum(one.effective for one in every),
        sum(one.few_callers for one in every),
        {name: _bounded(BY_NAME[name], dict(total)) for name, total in counts.items()},
    )


def _counts(watched: Watched, coded: Coded, weights: np.ndarray) -> Counts:
    totals = np.bincount(coded.codes, weights, len(coded.labels))
    counts: Counts = {}
    for label, total in zip(coded.labels, totals.tolist(), strict=True):
        if total > 0:
            counts[label] = counts.get(label, 0.0) + total
    return _bounded(watched, counts)


def _bounded(watched: Watched, counts: Counts) -> Counts:
    """The counts with at most UNKNOWN_LEVELS levels that the schema does not name."""
    if not watched.levels:
        return counts
    unknown = [label for label in counts if label not in (*watched.levels, MISSING, OTHER)]
    rare = sorted(unknown, key=lambda label: (-counts[label], label))[UNKNOWN_LEVELS:]
    kept = {label: weight for label, weight in counts.items() if label not in set(rare)}
    if rare:
        kept[OTHER] = kept.get(OTHER, 0.0) + sum(counts[label] for label in rare)
    return kept


def _listing_hashes(requests: pd.DataFrame) -> np.ndarray:
    """uint64 (rows,): equal for listings with equal values in all columns of the model."""
    names = [column.name for column in FEATURES if column.name in requests]
    if not names:
        return np.arange(len(requests), dtype=np.uint64)
    return pd.util.hash_pandas_object(_hashable(requests[names]), index=False).to_numpy()


def _hashable(listings: pd.DataFrame) -> pd.DataFrame:
    plain = {
        name: (
            column
            if pd.api.types.is_numeric_dtype(column)
            or pd.api.types.infer_dtype(column, skipna=True) in ("string", "empty")
            else column.map(str)
        )
        for name, column in listings.items()
    }
    return pd.DataFrame(plain)
