"""The cars of the sample: what they are, how they aged, what they are worth. No dirt yet."""

import numpy as np
import pandas as pd

from vehicle_price.sources.sample.tables import BODIES, HOLDS_VALUE, Body, models

POSTED_YEAR = 2021

# Cars of each age (years), relative; what is older than 25 years is drawn apart.
AGE_WEIGHTS = (
    5,
    33,
    47,
    70,
    71,
    62,
    69,
    69,
    71,
    57,
    52,
    42,
    33,
    46,
    41,
    35,
    30,
    26,
    20,
    16,
    13,
    10,
    9,
    6,
    5,
    4,
)
OLD_SHARE = 0.035

# Share of log price lost per thousand miles.
MILEAGE_LOSS = 0.0021
SELLER_NOISE = 0.12

CONDITION = {
    "new": 0.10,
    "like new": 0.07,
    "excellent": 0.04,
    "good": 0.0,
    "fair": -0.35,
    "salvage": -0.85,
}
TITLE = {
    "clean": (0.955, 0.0),
    "rebuilt": (0.020, -0.25),
    "salvage": (0.010, -0.45),
    "lien": (0.012, 0.02),
    "missing": (0.002, -0.50),
    "parts only": (0.001, -1.00),
}
PAINT = (
    "white 26 black 21 silver 15 blue 11 red 10 grey 10 "
    "green 2 custom 2 brown 2 orange 1 yellow 1 purple 0.4"
)


def draw_cars(count: int, rng: np.random.Generator) -> pd.DataFrame:
    """`count` clean cars, one a row.

    Columns: make, name, trim, body, year, odometer (miles), price (whole US dollars),
    condition, cylinders, fuel, title_status, transmission, drive, size, type, paint_color.
    """
    cars = _identity(_ages(count, rng), rng)
    age = POSTED_YEAR - cars["year"].to_numpy()
    cars["odometer"] = _odometer(age, cars["body"].to_numpy(), rng)
    cars["condition"] = _condition(age, rng)
    cars["title_status"] = pick({k: share for k, (share, _) in TITLE.items()}, count, rng)
    cars["paint_color"] = pick(shares(PAINT), count, rng)
    for name, body in BODIES.items():
        of_body = (cars["body"] == name).to_numpy()
        for column, values in _build(name, body, int(of_body.sum()), rng).items():
            cars.loc[of_body, column] = values
    cars["price"] = _price(cars, age, rng)
    return cars


