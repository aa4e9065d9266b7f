"""The report in sentences: inputs, prices, actions."""

import math
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from page.monitoring import reading
from page.monitoring.reading import ALARMS, FEW_CALLERS, LEARNING, Report

Level = Literal["good", "wait", "warn", "bad"]
LEVELS: Sequence[Level] = ("good", "wait", "warn", "bad")  # ascending
STALE_WINDOWS = 2  # without a closed window: monitoring itself has stopped


class Line(NamedTuple):
    """A line of the status. head: the answer in a few words; sentences: what it rests on."""

    subject: str
    level: Level
    head: str
    sentences: tuple[str, ...]


def status_lines(report: Report, chosen: str | None = None) -> tuple[Line, Line, Line]:
    """Inputs, prices and actions. chosen: a version, None for the one in production."""
    return inputs(report), prices(report, chosen), actions(report)


def inputs(report: Report) -> Line:
    """Whether the requests have drifted, by channel."""
    found = [(channel, _level(channel)) for channel in report["channels"]]
    found.sort(key=lambda pair: -LEVELS.index(pair[1]))
    levels = [level for _, level in found]
    worst: Level = next((one for one in ("bad", "warn", "good") if one in levels), "wait")
    heads = {
        "bad": "severe drift in " + _names(found, "bad"),
        "warn": "drift in " + _names(found, "warn"),
        "good": "quiet in " + _names(found, "good") if "wait" in levels else "quiet",
        "wait": "no verdict yet",
    }
    sentences = tuple(_channel_sentence(report, channel) for channel, _ in found)
    return Line("Inputs", worst, heads[worst], sentences or ("No window has closed yet.",))


def _names(found: Sequence[tuple[Report, Level]], level: Level) -> str:
    return " and ".join(channel["channel"] for channel, own in found if own == level)


def _level(channel: Report) -> Level:
    states = [state for state in (reading.state_of(channel), channel["week"]) if state]
    verdicts = {reading.verdict_of(state) for state in states}
    if states[0]["status"] == "severe drift":
        return "bad"
    if verdicts & set(ALARMS):
        return "warn"
    return "good" if channel["judged"] else "wait"


def _channel_sentence(report: Report, channel: Report) -> str:
    state, name = reading.state_of(channel), channel["channel"]
    verdict, requests = reading.verdict_of(state), f"{state['requests']:,} requests"
    if not state["requests"]:
        return f"{name}: no requests."
    if state["status"] == LEARNING:
        return f"{name}: learning its reference, no alarm before: {state.get('missing')}."
    if verdict in ALARMS:
        columns = reading.alarmed_columns(report, name)
        return f"{name}: {_moved(columns)} ({requests}{_when(report, channel)}){_few(state)}."
    if verdict == "not enough data":
        effective = state.get("effective") or 0
        return f"{name}: not enough data for a verdict ({requests} count as {effective:,.0f})."
    week = channel["week"]
    if week and reading.verdict_of(week) in ALARMS:
        return f"{name}: quiet on the day; over the week {_week(week)}."
    return f"{name}: quiet ({requests}{_when(report, channel)})."


def _moved(columns: Iterator[Report]) -> str:
    """The columns that have drifted, with distance and limit."""
    said = [f"{c['column']} {c['distance']:.2f} (limit {c['limit']:.2f})" for c in columns]
    more = f" and {len(said) - 3} more" if len(said) > 3 else ""
    return ", ".join(said[:3]) + more if said else "drift"


def _week(week: Report) -> str:
    """The verdict on a week, and the column that moved most."""
    found = [f"{c['column']} {c['distance']:.2f} (limit {c['threshold']:.2f})" for c in week["worst"]]
    return f"{reading.verdict_of(week)}, most of all {found[0]}" if found else week["status"]


def _when(report: Report, channel: Report) -> str:
    """Of which window the verdict is, if newer ones have none."""
    judged = channel["judged"]
    newest = report["windows"][-1] if report["windows"] else None
    day = reading.day_or_time(judged["window_start"], report["window_seconds"])
    newer = judged["window_start"] != newest
    return f" on {day}; newer windows have no verdict" if newer else f" on {day}"


def _few(state: Report) -> str:
    few = "; fewer than ten callers, so one may be the cause and nothing starts by itself"
    return few if state["status"] == FEW_CALLERS else ""


def prices(report: Report, chosen: str | None = None) -> Line:
    """Whether prices are still right, by the reports of clients."""
    version = reading.shown_version(report, chosen)
    rows = [r for r in reading.production_rows(report, chosen) if r["version"] == version]
    row = reading.latest_judged(rows, "bias")
    if row is None:
        return Line("Prices", "wait", "no verdict yet", tuple(_unjudged(report, version, rows)))
    bias = row["figures"]["bias"]
    wrong = reading.verdict_of(bias) in ALARMS
    others = list(_other_alarms(rows))
    few = bias["status"] == FEW_CALLERS
    level: Level = "good" if not wrong and not others else "warn" if few else "bad"
    head = _direction(bias["value"]) if wrong else others[0] if others else "right"
    return Line("Prices", level, head, (_bias_sentence(report, row), *_capitalised(others)))


