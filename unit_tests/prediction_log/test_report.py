"""The parts of a report of monitoring that need no database."""

from datetime import UTC, datetime, timedelta

from vehicle_price.prediction_log.report.channels import DAY, WEEK, Verdict, channel_state
from vehicle_price.prediction_log.report.columns import WORST, Cell, heat_map, worst_columns
from vehicle_price.prediction_log.report.performance import FigureRow, by_window
from vehicle_price.prediction_log.report.period import EPOCH, period_of, windows_of

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = [FIRST + timedelta(days=n) for n in range(4)]
PERIOD = period_of([(DAYS[n], DAYS[n + 1]) for n in (2, 1, 0)])


def test_the_period_is_from_the_first_start_to_the_last_end():
    assert PERIOD.starts == tuple(DAYS[:3])
    assert (PERIOD.start, PERIOD.end) == (DAYS[0], DAYS[3])
    found = windows_of(PERIOD, DAYS[3] + timedelta(hours=1))
    assert (found["window_seconds"], found["age_seconds"]) == (86_400, 3_600)


def test_before_the_first_window_the_period_is_empty():
    nothing = period_of([])
    assert nothing.starts == () and nothing.start == nothing.end == EPOCH
    assert windows_of(nothing, FIRST)["age_seconds"] is None


def verdict(day, status, metric=DAY, **details):
    """A stored verdict on the channel."""
    return Verdict("api", metric, DAYS[day], status, 0.1, 0.3, 600, details)


def test_the_newest_window_that_could_be_judged_is_the_state_of_a_channel():
    verdicts = [
        verdict(0, "drift", effective=500.0, secret="not for people"),
        verdict(1, "few callers", verdict="ok"),
        verdict(2, "not enough data"),
        verdict(2, "learning", WEEK),
    ]
    state = channel_state("api", verdicts, PERIOD)
    assert state["latest"]["status"] == "not enough data"
    assert (state["judged"]["status"], state["judged"]["verdict"]) == ("few callers", "ok")
    assert state["week"] is None
    assert state["statuses"] == ["drift", "few callers", "not enough data"]
    assert "secret" not in channel_state("api", verdicts[:1], PERIOD)["judged"]


def test_a_channel_without_a_row_in_a_window_has_none_there():
    assert channel_state("api", [verdict(1, "ok")], PERIOD)["statuses"] == [None, "ok", None]


def cell(column, day=2, *, channel="api", status="ok", distance=0.05, limit=0.1, version=""):
    """A column in a window."""
    movers = [{"level": "x", "reference": 0.1, "window": 0.2}]
    details = {"z": 1.5, "movers": movers}
    return Cell(channel, column, version, DAYS[day], status, distance, 0.03, limit, details)


def test_the_heat_map_has_a_value_for_each_window():
    (row,) = heat_map([cell("age", 0), cell("age", 2, status="drift", distance=0.2)], PERIOD)
    assert row["status"] == ["ok", None, "drift"] and row["distance"] == [0.05, None, 0.2]
    assert row["z"] == [1.5, None, 1.5] and row["limit"] == [0.1, None, 0.1]


def test_of_several_versions_in_a_window_the_last_counts():
    (row,) = heat_map(
        [cell("price", version="7"), cell("price", version="8", distance=0.4)], PERIOD
    )
    assert row["distance"] == [None, None, 0.4]


def test_the_worst_columns_are_those_nearest_to_their_limit():
    cells = [cell("age"), cell("odometer", distance=0.09), cell("fuel", distance=0.3, limit=0.4)]
    cells += [cell("state", status="shown", distance=0.9), cell("drive", distance=None)]
    cells += [cell("age", channel="form")]
    found = [(one["channel"], one["column"]) for one in worst_columns(cells)]
    assert found == [("api", "odometer"), ("api", "fuel"), ("api", "age"), ("form", "age")]
    first, *_ = worst_columns(cells)
    assert first["natural"] == 0.03 and first["movers"][0]["level"] == "x" and first["z"] == 1.5


def test_no_channel_has_more_than_so_many_worst_columns():
    cells = [cell(f"column {n}", distance=0.01 * n) for n in range(1, WORST + 4)]
    assert len(worst_columns(cells)) == WORST


def test_figures_are_put_together_by_window_version_and_role():
    details = {"verdict": "drift", "effective": 120.5, "keys": 12}
    bias = FigureRow(
        DAYS[0], "7", "production", "performance_bias", "", "drift", 0.2, 0.0, 0.06, 130, details
    )
    share = bias._replace(metric="performance_feedback_share", value=0.5, details={})
    canary = bias._replace(role="canary")
    rows = by_window([bias, share, canary])
    assert [(row["version"], row["role"]) for row in rows] == [("7", "production"), ("7", "canary")]
    found = rows[0]["figures"]["bias"]
    assert (found["value"], found["limit"], found["keys"]) == (0.2, 0.06, 12)
    assert rows[0]["figures"]["feedback_share"]["effective"] is None
