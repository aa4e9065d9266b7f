"""The charts and tables of the page Monitoring, as data."""

import json

from page.monitoring import reading, tables
from page.monitoring.charts import figures, heat_map
from page.monitoring.links import Addresses
from page.monitoring.markdown import linked, markdown_table, plain, sentence
from unit_tests.helpers.monitoring_report import (
    WINDOWS,
    change,
    figure,
    history,
    incident,
    made_up_report,
    moment,
    moved,
    performance,
    retraining,
)

ADDRESSES = Addresses("http://evidently", "http://airflow")


def values(spec, n=0):
    """The data of a layer."""
    return spec["layer"][n]["data"]["values"]


def test_the_band_of_the_bias_is_around_that_at_the_versions_own_test():
    rows = [performance(12, 0.0, bias=figure(0.02, 0.01, 0.06)), performance(13, 0.223)]
    first, second = values(figures.bias(rows, made_up_report()))
    assert (round(first["lower"], 2), round(first["upper"], 2)) == (-0.05, 0.07)
    assert (first["alarm"], second["alarm"]) == ("within", "beyond its limit")


def test_a_window_without_a_limit_has_no_band():
    waiting = figure(None, 0.0, None, status="not enough data")
    (row,) = values(figures.bias([performance(1, 0, bias=waiting)], made_up_report()))
    assert "lower" not in row and row["value"] is None


def test_the_measured_error_stands_beside_the_expected_one():
    other = performance(1, 0.0, "8", expected_error=figure(3_000.0, None, None))
    rows = values(figures.error([performance(1, 0.0), other], made_up_report()))
    assert [row["value"] for row in rows] == [2_600.0, 2_600.0]
    assert [row["expected"] for row in rows] == [2_500.0, 3_000.0]


def test_promotions_and_retrainings_of_the_period_are_marked_once_a_window():
    report = made_up_report(
        production_changes=[change("8", "7", 12.4), change("7", None, -3)],
        retrainings=[retraining()],
    )
    spec = figures.bias([performance(13, 0.2)], report)
    marks = spec["layer"][1]
    assert [one["what"] for one in marks["data"]["values"]] == ["retraining", "version 8"]
    texts = [layer["mark"]["text"] for layer in marks["layer"] if layer["mark"]["type"] == "text"]
    assert texts == ["retraining, version 8"]
    nothing = made_up_report(production_changes=[], retrainings=[])
    assert len(figures.bias([performance(13, 0.2)], nothing)["layer"]) == 1


def test_whether_there_is_a_value_decides_whether_there_is_a_chart():
    waiting = figure(None, 0.0, None, status="not enough data")
    assert figures.has_values([performance(1, 0.0)], "bias")
    assert not figures.has_values([performance(1, 0, bias=waiting)], "bias")
    assert not figures.has_values([], "bias")


def test_a_status_is_told_by_a_symbol_too():
    cells = heat_map.of_columns(made_up_report(), "api")["data"]["values"]
    symbols = {(cell["row"], cell["window"]): cell["symbol"] for cell in cells}
    assert symbols["odometer", "14 Mar"] == "■" and symbols["age", "14 Mar"] == ""
    assert set(heat_map.SYMBOLS) == set(reading.ALARMS)
    assert set(heat_map.COLORS) == set(reading.ORDER)
    assert len(set(heat_map.COLORS.values())) == len(heat_map.COLORS)


def test_the_columns_farthest_beyond_their_limit_come_first_and_few_are_shown():
    columns = [history("api", f"column{n}", 0.01 * n, "ok") for n in range(1, 30)]
    columns.append(history("api", "state", 0.9, "shown") | {"status": ["shown"] * WINDOWS})
    report = made_up_report(columns=columns)
    rows = heat_map.of_columns(report, "api")["encoding"]["y"]["sort"]
    assert rows[0] == "column29" and len(rows) == heat_map.TOP and "state" not in rows
    assert len(heat_map.of_columns(report, "api", everything=True)["encoding"]["y"]["sort"]) == 30


def test_a_window_without_a_value_is_left_empty():
    column = history("api", "age", 0.05, "ok")
    column["status"][0] = column["distance"][0] = column["limit"][0] = None
    cells = heat_map.of_columns(made_up_report(columns=[column]), "api")["data"]["values"]
    assert len(cells) == WINDOWS - 1


def test_every_channel_has_a_row_with_its_verdicts():
    spec = heat_map.of_channels(made_up_report())
    assert spec["encoding"]["y"]["sort"] == ["api", "batch", "form"]
    assert {cell["status"] for cell in spec["data"]["values"]} == {
        "severe drift",
        "not enough data",
        "learning",
    }


