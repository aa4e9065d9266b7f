"""The model inputs of one listing, looked up in fitted tables, without data frames.

`frame.py` encodes a frame with the same tables and functions, so both give the same inputs in every
bit. `training/target_encoding.py` fits the tables.

No input is ever missing: an unknown text falls back from the full model text to its first words, to
the make, to all cars; an absent level has an effect of its own in the tables.
"""

import re
from collections.abc import Mapping
from functools import lru_cache, partial

from vehicle_price.estimate import unknown_value
from vehicle_price.features.definitions import (
    CURVES,
    GROUPS,
    LEVEL_COLUMNS,
    MAX_AGE,
    MIN_AGE,
    CarInputs,
    CarKeys,
    EncodedListing,
    Tables,
)

CACHED_TEXTS = 8_192  # distinct texts whose keys and inputs are cached; some 10 MB of memory

_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff'\u2019-]")
_WORD = re.compile(r"[a-z0-9]+(?:\.[0-9]+)?")
_MAX_WORDS = 12


@lru_cache(maxsize=CACHED_TEXTS)
def car_keys(make: str, model: str) -> CarKeys:
    """The keys of a car's text.

    >>> car_keys("ford", "F-150 XLT, Crew").groups[1:]
    ('ford|f150', 'ford|f150 xlt', 'ford|f150 xlt crew', 'ford|f150 xlt crew')
    """
    name = make.replace("-", "").replace(" ", "")
    tokens = _WORD.findall(_INVISIBLE.sub("", model.lower()))
    words = tuple(w for w in tokens if w != name)[:_MAX_WORDS]
    return CarKeys((make, *(f"{make}|{' '.join(words[:n])}" for n in (1, 2, 3, _MAX_WORDS))), words)


class Encoder:
    """Encodes one listing at a time; the inputs of the same make and model text are cached."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._levels = [(column, tables.levels[column]) for column in LEVEL_COLUMNS]
        # Not a method: its reference cycle would keep a replaced model until garbage collection.
        self._car_inputs = lru_cache(maxsize=CACHED_TEXTS)(partial(_car_inputs, tables))

    def encode(self, listing: Mapping[str, object]) -> EncodedListing:
        """The model inputs of one listing.

        `listing` has raw column names; year, manufacturer and odometer are required.
        """
        get = listing.get
        car = self._car_inputs(str(listing["manufacturer"]), str(get("model") or ""))
        age = _age(self._tables, listing["year"], get("posting_date"))
        effects = [level_effects.get(get(column) or "") for column, level_effects in self._levels]
        unknown_level = None in effects
        if unknown_level:
            effects = [effect or 0.0 for effect in effects]
        inputs = [float(age), float(listing["odometer"])]
        inputs += [curve[age - MIN_AGE] for curve in car.curves]
        inputs += car.values
        inputs += effects
        return EncodedListing(inputs, car, unknown_level)


def encode_row(tables: Tables, listing: Mapping[str, object]) -> list[float]:
    """The model inputs of a single listing."""
    return Encoder(tables).encode(listing).inputs


def _car_inputs(tables: Tables, make: str, model: str) -> CarInputs:
    keys = car_keys(make, model)
    warnings = _text_warnings(tables, keys, make, model)
    return CarInputs(curve_table(tables, keys.groups), text_values(tables, keys), warnings)


def _text_warnings(tables: Tables, keys: CarKeys, make: str, model: str) -> tuple[str, ...]:
    if keys.groups[0] not in tables.offsets["make"]:
        return (unknown_value("manufacturer", make, "a rough estimate"),)
    if not model:
        return ("model: not given; priced as an average car of the make",)
    if keys.groups[1] not in tables.offsets["word1"]:
        return (unknown_value("model", model, "priced from the make"),)
    return ()


def _age(tables: Tables, year: object, posting_date: object) -> int:
    posted = int(str(posting_date)[:4]) if posting_date else tables.base_year
    return min(max(posted - int(year), MIN_AGE), MAX_AGE)


def curve_table(tables: Tables, groups: tuple[str, ...]) -> list[list[float]]:
    """The curve over age for all cars and for each of CURVES; the coarser curve if unknown."""
    curves = [tables.curve_all]
    for group, key in zip(CURVES, groups, strict=False):
        curves.append(tables.curves[group].get(key, curves[-1]))
    return curves


def text_values(tables: Tables, keys: CarKeys) -> list[float]:
    """The TEXT_INPUT_COUNT inputs offset_*, count_* and words_* of a make and a model text."""
    offsets, counts = [], []
    offset = 0.0
    for group, key in zip(GROUPS, keys.groups, strict=True):
        offset, count = tables.offsets[group].get(key, (offset, 0))
        offsets.append(offset)
        counts.append(float(count))
    return [*offsets, *counts[1:], *_word_values(tables, keys)]


def _word_values(tables: Tables, keys: CarKeys) -> tuple[float, ...]:
    """TOKEN_STATISTICS of the effects of the words after the first."""
    words, pairs, first_word_key = tables.words, tables.pairs, keys.groups[1]
    effects = [words.get(w, 0.0) + pairs.get(f"{first_word_key}|{w}", 0.0) for w in keys.words[1:]]
    if not effects:
        return (0.0, 0.0, 0.0, 0.0, 0.0)
    return (sum(effects), min(effects), max(effects), effects[0], float(len(effects)))
