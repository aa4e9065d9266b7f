"""Made-up requests: independent rows of a steady market, so that nothing drifts by itself."""

from datetime import date, timedelta

import numpy as np
import pandas as pd

from vehicle_price.monitoring.profiles.profile import Profile, profile

FIRST_DAY = date(2021, 4, 4)
MAKES = ("ford", "honda", "toyota", "bmw")
CONDITIONS = ("good", "excellent", "fair", None)


def made_up(rows: int, seed: int, callers: int = 40) -> pd.DataFrame:
    """Requests with the answers to them, of one day."""
    random = np.random.default_rng(seed)
    age = random.integers(1, 20, rows)
    price = np.rint(30_000 * np.exp(-age / 8 + random.normal(0, 0.3, rows)))
    return pd.DataFrame(
        {
            "year": 2021 - age,
            "manufacturer": random.choice(MAKES, rows, p=[0.4, 0.3, 0.2, 0.1]),
            "model": [f"model {n}" for n in random.integers(0, 50, rows)],
            "odometer": np.rint(age * random.normal(11_000, 2_500, rows).clip(500)).astype(int),
            "condition": random.choice(np.array(CONDITIONS, object), rows, p=[0.3, 0.3, 0.1, 0.3]),
            "state": random.choice(["tx", "ca", "ny"], rows),
            "price": price,
            "low": price * 0.8,
            "high": price * 1.25,
            "warnings": [[] for _ in range(rows)],
            "caller": random.integers(0, callers, rows).astype(str),
            "request_id": [f"{seed}-{n}" for n in range(rows)],
            "created_at": "2021-04-20T12:00:00+00:00",
        }
    )


def steady_days(count: int, rows: int) -> dict[date, Profile]:
    """Profiles of consecutive days."""
    return {FIRST_DAY + timedelta(n): profile(made_up(rows, n)) for n in range(count)}
