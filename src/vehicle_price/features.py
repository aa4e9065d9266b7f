"""Raw listing → model inputs: pure, from fitted tables.

`encode_row` (one listing, no data frame) and `encode_frame` (many) look up the same tables
with the same functions, so they agree to the last bit. `encoding.py` fits the tables.

No input is ever missing: what is unknown falls back from the full model text to its first
words, to the make, to all cars; an absent level has a learnt effect of its own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from vehicle_price.schema import FEATURES

# A car's text, from coarse to fine: make, make + first word, + two, + three, + all words.
GROUPS = ("make", "word1", "word2", "word3", "text")
# Groups with a price curve over age of their own; finer ones are too small for it.
CURVES = ("make", "word1", "word2")
TOKEN_STATISTICS = ("sum", "min", "max", "first", "count")
LEVEL_COLUMNS = tuple(c.name for c in FEATURES if c.kind == "level" and not c.required) + (
    "region",
)

# Age in whole years: posting year - model year, clipped. Next year's models exist: -1.
MIN_AGE, MAX_AGE = -1, 60
AGES = MAX_AGE - MIN_AGE + 1
# Up to this age a newer car is never cheaper, all else equal; beyond it are classics.
MONOTONE_AGE = 25

FEATURE_NAMES: tuple[str, ...] = (
    ("age", "odometer", "curve_all")
    + tuple(f"curve_{g}" for g in CURVES)
    + tuple(f"offset_{g}" for g in GROUPS)
    + tuple(f"count_{g}" for g in GROUPS[1:])
    + tuple(f"words_{s}" for s in TOKEN_STATISTICS)
    + tuple(f"effect_{c}" for c in LEVEL_COLUMNS)
)

# +1: the price never falls as the input grows; -1: never rises; 0: free.
MONOTONE: tuple[int, ...] = tuple(
    (
        -1
        if name in ("age", "odometer")
        else 1 if name.startswith("curve_") or name == "effect_condition" else 0
    )
    for name in FEATURE_NAMES
)

_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff'\u2019-]")
_WORD = re.compile(r"[a-z0-9]+(?:\.[0-9]+)?")
_MAX_WORDS = 12
_TEXT_INPUTS = 2 * len(GROUPS) - 1 + len(TOKEN_STATISTICS)


@dataclass(frozen=True)
class Tables:
    """Everything the model inputs are looked up in; plain data, written as JSON.

    base_year: posting year assumed when a listing has no posting date.
    curve_all: log price by age, AGES numbers. curves: group → key → the same for one key.
    offsets: group → key → (cumulative offset of log price, cars seen).
    words: word → effect on log price; pairs: 'make|first word|word' → the effect on top.
    levels: column → level ('' is absent) → effect on log price.
    guessed: conditions without cars; their effects in `levels` lie between their neighbours'.
    """

    base_year: int
    curve_all: list[float]
    curves: dict[str, dict[str, list[float]]]
    offsets: dict[str, dict[str, tuple[float, int]]]
    words: dict[str, float]
    pairs: dict[str, float]
    levels: dict[str, dict[str, float]]
    guessed: list[str]


class CarKeys(NamedTuple):
    """The look-up keys of a make and a model text: one for each of GROUPS, and the words."""

    groups: tuple[str, ...]
    words: tuple[str, ...]


@lru_cache(maxsize=65_536)
def car_keys(make: str, model: str) -> CarKeys:
    """The keys of a car's text.

    >>> car_keys("ford", "F-150 XLT, Crew").groups[1:]
    ('ford|f150', 'ford|f150 xlt', 'ford|f150 xlt crew', 'ford|f150 xlt crew')
    """
    name = make.replace("-", "").replace(" ", "")
    found = _WORD.findall(_INVISIBLE.sub("", model.lower()))
    words = tuple(w for w in found if w != name)[:_MAX_WORDS]
    return CarKeys((make, *(f"{make}|{' '.join(words[:n])}" for n in (1, 2, 3, _MAX_WORDS))), words)


def encode_row(tables: Tables, listing: Mapping[str, object]) -> list[float]:
    """The model inputs of one listing, in the order of FEATURE_NAMES.

    `listing` has raw column names; year, manufacturer and odometer must be there.
    """
    age = _age(tables, listing["year"], listing.get("posting_date"))
    keys = car_keys(str(listing["manufacturer"]), str(listing.get("model") or ""))
    row = [float(age), float(listing["odometer"])]
    row += _curve_values(tables, keys.groups, age)
    row += _text_values(tables, keys)
    for column in LEVEL_COLUMNS:
        row.append(tables.levels[column].get(listing.get(column) or "", 0.0))
    return row


def encode_frame(tables: Tables, frame: pd.DataFrame) -> np.ndarray:
    """The model inputs of many listings: float32, (rows, len(FEATURE_NAMES)).

    `frame` has raw column names; columns that are not there count as absent.
    """
    age = ages(frame, tables.base_year)
    odometer = frame["odometer"].to_numpy(float)
    code, keys = _distinct_keys(frame)
    curves = np.array([_curve_table(tables, k.groups) for k in keys])
    curves = np.reshape(curves, (-1, len(CURVES) + 1, AGES))
    texts = np.array([_text_values(tables, k) for k in keys]).reshape((-1, _TEXT_INPUTS))
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


def _age(tables: Tables, year: object, posting_date: object) -> int:
    posted = int(str(posting_date)[:4]) if posting_date else tables.base_year
    return min(max(posted - int(year), MIN_AGE), MAX_AGE)


def _curve_table(tables: Tables, groups: tuple[str, ...]) -> list[list[float]]:
    """The curve over age for all cars and for each of CURVES; the coarser one if unknown."""
    found = [tables.curve_all]
    for group, key in zip(CURVES, groups, strict=False):
        found.append(tables.curves[group].get(key, found[-1]))
    return found


def _curve_values(tables: Tables, groups: tuple[str, ...], age: int) -> list[float]:
    return [curve[age - MIN_AGE] for curve in _curve_table(tables, groups)]


def _text_values(tables: Tables, keys: CarKeys) -> list[float]:
    offsets, counts = [], []
    known = 0.0
    for group, key in zip(GROUPS, keys.groups, strict=True):
        known, count = tables.offsets[group].get(key, (known, 0))
        offsets.append(known)
        counts.append(float(count))
    return [*offsets, *counts[1:], *_word_values(tables, keys)]


def _word_values(tables: Tables, keys: CarKeys) -> tuple[float, ...]:
    """TOKEN_STATISTICS of the effects of the words after the first."""
    words, pairs, start = tables.words, tables.pairs, keys.groups[1]
    found = [words.get(w, 0.0) + pairs.get(f"{start}|{w}", 0.0) for w in keys.words[1:]]
    if not found:
        return (0.0, 0.0, 0.0, 0.0, 0.0)
    return (sum(found), min(found), max(found), found[0], float(len(found)))


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
