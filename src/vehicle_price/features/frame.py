"""The model inputs of a frame of listings, from the same tables and functions as one listing.

Apart from `encoder.py` because a service that prices listings needs no data frames.
"""

import numpy as np
import pandas as pd

from vehicle_price.features.definitions import (
    AGES,
    CURVES,
    GROUPS,
    LEVEL_COLUMNS,
    MAX_AGE,
    MIN_AGE,
    TEXT_INPUT_COUNT,
    CarKeys,
    Tables,
)
from vehicle_price.features.encoder import car_keys, curve_table, text_values


def encode_frame(tables: Tables, frame: pd.DataFrame) -> np.ndarray:
    """The model inputs of many listings: float32, (rows, len(FEATURE_NAMES)).

    `frame` has raw column names; a missing column counts as absent in every row.
    """
    age = ages(frame, tables.base_year)
    odometer = frame["odometer"].to_numpy(float)
    code, keys = _distinct_keys(frame)
    curves = np.array([curve_table(tables, k.groups) for k in keys])
    curves = np.reshape(curves, (-1, len(CURVES) + 1, AGES))
    texts = np.array([text_values(tables, k) for k in keys]).reshape((-1, TEXT_INPUT_COUNT))
    levels = [_effects(tables.levels[c], frame, c) for c in LEVEL_COLUMNS]
    columns = [age, odometer, curves[code, :, age - MIN_AGE], texts[code], *levels]
    return np.column_stack(columns).astype(np.float32)


def ages(frame: pd.DataFrame, base_year: int) -> np.ndarray:
    """Whole years from model year to posting year, int64 within MIN_AGE to MAX_AGE."""
    posted = np.full(len(frame), base_year)
    # `posting_day` is local, as in the text of a single listing; `posting_date` of a frame is UTC.
    column = "posting_day" if "posting_day" in frame else "posting_date"
    if column in frame:
        dated = frame[column].notna().to_numpy()
        posted[dated] = frame[column][dated].astype(str).str[:4].astype(int)
    return np.clip(posted - frame["year"].to_numpy(int), MIN_AGE, MAX_AGE)


def car_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """The keys of each listing: columns GROUPS (str) and `words` (tuple), index as given."""
    keys = [car_keys(make, model) for make, model in zip(*_make_and_model(frame), strict=True)]
    table = pd.DataFrame([k.groups for k in keys], columns=list(GROUPS), index=frame.index)
    return table.assign(words=[k.words for k in keys])


def _distinct_keys(frame: pd.DataFrame) -> tuple[np.ndarray, list[CarKeys]]:
    """The distinct keys, and the index into them of each row, (rows,) int."""
    pairs = list(zip(*_make_and_model(frame), strict=True))
    # Not pandas.factorize, which treats texts as equal that differ only after a NUL.
    index = {pair: n for n, pair in enumerate(dict.fromkeys(pairs))}
    code = np.fromiter((index[pair] for pair in pairs), int, len(pairs))
    return code, [car_keys(*pair) for pair in index]


def _make_and_model(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    model = frame["model"] if "model" in frame else pd.Series([None] * len(frame))
    return frame["manufacturer"].tolist(), ["" if pd.isna(m) else str(m) for m in model]


def _effects(effects: dict[str, float], frame: pd.DataFrame, column: str) -> np.ndarray:
    if column not in frame:
        return np.full(len(frame), effects.get("", 0.0))
    values = frame[column]
    return values.where(values.notna(), "").map(effects).fillna(0.0).to_numpy(float)
