"""Noise of real listings: junk prices, wrong mileages, odd text, empty fields.

Rates follow counts of real Craigslist listings.
"""

import numpy as np
import pandas as pd

from vehicle_price.schema import MANUFACTURERS
from vehicle_price.sources.sample.cars import POSTED_YEAR

# Share of listings without the field.
MISSING = {
    "size": 0.72,
    "cylinders": 0.42,
    "condition": 0.41,
    "VIN": 0.38,
    "drive": 0.31,
    "paint_color": 0.31,
    "type": 0.22,
    "title_status": 0.019,
    "model": 0.012,
    "odometer": 0.010,
    "fuel": 0.007,
    "transmission": 0.006,
    "year": 0.003,
}
# In addition to the makes without a level on Craigslist, about 3 % of the cars.
MANUFACTURER_MISSING = 0.035

JUNK_PRICES = (1234567, 123456789, 3736928711, 1234567890, 987654, 1111111, 195000)
ODOMETER_SENTINELS = (999999, 1111111, 9999999, 10000000, 123456)
ODDITIES = (
    " ***low miles***",
    ' "one owner"',
    ", clean title, runs & drives",
    " $500 down!",
    " \N{FIRE}\N{FIRE}",
    "\N{ZERO WIDTH SPACE}",
    " w/ leather, sunroof & nav",
    " - \N{AUTOMOBILE} must see",
    " call or text anytime, financing for everyone, bad credit no credit ok, we deliver, "
    "ask for the manager, se habla espa\N{LATIN SMALL LETTER N WITH TILDE}ol",
)
SUFFIXES = {
    "pickup": (" crew cab 4x4", " double cab", " pickup 4d", " 4wd"),
    "heavy pickup": (" crew cab 4x4", " crew cab dually", " diesel 4x4"),
    "suv": (" sport utility 4d", " awd", " 4dr suv"),
    "small": (" sedan 4d", " hatchback 4d", " 4dr"),
    "sedan": (" sedan 4d", " 4dr sedan", " v6"),
}


def add_noise(cars: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The listing columns of `cars` with noise, as sellers type them: objects, None where empty.

    Adds manufacturer, model and VIN; price, year and odometer stay numbers.
    """
    count = len(cars)
    listed = cars.drop(columns=["make", "name", "trim", "body", "new_price"]).astype(object)
    listed["price"] = _price(cars["price"].to_numpy(), rng)
    listed["odometer"] = _odometer(cars, rng)
    listed["model"] = _model(cars, rng)
    listed["manufacturer"] = cars["make"].astype(object)
    listed["VIN"] = _vin(count, rng)
    for column, share in MISSING.items():
        listed.loc[rng.random(count) < share, column] = None
    return _make_in_model(listed, rng)


def _price(price: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    count, kind = len(price), rng.random(len(price))
    down = 100 + 50 * rng.integers(0, 8, count)
    junk = np.select(
        [kind < 0.072, kind < 0.0767, kind < 0.0804, kind < 0.0923, kind < 0.0953],
        [0, 1, rng.integers(2, 100, count), down, down * 5],
        price,
    ).astype(object)
    # Few, but at least each once: each value tests a certain error.
    rows = rng.permutation(count)[: max(len(JUNK_PRICES), count // 3000)]
    junk[rows] = np.resize(np.array(JUNK_PRICES, object), len(rows))
    return junk


def _odometer(cars: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    miles, kind = cars["odometer"].to_numpy(), rng.random(len(cars))
    old = (POSTED_YEAR - cars["year"]).to_numpy() > 8
    sentinel = rng.choice(ODOMETER_SENTINELS, size=len(cars))
    return np.select(
        [kind < 0.003, kind < 0.008, kind < 0.0088, (kind < 0.022) & old],
        [0, 1, sentinel, miles // 1000],
        miles,
    ).astype(object)


def _model(cars: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    count = len(cars)
    name = cars["name"].astype(object)
    plain = rng.random(count) < 0.3
    name = name.mask(plain, name.str.replace("f-", "f", regex=False))
    name = name.mask(plain, name.str.replace("cr-v", "crv", regex=False))
    trim = (" " + cars["trim"]).where(rng.random(count) < 0.68, "")
    text = name + trim + _suffixes(cars["body"], rng)
    case = rng.random(count)
    text = text.mask(case < 0.03, text.str.upper()).mask(case > 0.97, text.str.title())
    odd = np.array(ODDITIES, object)[rng.integers(0, len(ODDITIES), count)]
    return text + pd.Series(np.where(rng.random(count) < 0.02, odd, ""), index=cars.index)


def _suffixes(body: pd.Series, rng: np.random.Generator) -> pd.Series:
    suffix = pd.Series("", index=body.index, dtype=object)
    drawn = rng.random(len(body))
    for name, choices in SUFFIXES.items():
        chosen = (body == name) & (drawn < 0.18)
        suffix[chosen] = rng.choice(np.array(choices, object), size=int(chosen.sum()))
    return suffix


def _make_in_model(listed: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Where the manufacturer is missing, move the make into the model text."""
    unlisted = ~listed["manufacturer"].isin(MANUFACTURERS)
    missing = unlisted | (rng.random(len(listed)) < MANUFACTURER_MISSING)
    typed = listed["manufacturer"].str.title() + " " + listed["model"]
    listed["model"] = listed["model"].mask(missing, typed)
    listed["manufacturer"] = listed["manufacturer"].mask(missing, None)
    return listed


def _vin(count: int, rng: np.random.Generator) -> np.ndarray:
    """17 characters with a valid check digit (49 CFR 565); a few damaged as by a spreadsheet."""
    alphabet = np.array(list("0123456789ABCDEFGHJKLMNPRSTUVWXYZ"))
    values = np.array([*range(10), *range(1, 9), *range(1, 6), 7, 9, *range(2, 10)])
    weights = np.array([8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2])
    drawn = rng.integers(0, len(alphabet), (count, 17))
    drawn[:, 0] = rng.integers(1, 6, count)
    drawn[:, 11:] = rng.integers(0, 10, (count, 6))
    letters = alphabet[drawn]
    letters[:, 8] = np.array(list("0123456789X"))[(values[drawn] * weights).sum(axis=1) % 11]
    vin = np.ascontiguousarray(letters).view("<U17").ravel().astype(object)
    damaged = rng.random(count) < 0.008
    vin[damaged] = [f"{number:.5E}" for number in rng.uniform(1e12, 9e16, int(damaged.sum()))]
    return vin
