"""The canary's rule for feedback on drawn reports: after how many of them a canary is ended.

Reports are drawn from the ratios of one model's prices to the asked ones. Each canary gets some,
and production MORE times as many. The rule looks after every LOOK reports of the canary.
"""

import numpy as np

from service.inference.canary_stats import RoleStats
from service.model_sync.canary_rule import rollback_reason
from vehicle_price.prediction_log.rows import CanaryFeedback

MORE, LOOK, MOST = 19, 20, 2_000


def ended_after(ratios: np.ndarray, factor: float, seed: int) -> float:
    """After how many reports, at most MOST, the rule ends a canary whose prices are `factor` times
    production's; infinite if it does not.

    ratios: float64 (cars,), price by asked price of cars that the model has not seen.
    """
    random = np.random.default_rng(seed)
    canary = factor * random.choice(ratios, MOST)
    production = random.choice(ratios, MORE * MOST)
    nothing = RoleStats()
    for count in range(LOOK, MOST + 1, LOOK):
        known, reports = production[: MORE * count], canary[:count]
        error, middle = np.median(np.abs(known - 1)), np.median(known)
        feedback = CanaryFeedback(
            len(known),
            count,
            int((np.abs(reports - 1) > error).sum()),
            int((reports > middle).sum()),
            int((reports < middle).sum()),
        )
        if rollback_reason(nothing, nothing, feedback):
            return count
    return np.inf
