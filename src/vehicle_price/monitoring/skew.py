"""How requests differ from the training rows; shown, never alarmed.

Clients leave optional fields blank far more often than sellers, so distances are of given values
only, and the share of blanks is a figure of its own.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from vehicle_price.distance import STATISTICS
from vehicle_price.monitoring.calibration import STATISTIC
from vehicle_price.monitoring.profiles.clustering import NONE
from vehicle_price.monitoring.profiles.columns import MISSING, WATCHED, code
from vehicle_price.monitoring.profiles.grouping import grouping
from vehicle_price.monitoring.profiles.profile import Counts, Profile, count
from vehicle_price.monitoring.profiles.weights import Weights

# Of the listing itself: training rows have no warnings, and asked prices instead of predicted ones.
COLUMNS = tuple(w for w in WATCHED if (w.limits or w.levels) and not w.of_version)


class ColumnSkew(NamedTuple):
    """distance: of the given values. blank, training_blank: shares of rows without a value."""

    column: str
    distance: float
    blank: float
    training_blank: float


def training_profile(cars: pd.DataFrame) -> Profile:
    """The profile of a model's training rows, one row a car: a few kB that are kept with it.

    cars: raw listing columns. Each car counts once, so that no weights are needed.
    """
    weights = Weights(np.ones(len(cars)), float(len(cars)), ())
    counted = count({watched.name: code(watched, cars) for watched in COLUMNS}, weights)
    return replace(counted, clustering=dict.fromkeys(counted.counts, NONE))


def skew(window: Profile, training: Profile) -> tuple[ColumnSkew, ...]:
    """Each column that both have. training: the `training_profile` of a model."""
    return tuple(
        _skew(watched.name, window.counts[watched.name], training.counts[watched.name])
        for watched in COLUMNS
        if window.counts.get(watched.name) and training.counts.get(watched.name)
    )


def _skew(name: str, window: Counts, training: Counts) -> ColumnSkew:
    watched = next(w for w in COLUMNS if w.name == name)
    groups = grouping(watched, _given(training))
    distance = STATISTICS[STATISTIC](
        groups.grouped(_given(window)), groups.grouped(_given(training))
    )
    return ColumnSkew(name, float(distance), _blank(window), _blank(training))


def _given(counts: Counts) -> Counts:
    return {label: weight for label, weight in counts.items() if label != MISSING}


def _blank(counts: Counts) -> float:
    return counts.get(MISSING, 0.0) / sum(counts.values())
