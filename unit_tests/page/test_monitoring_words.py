"""The status of the page Monitoring in sentences."""

import pytest

from page.monitoring import reading
from page.monitoring.status import actions, inputs, prices
from unit_tests.helpers.monitoring_report import (
    NEWEST,
    WINDOWS,
    change,
    channel,
    figure,
    incident,
    made_up_report,
    moment,
    moved,
    performance,
    retraining,
    verdict,
)


def said(line):
    """All words of a line."""
    return f"{line.subject}: {line.head}. {' '.join(line.sentences)}"


def inputs_of(*channels, **changed):
    """The line about inputs."""
    return inputs.inputs(made_up_report(channels=list(channels), **changed))


def test_drift_names_the_channel_the_columns_and_their_limits():
    line = inputs.inputs(made_up_report())
    assert (line.level, line.head) == ("bad", "severe drift in api")
    assert "odometer 0.31 (limit 0.11)" in said(line) and "age" not in said(line)
    assert "batch: not enough data for a verdict (40 requests count as 20)" in said(line)
    assert "form: learning its reference, no alarm before: 5 of 14 days" in said(line)


def test_only_the_three_worst_columns_are_named():
    worst = [moved(f"column{n}", 0.5, "drift") for n in range(5)]
    assert "column2 0.50 (limit 0.11) and 2 more (600" in said(
        inputs.inputs(made_up_report(worst_columns=worst))
    )


def test_a_drift_is_named_too_where_the_columns_of_another_channel_are_shown():
    worst = [{"column": "odometer", "distance": 0.31, "threshold": 0.11}]
    api = channel("api", verdict("drift", worst=worst))
    assert "api: drift, most of all odometer 0.31 (limit 0.11) (600" in said(
        inputs_of(api, worst_columns=[])
    )


def test_quiet_channels_are_good():
    line = inputs_of(channel("api", verdict()), channel("form", verdict("learning", missing="")))
    assert (line.level, line.head) == ("good", "quiet in api")
    assert "api: quiet (600 requests on 14 Mar)" in said(line)


def test_channels_that_are_all_quiet_need_no_names():
    line = inputs_of(channel("api", verdict()), channel("form", verdict()))
    assert (line.level, line.head) == ("good", "quiet")


def test_channels_that_all_learn_have_no_verdict():
    line = inputs_of(channel("form", verdict("learning", missing="5 of 14 days")))
    assert (line.level, line.head) == ("wait", "no verdict yet")


def test_a_channel_without_requests_is_said_to_have_none():
    nothing = verdict("not enough data", requests=0, effective=0.0)
    assert "batch: no requests." in said(inputs_of(channel("batch", nothing)))


def test_a_hidden_verdict_of_few_callers_is_a_warning():
    few = verdict("few callers", verdict="severe drift")
    line = inputs_of(channel("api", few))
    assert line.level == "warn" and "fewer than ten callers" in said(line)
    assert inputs_of(channel("api", verdict("few callers", verdict="ok"))).level == "good"


def test_a_drift_of_the_week_is_told_where_the_day_is_quiet():
    column = {"column": "odometer", "distance": 0.1, "threshold": 0.08}
    line = inputs_of(channel("api", verdict(), week=verdict("drift", worst=[column])))
    assert line.level == "warn"
    assert "quiet on the day; over the week drift, most of all odometer 0.10 (limit 0.08)" in said(
        line
    )


def test_a_severe_drift_of_the_week_is_as_serious_as_one_of_the_day():
    line = inputs_of(channel("api", verdict(), week=verdict("severe drift")))
    assert (line.level, line.head) == ("bad", "severe drift in api")


def test_an_older_verdict_says_that_newer_windows_have_none():
    latest = verdict("not enough data", requests=5)
    line = inputs_of(channel("api", latest, judged=verdict(window=NEWEST - 2), week=None))
    assert "on 12 Mar; newer windows have no verdict" in said(line)


def test_no_channel_at_all_is_no_verdict():
    assert inputs_of().level == "wait"


def test_wrong_prices_say_by_how_much_on_what():
    line = prices.prices(made_up_report())
    assert (line.level, line.head) == ("bad", "too low: clients report 25 % more")
    assert "bias +0.22, allowed -0.06 to +0.06" in said(line)
    assert "212 reports of 12 clients on 14 Mar" in said(line)


def test_right_prices_are_good_with_the_same_figures():
    line = prices.prices(made_up_report(performance=[performance(13, -0.03)]))
    assert (line.level, line.head) == ("good", "right")
    assert "clients report 3 % less than its prices" in said(line)


