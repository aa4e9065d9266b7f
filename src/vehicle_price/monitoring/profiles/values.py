"""The values of a window's requests that are watched: numbers, levels, blanks, unknown texts.

`requests` is a frame with raw listing columns and price, low, high, warnings, created_at. Rows of
older versions may lack columns and hold anything: what cannot be read counts as absent.
"""

import math

import numpy as np
import pandas as pd

from vehicle_price.estimate import unknown_columns
from vehicle_price.features.definitions import MAX_AGE, MIN_AGE
from vehicle_price.schema import FEATURES

KNOWN, UNKNOWN, BLANK, GIVEN, YES, NO = "known", "unknown", "blank", "given", "yes", "no"
LEVEL_COLUMNS = frozenset(column.name for column in FEATURES if column.kind == "level")
LONGEST_TEXT = 40  # characters of a level that are kept

# The divisions of the United States Census Bureau.
DIVISIONS = {
    "New England": "ct me ma nh ri vt",
    "Middle Atlantic": "nj ny pa",
    "East North Central": "il in mi oh wi",
    "West North Central": "ia ks mn mo ne nd sd",
    "South Atlantic": "de dc fl ga md nc sc va wv",
    "East South Central": "al ky ms tn",
    "West South Central": "ar la ok tx",
    "Mountain": "az co id mt nv nm ut wy",
    "Pacific": "ak ca hi or wa",
}
DIVISION_OF = {state: name for name, states in DIVISIONS.items() for state in states.split()}


def numbers(requests: pd.DataFrame, name: str) -> np.ndarray:
    """float64 (rows,): a column's numbers; NaN where there is none."""
    if name not in requests:
        return np.full(len(requests), math.nan)
    column = requests[name]
    if not pd.api.types.is_numeric_dtype(column):
        column = column.map(_number)
    found = column.to_numpy(float, na_value=math.nan)
    return np.where(np.isfinite(found), found, math.nan)


def texts(requests: pd.DataFrame, name: str) -> pd.Series:
    """object (rows,): a column's texts, stripped and cut; None where there is none."""
    if name not in requests:
        return pd.Series([None] * len(requests), requests.index, dtype=object)
    column = requests[name].astype(object)
    codes, distinct = pd.factorize(column.map(_text), use_na_sentinel=True)
    cleaned = np.array([text.strip()[:LONGEST_TEXT] or None for text in distinct] + [None], object)
    return pd.Series(cleaned[codes], requests.index)


def age(requests: pd.DataFrame) -> np.ndarray:
    """float64 (rows,): years from the model year to the posting, else to the prediction."""
    posted = _years(requests, "posting_date")
    posted = np.where(np.isnan(posted), _years(requests, "created_at"), posted)
    return np.clip(posted - numbers(requests, "year"), MIN_AGE, MAX_AGE)


def odometer_per_year(requests: pd.DataFrame) -> np.ndarray:
    """float64 (rows,): miles for each year of age; those of the first year count as one year's."""
    return numbers(requests, "odometer") / np.maximum(age(requests), 1)


def relative_width(requests: pd.DataFrame) -> np.ndarray:
    """float64 (rows,): width of the interval as a share of the price."""
    price = numbers(requests, "price")
    width = numbers(requests, "high") - numbers(requests, "low")
    return width / np.where(price > 0, price, math.nan)


def division(requests: pd.DataFrame) -> pd.Series:
    """The census division of each state; an unknown state is UNKNOWN."""
    return texts(requests, "state").map(lambda s: s and DIVISION_OF.get(s, UNKNOWN))


def blank(requests: pd.DataFrame, name: str) -> np.ndarray:
    """BLANK or GIVEN, (rows,)."""
    return np.where(texts(requests, name).isna(), BLANK, GIVEN).astype(object)


def known(requests: pd.DataFrame, name: str) -> pd.Series:
    """KNOWN or UNKNOWN to the model, by the answer's warnings; None where the column is blank.

    The model text of an unknown make is unknown.
    """
    columns = {name, "manufacturer"} if name == "model" else {name}
    is_unknown = _warned(requests).map(lambda warned: not columns.isdisjoint(warned))
    found = np.where(is_unknown, UNKNOWN, KNOWN).astype(object)
    return pd.Series(found, requests.index).where(texts(requests, name).notna(), None)


def has_unknown_level(requests: pd.DataFrame) -> np.ndarray:
    """YES or NO, (rows,): whether a column has a level that was not in the training data."""
    warned = _warned(requests).map(lambda columns: not LEVEL_COLUMNS.isdisjoint(columns))
    return np.where(warned, YES, NO).astype(object)


def _warned(requests: pd.DataFrame) -> pd.Series:
    """The columns whose value was not in the training data, a frozenset each row."""
    if "warnings" not in requests:
        return pd.Series([frozenset()] * len(requests), requests.index, dtype=object)
    return requests["warnings"].map(
        lambda warnings: unknown_columns(warnings) if _is_list(warnings) else frozenset()
    )


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple, np.ndarray)) and len(value) > 0


def _years(requests: pd.DataFrame, name: str) -> np.ndarray:
    if name not in requests:
        return np.full(len(requests), math.nan)
    column = requests[name]
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.dt.year.to_numpy(float, na_value=math.nan)
    codes, distinct = pd.factorize(column.map(_text))
    return np.array([_number(text[:4]) for text in distinct] + [math.nan])[codes]


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float) and math.isnan(value):
        return None
    return str(value)


def listings(requests: pd.DataFrame) -> pd.DataFrame:
    """The model's columns, with None for blanks, and posting_day: 'YYYY', '0' if it is unknown."""
    plain = {
        column.name: (
            numbers(requests, column.name)
            if column.kind == "integer"
            else texts(requests, column.name)
        )
        for column in FEATURES
    }
    posted = numbers(requests, "year") + age(requests)
    day = np.where(np.isnan(posted), 0, posted).astype(int).astype(str)
    return pd.DataFrame(plain, requests.index).assign(posting_day=day)
