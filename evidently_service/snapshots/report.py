"""One window as Evidently shows it, judged by our distance and our thresholds.

Evidently's own tests alarm on quiet windows and drop missing values before they compare. So it
gets columns that are coded already, and the statistic that decided.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.core.report import Snapshot
from evidently.legacy.calculations.stattests import StatTest, register_stattest
from evidently.legacy.core import ColumnType
from evidently.metrics import DriftedColumnsCount, ValueDrift

from evidently_service.snapshots.rows import PicturedColumn, sides, weight_of_a_row
from evidently_service.snapshots.wanted import Picture
from vehicle_price.distance import STATISTICS
from vehicle_price.monitoring.calibration import STATISTIC

NAME = "vehicle_price_distance"
DISPLAY_NAME = "Jensen-Shannon distance, base 2"


def make_snapshot(
    picture: Picture, columns: Sequence[PicturedColumn], drift_share: float
) -> Snapshot:
    """The pictures of a window: the number of drifting columns, then each column.

    drift_share: a larger share of drifting columns is a severe drift.
    """
    frames = sides(columns)
    definition = DataDefinition(categorical_columns=[column.name for column in columns])
    reference, window = (Dataset.from_pandas(frame, data_definition=definition) for frame in frames)
    _register(columns)
    return Report(_metrics(columns, drift_share), include_tests=True).run(
        window,
        reference,
        timestamp=picture.end,
        name=f"{picture.metric} {picture.channel} {picture.start:%Y-%m-%d %H:%M:%S} UTC",
        metadata={"channel": picture.channel, "status": picture.status},
        tags=[picture.metric],
    )


def _metrics(columns: Sequence[PicturedColumn], drift_share: float) -> list[Any]:
    thresholds = {column.name: column.threshold for column in columns}
    alarmed = sorted(column.name for column in columns if column.alarms)
    count = DriftedColumnsCount(
        columns=alarmed,
        per_column_method=dict.fromkeys(alarmed, NAME),
        per_column_threshold={name: thresholds[name] for name in alarmed},
        drift_share=drift_share,
    )
    return [count, *(ValueDrift(column=n, method=NAME, threshold=t) for n, t in thresholds.items())]


def _register(columns: Sequence[PicturedColumn]) -> None:
    """Make the statistic known to Evidently, with the weights of these columns."""
    by_name = {column.name: column for column in columns}

    def distance(
        reference: pd.Series, window: pd.Series, _: ColumnType, threshold: float
    ) -> tuple[float, bool]:
        column = by_name[str(reference.name)]
        found = float(
            STATISTICS[STATISTIC](
                _weights(column, window, column.window),
                _weights(column, reference, column.reference),
            )
        )
        return found, found > threshold

    test = StatTest(
        name=NAME, display_name=DISPLAY_NAME, allowed_feature_types=[ColumnType.Categorical]
    )
    register_stattest(test, distance)


def _weights(column: PicturedColumn, rows: pd.Series, weights: np.ndarray) -> np.ndarray:
    """float64 (groups,): what the rows weigh together. Their number is rounded, this is not."""
    counts = rows.value_counts().reindex(column.groups, fill_value=0).to_numpy()
    return counts * weight_of_a_row(weights, counts)