def test_charts_are_json():
    report = made_up_report()
    rows = reading.production_rows(report, None)
    for spec in (
        figures.bias(rows, report),
        figures.error(rows, report),
        figures.feedback(rows, report),
        figures.against_limit(rows, report, "coverage"),
        heat_map.of_channels(report),
        heat_map.of_columns(report, "api"),
    ):
        json.dumps(spec, allow_nan=False)


def test_windows_shorter_than_a_day_are_told_by_their_time():
    spec = figures.bias([performance(1, 0.0)], made_up_report(window_seconds=60.0))
    assert spec["layer"][0]["encoding"]["x"]["axis"]["format"] == "%H:%M:%S"


def test_what_moved_says_from_where_to_where():
    table = tables.worst_columns(made_up_report(), "api")
    assert "■ severe drift | 0.31 (limit 0.11, quiet days 0.03)" in table
    assert "\\<missing\\>: 10% → 40%" in table
    assert tables.worst_columns(made_up_report(), "form") == ""


def test_the_level_of_a_client_is_shown_and_never_read_as_markdown():
    hostile = moved("odometer", 0.3, "drift")
    hostile["movers"] = [{"level": "![x](http://evil)|\n`<b>$a$", "reference": 0.0, "window": 1.0}]
    table = tables.worst_columns(made_up_report(worst_columns=[hostile]), "api")
    assert "\\!\\[x\\]\\(http\\://evil\\)\\| \\`\\<b\\>\\$a\\$: 0% → 100%" in table
    assert table.count("\n") == 2


def test_commands_in_sentences_stay_commands():
    assert sentence("a_b: run `make status`") == "a\\_b\\: run `make status`"
    assert sentence("one ` only") == plain("one ` only") == "one \\` only"


def test_figures_stand_beside_those_of_the_test():
    table = tables.figures(performance(13, 0.223))
    assert "+0.22 | test: +0.00 | limit: ± 0.06 from its test | ▲ drift" in table
    assert "limit: at least 84%" in table and "\\$2,600" in table


def test_segments_are_counted_with_what_is_wrong_in_each():
    def beyond(name, **changed):
        return {"segment": name, "version": "7", "window_start": moment(13)} | changed

    bias, coverage = figure(0.3, 0.0, 0.07), figure(0.5, 0.9, 0.8)
    report = made_up_report(
        segments=[
            beyond("make ford", figure="bias", **bias),
            beyond("make ford", figure="coverage", **coverage),
            beyond("type suv", figure="bias", **bias) | {"version": "6"},
        ]
    )
    count, table = tables.segments(report, "7")
    assert count == 1 and "bias +0.30 (± 0.07 from its test); coverage 50% (at least 80%)" in table
    assert tables.segments(report, None)[0] == 2 and tables.segments(report, "1") == (0, "")


def test_skew_is_shown_where_it_is_stored():
    one = {"channel": "api", "column": "condition", "window_start": moment(1), "distance": 0.04}
    report = made_up_report(skew=[one | {"blank": 0.3, "training_blank": None}])
    assert "0.04 | 30% blank in requests | – |" in tables.skew(report, "api")
    assert tables.skew(report, "form") == ""


def test_resolved_incidents_say_how_long_and_where_the_pictures_are():
    resolved = incident(resolved_at=moment(WINDOWS + 1), snapshot="/projects/p/reports/r")
    table = tables.incidents(made_up_report(incidents=[incident(), resolved]), ADDRESSES)
    assert table.count("performance bias") == 1 and "lasted 24 h" in table
    assert "[pictures](http://evidently/projects/p/reports/r)" in table


def test_retrainings_link_to_their_run():
    table = tables.retrainings(made_up_report(), ADDRESSES)
    assert "[run](http://airflow/dags/train_vehicle_price/runs/monitoring-1)" in table
    assert tables.retrainings(made_up_report(retrainings=[]), ADDRESSES) == ""
    assert "..%2F" in ADDRESSES.run("d", "../x")


def test_versions_say_since_when_and_which_was_before():
    changes = [change("8", "7", 12.4), change("7", None, 0)]
    table = tables.production(made_up_report(production_changes=changes))
    assert "version 8 | since 13 Mar 2026 09:36 | before it version 7" in table
    assert "the first one" in table


def test_only_pages_that_are_there_are_linked():
    assert [name for name, _ in ADDRESSES.listed()] == [
        "Distributions (Evidently)",
        "Trainings (Airflow)",
    ]
    assert len(Addresses("e", "a", "g").listed()) == 3
    assert linked("x", "") == "" and markdown_table(["a"], []) == ""


def test_times_are_told_in_plain_words():
    assert reading.day_or_time("2026-03-16T07:05:00Z", 60) == "16 Mar 07:05:00"
    assert reading.minute("2026-03-16T08:05:09+01:00") == "16 Mar 2026 07:05"
    spans = [reading.duration(seconds) for seconds in (42, 600, 3_700, 90_000, 3 * 86_400)]
    assert spans == ["42 s", "10 min", "1 h", "25 h", "3 days"]
