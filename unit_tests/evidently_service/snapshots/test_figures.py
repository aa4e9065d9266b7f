"""Figures: bins in their order, limits beside distances, one line for each column."""

import json

import numpy as np

from evidently_service.snapshots.figures import improved, label
from evidently_service.snapshots.rows import PicturedColumn

GROUPS = ("below 10", "10 to 20", "from 20")


def column(distance=0.3, threshold=0.1, drifted=True):
    """A column of numbers."""
    weights = np.ones(3)
    return PicturedColumn("age", GROUPS, weights, weights, distance, threshold, drifted)


def widget():
    """A counter and a figure, as Evidently stores them."""
    figure = {"data": [{"x": ["10 to 20"]}], "layout": {"template": {"data": {}}, "xaxis": {}}}
    return {
        "linked_metrics": ["m1"],
        "params": {"counters": [{"value": "Drift in column 'age'", "label": "Drift score: 0.3"}]},
        "tabs": [{"widget": {"params": figure}}],
    }


def location(**params):
    """Where a value is of."""
    return {"metric": {"metric_id": "m1", "params": params}}


def snapshot():
    """A snapshot with one column and the count of drifting ones."""
    of_column = location(column="age", threshold=0.1)
    counts = {"metric_value_location": location(per_column_threshold={"age": 0.1})}
    return {
        "metric_results": {
            "m1": {"metric_value_location": of_column, "widget": [widget()]},
            "m2": counts | {"count": json.loads(json.dumps(counts)), "widget": None},
        },
        "widgets": [widget()],
    }


def test_bars_are_in_the_order_of_the_bins_wherever_a_figure_is_stored():
    made = improved(snapshot(), [column()])
    for one in (made["widgets"][0], made["metric_results"]["m1"]["widget"][0]):
        layout = one["tabs"][0]["widget"]["params"]["layout"]
        assert layout["xaxis"]["categoryarray"] == list(GROUPS)
        assert "template" not in layout
        assert one["params"]["counters"][0]["label"] == "Drift: distance 0.300, limit 0.100"


def test_parameters_that_change_from_window_to_window_do_not_begin_a_new_line():
    text = json.dumps(improved(snapshot(), [column()])["metric_results"])
    assert '"threshold": null' in text and text.count('"per_column_threshold": null') == 2


def test_labels_say_what_was_decided():
    assert label(column(0.05, 0.1, False)).startswith("No drift: distance 0.050")
    assert label(column(0.4, 1.0, False)) == "Distance 0.400; it never alarms"