def test_the_allowed_range_is_around_the_bias_at_the_versions_own_test():
    shifted = figure(0.02, 0.1, 0.06)
    line = prices.prices(made_up_report(performance=[performance(13, 0.0, bias=shifted)]))
    assert "allowed +0.04 to +0.16" in said(line)


def test_feedback_that_has_not_come_leaves_the_last_verdict():
    waiting = figure(None, 0.0, None, status="not enough data", verdict="not enough data", rows=3)
    rows = [performance(12, 0.01), performance(13, 0.0, bias=waiting)]
    line = prices.prices(made_up_report(performance=rows))
    assert line.level == "good" and "on 13 Mar" in said(line)


def test_a_range_that_is_too_narrow_is_said_where_the_bias_is_right():
    narrow = figure(0.7, 0.9, 0.84, status="drift", verdict="drift")
    line = prices.prices(made_up_report(performance=[performance(13, 0.01, coverage=narrow)]))
    assert line.level == "bad"
    assert "only 70% of the reports are in the 90 % range (limit 84%)" in line.head


def test_few_keys_make_wrong_prices_a_warning():
    few = figure(0.22, 0.0, 0.06, status="few callers", verdict="drift", keys=3)
    line = prices.prices(made_up_report(performance=[performance(13, 0.0, bias=few)]))
    assert line.level == "warn" and "fewer than ten keys" in said(line)


def test_a_new_version_without_reports_tells_of_the_one_before():
    changes = [change("8", "7", 13.9), change("7", None, 0)]
    line = prices.prices(made_up_report(production=changes[0], production_changes=changes))
    assert (line.level, line.head) == ("wait", "no verdict yet")
    assert "Version 8 has no prices in a closed window yet" in said(line)
    assert "Before it, version 7: clients report 25 % more" in said(line)


def test_a_chosen_version_is_the_one_that_is_judged():
    rows = [performance(13, 0.01, "7"), performance(13, 0.3, "6")]
    assert prices.prices(made_up_report(performance=rows), "6").level == "bad"
    assert prices.prices(made_up_report(performance=rows)).level == "good"


def test_a_version_without_a_test_of_its_own_says_so():
    missing = "version 7 has no figures of its own test"
    bias = figure(None, None, None, status="not enough data", missing=missing)
    assert missing in said(
        prices.prices(made_up_report(performance=[performance(1, 0, bias=bias)]))
    )


def test_nothing_in_production_is_said():
    line = prices.prices(made_up_report(production=None, performance=[]))
    assert line.level == "wait" and "has not seen a version in production" in said(line)


def test_actions_count_open_incidents_and_tell_the_last_retraining():
    line = actions.actions(made_up_report())
    assert (line.level, line.head) == ("bad", "1 to act on now")
    assert "Retraining of 13 Mar 2026 04:48 UTC runs: bias 0.223" in said(line)
    assert "Version 7 is in production since 01 Mar 2026 00:00 UTC" in said(line)


@pytest.mark.parametrize(
    ("incidents", "level"),
    [
        ([], "good"),
        ([incident(severity="warn")], "warn"),
        ([incident(resolved_at=moment(WINDOWS))], "good"),
    ],
)
def test_actions_are_as_serious_as_what_is_open(incidents, level):
    assert actions.actions(made_up_report(incidents=incidents)).level == level


def test_a_retraining_that_waits_for_a_person_says_so():
    waits = incident(rule="retraining_approval", severity="warn")
    assert "UTC waits for approval: bias 0.223" in said(
        actions.actions(made_up_report(incidents=[waits]))
    )
    rejected = retraining(state="rejected", outcome="a person did not approve it")
    assert actions.retraining_sentence(rejected).endswith("rejected, a person did not approve it.")


def test_a_retraining_that_has_ended_says_how():
    assert actions.retraining_sentence(retraining()).endswith("UTC: promoted, version 8: better.")
    assert actions.retraining_sentence(retraining(outcome="")).endswith("UTC: promoted.")
    assert "started no retraining" in said(actions.actions(made_up_report(retrainings=[])))


def test_figures_older_than_two_windows_say_what_to_do():
    assert actions.freshness(made_up_report())[0] == "good"
    level, text = actions.freshness(made_up_report(age_seconds=3 * 86_400.0))
    assert level == "bad" and "3 days ago" in text and "`make status`" in text
    level, text = actions.freshness(made_up_report(windows=[], age_seconds=None))
    assert level == "wait" and "No window has closed yet" in text


def test_the_channel_that_is_shown_first_is_the_worst_then_the_busiest():
    calm, busy = channel("batch", verdict()), channel("form", verdict(requests=9_000))
    assert reading.default_channel(made_up_report()) == "api"
    assert reading.default_channel(made_up_report(channels=[calm, busy])) == "form"
    assert reading.default_channel(made_up_report(channels=[])) is None
