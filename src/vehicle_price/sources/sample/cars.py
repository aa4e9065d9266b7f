"""The cars of the sample: model, age, equipment and price, before any noise."""

import numpy as np
import pandas as pd

from vehicle_price.sources.sample.tables import BODIES, HOLDS_VALUE, Body, vehicle_models

POSTED_YEAR = 2021

# Relative number of cars by age in years; ages above 25 are drawn separately.
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
    """`count` cars without noise, one in each row.

    Columns: make, name, trim, body, year, odometer (miles), price (whole US dollars),
    condition, cylinders, fuel, title_status, transmission, drive, size, type, paint_color.
    """
    cars = _identity(_ages(count, rng), rng)
    age = POSTED_YEAR - cars["year"].to_numpy()
    cars["odometer"] = _odometer(age, cars["body"].to_numpy(), rng)
    cars["condition"] = _condition(age, rng)
    cars["title_status"] = draw_levels({k: share for k, (share, _) in TITLE.items()}, count, rng)
    cars["paint_color"] = draw_levels(parse_shares(PAINT), count, rng)
    for name, body in BODIES.items():
        of_body = (cars["body"] == name).to_numpy()
        for column, values in _build(name, body, int(of_body.sum()), rng).items():
            cars.loc[of_body, column] = values
    cars["price"] = _price(cars, age, rng)
    return cars


def draw_levels(choices: dict[str, float], count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` random choices (an object array), each with the probability of its share."""
    weights = np.array(list(choices.values()), float)
    drawn = rng.choice(len(choices), size=count, p=weights / weights.sum())
    return np.array(list(choices), dtype=object)[drawn]


def parse_shares(text: str) -> dict[str, float]:
    """Parse alternating levels and shares.

    >>> parse_shares("fwd 96 4wd 4")
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
    table = vehicle_models()
    year = POSTED_YEAR - ages
    model = np.empty(len(year), int)
    for value in np.unique(year):
        # Older than every model in the table: use the models that were built first.
        model_year = max(value, min(m.first for m in table))
        weights = np.array([m.weight if m.first <= model_year <= m.last else 0.0 for m in table])
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
    cylinders = draw_levels(parse_shares(body.cylinders), count, rng)
    engine = np.where(cylinders == "other", "other", cylinders + " cylinders")
    fuel = np.where(rng.random(count) < body.diesel, "diesel", "gas").astype(object)
    if name in ("electric", "hybrid"):
        fuel[:] = name
    # About one listing in seven has the level 'other', whatever the transmission.
    gear = np.where(rng.random(count) < body.manual, "manual", "automatic").astype(object)
    gear[rng.random(count) < 0.14] = "other"
    fuel[rng.random(count) < 0.02] = "other"
    small = name in ("small", "hybrid", "electric", "convertible")
    sizes = "compact 70 mid-size 25 sub-compact 5" if small else "full-size 60 mid-size 40"
    return {
        "cylinders": engine,
        "fuel": fuel,
        "transmission": gear,
        "type": draw_levels(parse_shares(body.types), count, rng),
        "drive": draw_levels(parse_shares(body.drives), count, rng),
        "size": draw_levels(parse_shares(sizes), count, rng),
    }


def _price(cars: pd.DataFrame, age: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The asking price: price when new, less age, mileage and damage, with random deviation."""
    loss = cars["body"].map({name: body.loss for name, body in BODIES.items()})
    value_factor = cars["make"].map(HOLDS_VALUE).fillna(1.0)
    # Old cars stop losing value, and classics gain.
    worn = np.interp(age, [-1, 0, 1, 12, 20, 28, 45, 60], [0, 0, 1.2, 11.3, 15, 16, 10, 6])
    log_price = (
        np.log(cars["new_price"])
        - loss * value_factor * worn
        - MILEAGE_LOSS * cars["odometer"] / 1000
        + cars["condition"].map(CONDITION)
        + cars["title_status"].map({level: effect for level, (_, effect) in TITLE.items()})
        + np.where(cars["drive"] == "4wd", 0.05, 0.0)
        + np.where(cars["fuel"] == "diesel", 0.18, 0.0)
        - np.where((cars["transmission"] == "manual") & (cars["body"] == "small"), 0.06, 0.0)
    ).to_numpy()
    # Most asking prices are close to the mean, a few are far from it.
    spread = np.where(rng.random(len(cars)) < 0.06, 3.0, 1.0)
    return _rounded_price(np.exp(log_price + rng.normal(0, SELLER_NOISE, len(cars)) * spread), rng)


def _rounded_price(price: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rounded as sellers do it: to 100 or 500 dollars, or to prices such as 995, 990 and 999."""
    step = np.where(price > 3000, 500, 100)
    rounded = np.maximum(np.round(price / step) * step, 100)
    below = rounded - rng.choice([1, 5, 10, 12, 100], size=len(price))
    chosen = rng.random(len(price))
    asked = np.where(chosen < 0.35, rounded, np.where(chosen < 0.75, below, np.round(price)))
    return np.clip(asked, 500, 148_000).astype(int)