def pick(choices: dict[str, float], count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` of the choices (an object array), each as often as its share says."""
    weights = np.array(list(choices.values()), float)
    drawn = rng.choice(len(choices), size=count, p=weights / weights.sum())
    return np.array(list(choices), dtype=object)[drawn]


def shares(text: str) -> dict[str, float]:
    """Levels and shares written one after the other.

    >>> shares("fwd 96 4wd 4")
    {'fwd': 96.0, '4wd': 4.0}
    """
    words = text.split()
    return {level: float(share) for level, share in zip(words[::2], words[1::2])}


def _ages(count: int, rng: np.random.Generator) -> np.ndarray:
    weights = np.array(AGE_WEIGHTS, float)
    ages = rng.choice(len(weights), size=count, p=weights / weights.sum())
    old = 26 + np.minimum(rng.exponential(13, count), 70).astype(int)
    return np.where(rng.random(count) < OLD_SHARE, old, ages)


def _identity(ages: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    table = models()
    year = POSTED_YEAR - ages
    model = np.empty(len(year), int)
    for value in np.unique(year):
        # Older than any model of the table: whatever was built first.
        at = max(value, min(m.first for m in table))
        weights = np.array([m.weight if m.first <= at <= m.last else 0.0 for m in table])
        of_year = year == value
        model[of_year] = rng.choice(len(table), size=of_year.sum(), p=weights / weights.sum())
    trims = np.array([len(m.trims) for m in table])[model]
    trim = (rng.random(len(year)) ** 1.3 * trims).astype(int)
    return pd.DataFrame(
        {
            "make": np.array([m.make for m in table], object)[model],
            "name": np.array([m.name for m in table], object)[model],
            "trim": np.array([table[m].trims[t] for m, t in zip(model, trim)], object),
            "body": np.array([m.body for m in table], object)[model],
            "year": year,
            "new_price": np.array([m.price for m in table])[model]
            * np.exp(0.42 * ((trim + 0.5) / trims - 0.5)),
        }
    )


def _odometer(age: np.ndarray, body: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    usual = 170_000 * (1 - np.exp(-(((age + 0.3) / 8) ** 1.2)))
    rarely_driven = np.isin(body, ["exotic", "convertible", "sport", "motorcycle"])
    miles = usual * np.where(rarely_driven, 0.55, 1.0) * rng.lognormal(-0.05, 0.38, len(age))
    rounded = np.where(rng.random(len(age)) < 0.22, np.round(miles, -3), np.round(miles))
    return np.clip(rounded, 3, 420_000).astype(int)


def _condition(age: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Better for younger cars; about half are 'good'."""
    score = rng.normal(0, 1, len(age)) - 0.045 * (np.minimum(age, 30) - 8)
    edges = np.array([-3.3, -2.3, 0.12, 1.75, 3.2])
    worst_first = np.array(list(CONDITION)[::-1], object)
    return worst_first[np.searchsorted(edges, score)]


def _build(name: str, body: Body, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    cylinders = pick(shares(body.cylinders), count, rng)
    engine = np.where(cylinders == "other", "other", cylinders + " cylinders")
    fuel = np.where(rng.random(count) < body.diesel, "diesel", "gas").astype(object)
    if name in ("electric", "hybrid"):
        fuel[:] = name
    # About one listing in seven says 'other', whatever the gearbox.
    gear = np.where(rng.random(count) < body.manual, "manual", "automatic").astype(object)
    gear[rng.random(count) < 0.14] = "other"
    fuel[rng.random(count) < 0.02] = "other"
    small = name in ("small", "hybrid", "electric", "convertible")
    sizes = "compact 70 mid-size 25 sub-compact 5" if small else "full-size 60 mid-size 40"
    return {
        "cylinders": engine,
        "fuel": fuel,
        "transmission": gear,
        "type": pick(shares(body.types), count, rng),
        "drive": pick(shares(body.drives), count, rng),
        "size": pick(shares(sizes), count, rng),
    }


def _price(cars: pd.DataFrame, age: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What the seller asks: price when new, less age, miles and damage, give or take."""
    loss = cars["body"].map({name: body.loss for name, body in BODIES.items()})
    holds = cars["make"].map(HOLDS_VALUE).fillna(1.0)
    # Old cars stop losing value, and classics gain.
    worn = np.interp(age, [-1, 0, 1, 12, 20, 28, 45, 60], [0, 0, 1.2, 11.3, 15, 16, 10, 6])
    log_price = (
        np.log(cars["new_price"])
        - loss * holds * worn
        - MILEAGE_LOSS * cars["odometer"] / 1000
        + cars["condition"].map(CONDITION)
        + cars["title_status"].map({level: effect for level, (_, effect) in TITLE.items()})
        + np.where(cars["drive"] == "4wd", 0.05, 0.0)
        + np.where(cars["fuel"] == "diesel", 0.18, 0.0)
        - np.where((cars["transmission"] == "manual") & (cars["body"] == "small"), 0.06, 0.0)
    ).to_numpy()
    # Most sellers agree, a few are far off.
    spread = np.where(rng.random(len(cars)) < 0.06, 3.0, 1.0)
    return _as_asked(np.exp(log_price + rng.normal(0, SELLER_NOISE, len(cars)) * spread), rng)


def _as_asked(price: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Round like sellers do: to hundreds or five hundreds, or to 995, 990, 999 and the like."""
    step = np.where(price > 3000, 500, 100)
    rounded = np.maximum(np.round(price / step) * step, 100)
    below = rounded - rng.choice([1, 5, 10, 12, 100], size=len(price))
    chosen = rng.random(len(price))
    asked = np.where(chosen < 0.35, rounded, np.where(chosen < 0.75, below, np.round(price)))
    return np.clip(asked, 500, 148_000).astype(int)
