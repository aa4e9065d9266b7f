"""The checks of the promotion gate in each segment of the market."""

from collections.abc import Iterator

import numpy as np

from vehicle_price.gate.comparison import CONFIDENCE, Check, Compared

COMPARED_CARS = 100  # of a segment that is compared with the rival
COMPARED_CLUSTERS = 20  # of the same: a bootstrap of a few regions and days promises too much
MAX_OF_BASELINE, MAX_OF_RIVAL = 1.5, 2.0  # times their error, in smaller segments


def segment_checks(compared: Compared) -> Iterator[Check]:
    """No large segment is worse than the rival's; no small one is far worse than the rival's and
    the baseline's."""
    large = [name for name, rows in compared.segments.items() if _is_large(rows, compared)]
    if large:
        yield _large_segments(large, compared)
    if small := [name for name in compared.segments if name not in large]:
        yield from _small_segments(small, compared)


def _is_large(rows: np.ndarray, compared: Compared) -> bool:
    clusters = np.unique(compared.clusters[rows])
    return rows.sum() >= COMPARED_CARS and len(clusters) >= COMPARED_CLUSTERS


def segment_table(compared: Compared) -> list[dict[str, object]]:
    """segment, cars, mae and rival_mae (US dollars) of each segment that is looked at."""
    return [
        {
            "segment": name,
            "cars": int(rows.sum()),
            "mae": float(compared.error[rows].mean()),
            "rival_mae": float(compared.rival_error[rows].mean()),
        }
        for name, rows in compared.segments.items()
    ]


def _large_segments(names: list[str], compared: Compared) -> Check:
    groups = np.array([compared.segments[name] for name in names])
    worse_by = compared.bounds_of(compared.error - compared.rival_error, groups).low
    worst = int(np.argmax(worse_by))
    rows = groups[worst]
    text = (
        f"of {len(names)} segments the worst is {names[worst]}: MAE "
        f"{compared.error[rows].mean():,.0f} USD against {compared.rival_error[rows].mean():,.0f} "
        f"of {compared.rival}; worse by {worse_by[worst]:,.0f} or more with {CONFIDENCE:.0%} "
        "confidence over all segments, at most 0 allowed"
    )
    return Check(bool(worse_by[worst] <= 0), text, safety=True)


def _small_segments(names: list[str], compared: Compared) -> Iterator[Check]:
    """Few cars give no useful bound, so only large factors are refused."""
    baseline_error = np.abs(compared.baseline - compared.actual)
    yield _within_factor("the baseline", baseline_error, MAX_OF_BASELINE, names, compared)
    if compared.rival_facts is not None:
        yield _within_factor(compared.rival, compared.rival_error, MAX_OF_RIVAL, names, compared)


def _within_factor(
    other: str, error: np.ndarray, limit: float, names: list[str], compared: Compared
) -> Check:
    ratio_of = {
        name: float(compared.error[rows].mean() / error[rows].mean())
        for name in names
        for rows in [compared.segments[name]]
    }
    worst = max(ratio_of, key=ratio_of.__getitem__)
    text = (
        f"of {len(names)} small segments the worst is {worst}: its error is {ratio_of[worst]:.2f} "
        f"times that of {other}; at most {limit:g} allowed"
    )
    return Check(ratio_of[worst] <= limit, text, safety=True)
