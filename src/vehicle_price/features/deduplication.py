"""Deduplication: which listings are the same car.

Sellers post a car many times, in many regions, under new ids. Two listings are the same car when
make, model text, model year and odometer agree, or when they share a valid VIN.
"""

import numpy as np
import pandas as pd

from vehicle_price.features.frame import car_frame

NO_VIN = np.uint64(0)
_VIN = r"(?!(.)\1*$)[A-HJ-NPR-Z0-9]{17}"  # a single character 17 times is a filler


def car_hashes(frame: pd.DataFrame) -> np.ndarray:
    """uint64 (rows, 2): hash of the car's description, hash of its VIN (NO_VIN without one)."""
    keys = car_frame(frame)
    description = pd.DataFrame(
        {"words": keys["words"].str.join(" "), "make": keys["make"]}
        | {name: frame[name].astype("int64") for name in ("year", "odometer")}
    )
    hashes = pd.util.hash_pandas_object(description, index=False).to_numpy(np.uint64)
    return np.column_stack([hashes, _vin_hashes(frame)])


def first_postings(frame: pd.DataFrame) -> pd.DataFrame:
    """The first posting of each car, ordered by posting_date, then id."""
    ordered = frame.sort_values(["posting_date", "id"], kind="stable", ignore_index=True)
    return ordered[is_first(car_hashes(ordered))].reset_index(drop=True)


def is_first(hashes: np.ndarray) -> np.ndarray:
    """bool (rows,): whether no row before is of the same car; `car_hashes` in the order of time."""
    description, vin = hashes.T
    same_vin = pd.Series(vin).duplicated() & (vin != NO_VIN)
    return ~(pd.Series(description).duplicated() | same_vin).to_numpy()


def is_seen(frame: pd.DataFrame, hashes: np.ndarray) -> np.ndarray:
    """bool (rows,): whether the car is among `hashes` (uint64, any shape)."""
    return np.isin(car_hashes(frame), hashes[hashes != NO_VIN]).any(axis=1)


def _vin_hashes(frame: pd.DataFrame) -> np.ndarray:
    if "VIN" not in frame:
        return np.full(len(frame), NO_VIN)
    vin = frame["VIN"].astype("string").str.upper()
    valid = vin.str.fullmatch(_VIN).fillna(False).to_numpy(bool)
    hashes = pd.util.hash_array(vin.fillna("").to_numpy(object), categorize=False)
    return np.where(valid, hashes, NO_VIN)
