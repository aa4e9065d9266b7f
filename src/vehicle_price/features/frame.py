"""A frame of listings → model inputs, from the same tables and functions as one listing.

Apart from `encoder.py` because a service that prices listings needs no data frames.
"""

import numpy as np
import pandas as pd

from vehicle_price.features.encoder import (
    AGES,
    CURVES,
    GROUPS,
    LEVEL_COLUMNS,
    MAX_AGE,
    MIN_AGE,
    TEXT_INPUTS,
    CarKeys,
    Tables,
    car_keys,
    curve_table,
    text_values,
)


def encode_frame(tables: Tables, frame: pd.DataFrame) -> np.ndarray:
    """The model inputs of many listings: float32, (rows, len(FEATURE_NAMES)).

    `frame` has raw column names; columns that are not there count as absent.
    """
    age = ages(frame, tables.base_year)
    odometer = frame["odometer"].to_numpy(float)
    code, keys = _distinct_keys(frame)
    curves = np.array([curve_table(tables, k.groups) for k in keys])
    curves = np.reshape(curves, (-1, len(CURVES) + 1, AGES))
    texts = np.array([text_values(tables, k) for k in keys]).reshape((-1, TEXT_INPUTS))
    levels = [_effects(tables.levels[c], frame, c) for c in LEVEL_COLUMNS]
    parts = [age, odometer, curves[code, :, age - MIN_AGE], texts[code], *levels]
    return np.column_stack(parts).astype(np.float32)


def ages(frame: pd.DataFrame, base_year: int) -> np.ndarray:
    """Whole years from model year to posting year, int64 within MIN_AGE to MAX_AGE."""
    posted = np.full(len(frame), base_year)
    # The day is local, as in the text of a single listing; the typed date of a frame is UTC.
    column = "posting_day" if "posting_day" in frame else "posting_date"
    if column in frame:
        known = frame[column].notna().to_numpy()
        posted[known] = frame[column][known].astype(str).str[:4].astype(int)
    return np.clip(posted - frame["year"].to_numpy(int), MIN_AGE, MAX_AGE)


def car_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """The keys of each listing: columns GROUPS (str) and `words` (tuple), index as given."""
    keys = [car_keys(make, model) for make, model in zip(*_make_and_model(frame), strict=True)]
    table = pd.DataFrame([k.groups for k in keys], columns=list(GROUPS), index=frame.index)
    return table.assign(words=[k.words for k in keys])


def _distinct_keys(frame: pd.DataFrame) -> tuple[np.ndarray, list[CarKeys]]:
    """The number of each row's keys, (rows,) int, and the distinct keys."""
    pairs = list(zip(*_make_and_model(frame), strict=True))
    # Not pandas.factorize: it takes texts for equal that differ after a NUL.
    number = {pair: n for n, pair in enumerate(dict.fromkeys(pairs))}
    code = np.fromiter((number[pair] for pair in pairs), int, len(pairs))
    return code, [car_keys(*pair) for pair in number]


def _make_and_model(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    model = frame["model"] if "model" in frame else pd.Series([None] * len(frame))
    return frame["manufacturer"].tolist(), ["" if pd.isna(m) else str(m) for m in model]


def _effects(effects: dict[str, float], frame: pd.DataFrame, column: str) -> np.ndarray:
    if column not in frame:
        return np.full(len(frame), effects.get("", 0.0))
    values = frame[column]
    return values.where(values.notna(), "").map(effects).fillna(0.0).to_numpy(float)
