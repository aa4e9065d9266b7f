"""The canary's rule for feedback on drawn reports: after how many of them a canary is ended.

Reports are drawn from the ratios of one model's prices to the asked ones. Each canary gets some,
and production MORE times as many. The rule looks after every LOOK reports of the canary.
"""

from typing import NamedTuple

import numpy as np

from service.inference.canary_stats import RoleStats
from service.model_sync.canary_rule import rollback_reason
from vehicle_price.monitoring.canary import Reports, canary_feedback

MORE, LOOK, MOST = 19, 20, 2_000


class Keys(NamedTuple):
    """Who reports. honest: number of keys that report what was asked. hostile: share of all reports
    that one more key makes. on_canary, on_production: the ratio of price to reported price that
    this key gives; None for an honest one."""

    honest: int
    hostile: float = 0.0
    on_canary: float | None = None
    on_production: float | None = None


MANY_KEYS = Keys(1_000)  # none of which has more than a few reports


def ended_after(ratios: np.ndarray, factor: float, seed: int, keys: Keys = MANY_KEYS) -> float:
    """After how many reports, at most MOST, the rule ends a canary whose prices are `factor` times
    production's; infinite if it does not.

    ratios: float64 (cars,), price by asked price of cars that the model has not seen.
    """
    random = np.random.default_rng(seed)
    canary = _drawn(random, factor * ratios, MOST, keys, keys.on_canary)
    production = _drawn(random, ratios, MORE * MOST, keys, keys.on_production)
    nothing = RoleStats()
    for count in range(LOOK, MOST + 1, LOOK):
        known, reports = production.rows(slice(MORE * count)), canary.rows(slice(count))
        if rollback_reason(nothing, nothing, canary_feedback(reports, known)):
            return count
    return np.inf


def _drawn(
    random: np.random.Generator,
    ratios: np.ndarray,
    count: int,
    keys: Keys,
    false_ratio: float | None,
) -> Reports:
    is_hostile = random.random(count) < keys.hostile
    names = np.where(is_hostile, 0, random.integers(1, keys.honest + 1, count))
    honest = random.choice(ratios, count)
    given = honest if false_ratio is None else np.where(is_hostile, false_ratio, honest)
    return Reports(names, given)