def _direction(bias: float) -> str:
    """
    >>> _direction(0.2231), _direction(-0.1054)
    ('too low: clients report 25 % more', 'too high: clients report 10 % less')
    """
    return f"too {'low' if bias > 0 else 'high'}: {_difference(bias)}"


def _difference(bias: float) -> str:
    side = "more" if bias > 0 else "less"
    return f"clients report {abs(math.expm1(bias)) * 100:.0f} % {side}"


def _bias_sentence(report: Report, row: Report) -> str:
    bias = row["figures"]["bias"]
    day = reading.day_or_time(row["window_start"], report["window_seconds"])
    keys = f" of {bias['keys']} clients" if bias["keys"] else ""
    few = "; fewer than ten keys, so one may be the cause" * (bias["status"] == FEW_CALLERS)
    allowed = [bias["expected"] + sign * bias["limit"] for sign in (-1, 1)]
    return (
        f"Version {row['version']}: {_difference(bias['value'])} than its prices (bias "
        f"{bias['value']:+.2f}, allowed {allowed[0]:+.2f} to {allowed[1]:+.2f}), by {bias['rows']:,} "
        f"reports{keys} on {day}{few}."
    )


def _other_alarms(rows: Sequence[Report]) -> Iterator[str]:
    """Coverage and error beyond their limits, each in its newest judged window."""
    texts = {
        "coverage": "only {value:.0%} of the reports are in the 90 % range (limit {limit:.0%})",
        "median_ape": "the typical error is {value:.0%} (limit {limit:.0%})",
    }
    for name, text in texts.items():
        row = reading.latest_judged(rows, name)
        if row and reading.verdict_of(row["figures"][name]) in ALARMS:
            yield text.format(**row["figures"][name])


def _capitalised(sentences: Sequence[str]) -> Iterator[str]:
    for sentence in sentences:
        yield f"{sentence[0].upper()}{sentence[1:]}."


def _unjudged(report: Report, version: str | None, rows: Sequence[Report]) -> Iterator[str]:
    """Why there is no verdict, and the last one on another version."""
    if version is None:
        yield "Monitoring has not seen a version in production yet."
    elif not rows:
        yield f"Version {version} has no prices in a closed window yet."
    else:
        bias = rows[-1]["figures"].get("bias", {})
        few = f"not enough reports on its prices yet ({bias.get('rows', 0):,})"
        yield f"Version {version}: {bias.get('missing') or few}."
    others = [r for r in reading.production_rows(report, None) if r["version"] != version]
    if before := reading.latest_judged(others, "bias"):
        yield f"Before it, {_bias_sentence(report, before).replace('Version', 'version', 1)}"


def actions(report: Report) -> Line:
    """What the system did, and whether somebody has to act."""
    opened = reading.open_incidents(report)
    pages = sum(incident["severity"] == "page" for incident in opened)
    sentences = tuple(_deeds(report))
    if pages:
        return Line("Actions", "bad", f"{pages} to act on now", sentences)
    if opened:
        return Line("Actions", "warn", f"{len(opened)} to look at", sentences)
    return Line("Actions", "good", "nothing to do", sentences)


def _deeds(report: Report) -> Iterator[str]:
    latest = report["retrainings"][0] if report["retrainings"] else None
    if latest is None:
        yield "Monitoring has started no retraining."
    else:
        yield retraining_sentence(latest)
    if now := report["production"]:
        before = f", before it version {now['previous']}" if now["previous"] else ""
        since = reading.minute(now["changed_at"])
        yield f"Version {now['version']} is in production since {since} UTC{before}."


def retraining_sentence(retraining: Report) -> str:
    """A retraining and how it ended."""
    started = f"Retraining of {reading.minute(retraining['started_at'])} UTC"
    if retraining["state"] == "open":
        return f"{started} runs: {'; '.join(retraining['causes'] or ())}."
    outcome = retraining["outcome"].rstrip(": ")
    return f"{started}: {retraining['state']}{f', {outcome}' if outcome else ''}."


def freshness(report: Report) -> tuple[Level, str]:
    """How old the figures are, and what to do if they are too old."""
    if not report["windows"]:
        return "wait", (
            "No window has closed yet: a day closes ten minutes after its end (UTC), once the "
            "prediction log is complete. `make status` shows whether evidently-service and "
            "prediction-forwarder run."
        )
    age, seconds = report["age_seconds"], report["window_seconds"]
    until = f"Figures until {reading.minute(report['last_end'])} UTC, {reading.duration(age)} ago"
    if age <= STALE_WINDOWS * seconds:
        return "good", f"{until}; the next window is still open or being closed."
    return "bad", (
        f"{until}: too old. `make status` shows whether evidently-service and "
        "prediction-forwarder run; their logs say what they wait for."
    )
