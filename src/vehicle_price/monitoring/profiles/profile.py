"""Profiles: what the requests of one channel and day look like, as counts; a few kB of plain data.

Counts are sums of the weights of `weights.py`. Profiles of days add up to that of a week, in which
no caller has more than 10 % either.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from vehicle_price.monitoring.profiles.clustering import NONE, DesignEffects, design_effects
from vehicle_price.monitoring.profiles.columns import (
    BY_NAME,
    MISSING,
    OTHER,
    WATCHED,
    Coded,
    Watched,
    code,
)
from vehicle_price.monitoring.profiles.grouping import Grouping, grouping
from vehicle_price.monitoring.profiles.weights import Weights, capped
from vehicle_price.schema import FEATURES

UNKNOWN_LEVELS = 20  # that are kept by their text in each column; the rest are OTHER
DIGITS = 3  # of a count in JSON

Counts = dict[str, float]


@dataclass(frozen=True)
class Profile:
    """rows: requested listings. effective: their total weight. few_callers: the part of `effective`
    from days with few callers. counts: watched column → level or lower limit of a bin → weight.
    clustering: watched column → design effects of its blocks."""

    rows: int
    effective: float
    few_callers: float
    counts: Mapping[str, Counts]
    clustering: Mapping[str, DesignEffects]

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
            "clustering": {
                name: [round(effect, DIGITS) for effect in effects]
                for name, effects in self.clustering.items()
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Profile":
        """A profile from what `to_json` gave. Columns that are not watched any more are left out.

        Raises KeyError for a missing part.
        """
        counts = {name: dict(data["counts"][name]) for name in data["counts"] if name in BY_NAME}
        clustering = {name: tuple(data["clustering"][name]) for name in counts}
        totals = int(data["rows"]), float(data["effective"]), float(data["few_callers"])
        return cls(*totals, counts, clustering)


EMPTY = Profile(0, 0.0, 0.0, {}, {})


def profile(requests: pd.DataFrame | Mapping[str, object]) -> Profile:
    """The profile of the requests of one channel and day.

    requests: raw listing columns; price, low, high (US dollars), warnings (list of texts), caller,
    request_id, created_at. Any column may be missing; without caller, request or price nothing is
    limited by it, or counted in its columns. With training rows: their profile.
    """
    frame = _in_order_of_time(pd.DataFrame(requests))
    coded = {watched.name: code(watched, frame) for watched in WATCHED}
    weights = request_weights(frame)
    return with_clustering(count(coded, weights), coded, weights)


def request_weights(requests: pd.DataFrame) -> Weights:
    """The weight of each request, limited by caller, request and repeated listing."""
    keys = {name: requests[name] for name in ("caller", "request_id") if name in requests}
    return capped(keys | {"listing": _listing_hashes(requests)})


def count(coded: Mapping[str, Coded], weights: Weights) -> Profile:
    """The profile of coded columns, without design effects, which only a reference's days need."""
    few_callers = weights.effective if weights.few else 0.0
    counts = {name: _counts(BY_NAME[name], c, weights.rows) for name, c in coded.items()}
    return Profile(len(weights.rows), weights.effective, few_callers, counts, {})


def with_clustering(counted: Profile, coded: Mapping[str, Coded], weights: Weights) -> Profile:
    """The profile with the design effects of its columns; the rows are in the order of time."""
    clustering = {
        name: _clustering(grouping(BY_NAME[name], counted.counts[name]), column, weights.rows)
        for name, column in coded.items()
    }
    return replace(counted, clustering=clustering)


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
        {name: _mean_effects(name, every) for name in counts},
    )


def _mean_effects(name: str, profiles: Sequence[Profile]) -> DesignEffects:
    having = [one for one in profiles if name in one.clustering and one.effective > 0]
    if not having:
        return NONE
    weights = [one.effective for one in having]
    mean = np.average([one.clustering[name] for one in having], axis=0, weights=weights)
    return tuple(mean.tolist())


def _clustering(groups: Grouping, coded: Coded, weights: np.ndarray) -> DesignEffects:
    group_of = np.array([groups.group(label) for label in coded.labels])
    return design_effects(group_of[coded.codes], len(groups.names), weights)


def _in_order_of_time(requests: pd.DataFrame) -> pd.DataFrame:
    if "created_at" not in requests:
        return requests
    # What is no time comes last; the other rows count all the same.
    created = pd.to_datetime(requests["created_at"], utc=True, format="ISO8601", errors="coerce")
    order = np.argsort(created.to_numpy(), kind="stable")
    return requests.iloc[order].reset_index(drop=True)


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
