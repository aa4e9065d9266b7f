"""Fit the tables that `features/encoder.py` looks up.

Target encoding with shrinkage: the effect of a group on log price is the mean residual of its cars,
shrunk towards its parent group as if SHRINK average cars were added (the m-estimate of
Micci-Barreca 2001). The inputs of training rows come from tables fitted on other rows
(`encode_out_of_fold`); otherwise their own prices would leak into them.
"""

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression

from vehicle_price.features.definitions import (
    AGES,
    CURVES,
    FEATURE_NAMES,
    GROUPS,
    LEVEL_COLUMNS,
    MIN_AGE,
    MONOTONE_AGE,
    Tables,
)
from vehicle_price.features.frame import ages, car_frame, encode_frame
from vehicle_price.schema import BY_NAME

SHRINK = 8.0  # cars added to a group: how strongly it is shrunk towards its parent
AGE_SHRINK = 6.0  # the same for a group's price at a single age, towards the parent's curve
AGE_WIDTH = 3.0  # years: width of the exponential kernel that smooths over ages
LEVEL_SHRINK = 20.0
WORD_SHRINK = 20.0
PAIR_SHRINK = 6.0
MIN_CURVE_CARS = 4  # groups with fewer cars use their parent's curve
MIN_CARS = 2  # a text of a single car has no effect that applies to another car

_MONOTONE_END = MONOTONE_AGE - MIN_AGE + 1
_AGE_KERNEL = np.exp(-np.abs(np.subtract.outer(np.arange(AGES), np.arange(AGES))) / AGE_WIDTH)


def fit_tables(frame: pd.DataFrame, base_year: int) -> Tables:
    """Tables from accepted listings with `price` (US dollars), one row a car."""
    return _fit_tables(frame, car_frame(frame), base_year)


def _fit_tables(frame: pd.DataFrame, keys: pd.DataFrame, base_year: int) -> Tables:
    log_price = np.log(frame["price"].to_numpy(float))
    age = ages(frame, base_year) - MIN_AGE
    curve_all = _overall_curve(age, log_price)
    curves, fitted = _curves(keys, age, log_price, curve_all)
    residual = log_price - curve_all[age]
    offsets, row_offsets = _offsets(keys, residual)
    words, pairs = _word_effects(keys, residual - row_offsets["word1"])
    levels = {c: _level_effects(frame, c, log_price - fitted) for c in LEVEL_COLUMNS}
    conditions = _rising_conditions(frame, levels["condition"])
    return Tables(
        base_year=base_year,
        curve_all=_rounded(curve_all),
        curves=curves,
        offsets=offsets,
        words=words,
        pairs=pairs,
        levels=levels | {"condition": conditions},
        guessed=sorted(conditions.keys() - levels["condition"].keys()),
    )


def encode_out_of_fold(frame: pd.DataFrame, fold: np.ndarray, base_year: int) -> np.ndarray:
    """Model inputs of training rows, each from tables fitted without its own fold.

    fold: (rows,) int. Returns float32 (rows, len(FEATURE_NAMES)).
    """
    encoded = np.empty((len(frame), len(FEATURE_NAMES)), np.float32)
    keys = car_frame(frame)
    for number in np.unique(fold):
        inside = fold == number
        encoded[inside] = encode_fold(frame, keys, inside, base_year)
    return encoded


def encode_fold(
    frame: pd.DataFrame, keys: pd.DataFrame, inside: np.ndarray, base_year: int
) -> np.ndarray:
    """The model inputs of the rows `inside`, bool (rows,), from tables fitted on the others.

    keys: `car_frame` of the frame.
    """
    tables = _fit_tables(frame[~inside], keys[~inside], base_year)
    return encode_frame(tables, frame[inside])


def _overall_curve(age: np.ndarray, log_price: np.ndarray) -> np.ndarray:
    total = np.bincount(age, log_price, AGES)
    cars = np.bincount(age, minlength=AGES)
    with_cars = np.flatnonzero(cars)
    curve = np.interp(np.arange(AGES), with_cars, total[with_cars] / cars[with_cars])
    return _falling(curve, cars)


def _falling(curve: np.ndarray, cars: np.ndarray) -> np.ndarray:
    """The nearest curve (weighted least squares) that does not rise before MONOTONE_AGE."""
    end = _MONOTONE_END
    # Not scikit-learn's function, whose checks of the arguments take most of its time.
    young = isotonic_regression(curve[:end], weights=cars[:end] + 1.0, increasing=False)
    return np.concatenate([young.x, curve[end:]])


