"""Whether the requests have drifted, in sentences."""

from collections.abc import Iterator, Sequence

from page.monitoring import reading
from page.monitoring.reading import ALARMS, FEW_CALLERS, LEARNING, Report
from page.monitoring.status.line import LEVELS, Level, Line


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
    if "severe drift" in {state["status"] for state in states}:
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
        # The columns are of one channel only where one is chosen; a verdict names its worst.
        columns = _moved(reading.alarmed_columns(report, name)) or _most(state)
        return f"{name}: {columns} ({requests}{_when(report, channel)}){_few(state)}."
    if verdict == "not enough data":
        effective = state.get("effective") or 0
        return f"{name}: not enough data for a verdict ({requests} count as {effective:,.0f})."
    week = channel["week"]
    if week and reading.verdict_of(week) in ALARMS:
        return f"{name}: quiet on the day; over the week {_most(week)}."
    return f"{name}: quiet ({requests}{_when(report, channel)})."


def _moved(columns: Iterator[Report]) -> str:
    """The columns that have drifted, with distance and limit."""
    said = [f"{c['column']} {c['distance']:.2f} (limit {c['limit']:.2f})" for c in columns]
    more = f" and {len(said) - 3} more" if len(said) > 3 else ""
    return ", ".join(said[:3]) + more


def _most(state: Report) -> str:
    """A verdict, and the column that moved most."""
    verdict = reading.verdict_of(state)
    if not state["worst"]:
        return verdict
    worst = state["worst"][0]
    limit = f"(limit {worst['threshold']:.2f})"
    return f"{verdict}, most of all {worst['column']} {worst['distance']:.2f} {limit}"


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