def _curves(
    keys: pd.DataFrame, age: np.ndarray, log_price: np.ndarray, curve_all: np.ndarray
) -> tuple[dict[str, dict[str, list[float]]], np.ndarray]:
    """Log price over age for each group of CURVES, and each row's value on its finest curve."""
    row_curve = np.zeros(len(keys), int)  # index into `stack`
    stack = curve_all[None, :]
    tables: dict[str, dict[str, list[float]]] = {}
    for group in CURVES:
        code, names = pd.factorize(keys[group])
        large = np.bincount(code, minlength=len(names)) >= MIN_CURVE_CARS
        group_number = np.where(large, np.cumsum(large) - 1, -1)[code]
        rows = group_number >= 0
        parent = np.zeros(large.sum(), int)
        parent[group_number[rows]] = row_curve[rows]
        fitted = _group_curves(group_number[rows], age[rows], log_price[rows], stack[parent])
        tables[group] = dict(zip(names[large], _rounded(fitted), strict=True))
        row_curve = np.where(rows, group_number + len(stack), row_curve)
        stack = np.vstack([stack, fitted])
    return tables, stack[row_curve, age]


def _group_curves(
    group: np.ndarray, age: np.ndarray, log_price: np.ndarray, parent: np.ndarray
) -> np.ndarray:
    """A curve for each group, (groups, AGES): the parent's, shifted, then adjusted by age."""
    cell = group * AGES + age
    size = len(parent) * AGES
    cars = np.bincount(cell, minlength=size).reshape(-1, AGES)
    residual = log_price - parent[group, age]
    total = np.bincount(cell, residual, size).reshape(-1, AGES)
    shift = (total.sum(1) / (cars.sum(1) + SHRINK))[:, None]
    bend = (total - shift * cars) @ _AGE_KERNEL / (cars @ _AGE_KERNEL + AGE_SHRINK)
    curves = parent + shift + bend
    rising = np.flatnonzero((np.diff(curves[:, :_MONOTONE_END]) > 0).any(axis=1))
    for row in rising:
        curves[row] = _falling(curves[row], cars[row])
    return curves


def _offsets(
    keys: pd.DataFrame, residual: np.ndarray
) -> tuple[dict[str, dict[str, tuple[float, int]]], dict[str, np.ndarray]]:
    """Cumulative offsets of log price by group, and their values for each row."""
    offset = np.zeros(len(keys))
    tables, values = {}, {}
    for group in GROUPS:
        code, names = pd.factorize(keys[group])
        cars = np.bincount(code)
        mean = np.bincount(code, residual - offset) / (cars + SHRINK)
        offset = offset + np.where(cars >= MIN_CARS, mean, 0.0)[code]
        first = np.unique(code, return_index=True)[1]
        tables[group] = {
            names[i]: (round(float(offset[first[i]]), 6), int(cars[i]))
            for i in np.flatnonzero(cars >= MIN_CARS)
        }
        values[group] = offset
    return tables, values


def _word_effects(
    keys: pd.DataFrame, residual: np.ndarray
) -> tuple[dict[str, float], dict[str, float]]:
    exploded = keys[["word1", "words"]].assign(residual=residual).explode("words")
    exploded = exploded[exploded["words"].notna()]
    words = _shrunk_means(exploded["words"], exploded["residual"], WORD_SHRINK)
    unexplained = exploded["residual"] - exploded["words"].map(words).fillna(0.0)
    return words, _shrunk_means(
        exploded["word1"] + "|" + exploded["words"], unexplained, PAIR_SHRINK
    )


def _shrunk_means(key: pd.Series, value: pd.Series, shrink: float) -> dict[str, float]:
    grouped = value.groupby(key, sort=False)
    cars = grouped.size()
    effects = (grouped.sum() / (cars + shrink)).round(6)
    return effects[cars >= MIN_CARS].to_dict()


def _level_effects(frame: pd.DataFrame, column: str, residual: np.ndarray) -> dict[str, float]:
    levels = frame[column].where(frame[column].notna(), "")
    return _shrunk_means(levels, pd.Series(residual, frame.index), LEVEL_SHRINK)


def _rising_conditions(frame: pd.DataFrame, effects: dict[str, float]) -> dict[str, float]:
    """Effects that rise with the rank: a better condition never lowers the price.

    The effect of a condition without cars is interpolated from its neighbours; the effect of an
    average car could break the order.
    """
    ranked = BY_NAME["condition"].levels
    known_ranks = [rank for rank, level in enumerate(ranked) if level in effects]
    if not known_ranks:
        return effects
    cars = frame["condition"].value_counts()
    rising = isotonic_regression(
        [effects[ranked[rank]] for rank in known_ranks],
        weights=[float(cars[ranked[rank]]) for rank in known_ranks],
    )
    filled = np.interp(range(len(ranked)), known_ranks, rising.x)
    return effects | dict(zip(ranked, _rounded(filled), strict=True))


def _rounded(values: np.ndarray) -> list:
    """Rounded to six decimals, 0.0001 % of the price, which keeps the artifact small."""
    return np.round(values, 6).tolist()
