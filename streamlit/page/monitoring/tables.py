"""The tables of the page."""

from typing import NamedTuple

from page.monitoring import reading
from page.monitoring.links import Addresses
from page.monitoring.markdown import linked, markdown_table, plain, sentence
from page.monitoring.reading import Report

SYMBOLS = {"ok": "✓", "drift": "▲", "severe drift": "■", "few callers": "◐", "learning": "…"}
MOVERS = 2  # of a column that are named


class Shown(NamedTuple):
    """How a figure is shown. number: its format; limit: that of its limit; short: its name in a
    list."""

    name: str
    number: str
    limit: str = ""
    short: str = ""


FIGURES = {
    "bias": Shown("Bias: log(reported / ours)", "{:+.2f}", "± {:.2f} from its test", "bias"),
    "coverage": Shown("Reports in the 90 % range", "{:.0%}", "at least {:.0%}", "coverage"),
    "median_ape": Shown("Typical error (median APE)", "{:.0%}", "up to {:.0%}", "error"),
    "mean_absolute_error": Shown("Mean error", "${:,.0f}"),
    "expected_error": Shown("Mean error to expect if prices hold", "${:,.0f}"),
    "interval_width": Shown("Mean width of the range", "${:,.0f}"),
    "interval_score": Shown("Interval score, lower is better", "${:,.0f}"),
    "feedback_share": Shown("Predictions with a report", "{:.0%}"),
}


def status_text(status: str) -> str:
    """A status with its symbol, so that it is not told by colour alone."""
    return f"{SYMBOLS.get(status, '·')} {status}"


def worst_columns(report: Report, channel: str) -> str:
    """The columns nearest to or beyond their limit, and what changed in them."""
    rows = [
        (
            plain(column["column"]),
            status_text(column["status"]),
            _distance(column),
            "; ".join(map(_mover, column["movers"][:MOVERS])),
        )
        for column in report["worst_columns"]
        if column["channel"] == channel
    ]
    names = ("column", "status", "distance", "share: reference → now")
    return markdown_table(names, rows)


def _distance(column: Report) -> str:
    names = ("distance", "limit", "natural")
    now, limit, quiet = (_number("{:.2f}", column[name]) for name in names)
    return f"{now} (limit {limit}, quiet days {quiet})"


def _mover(mover: Report) -> str:
    return f"{plain(mover['level'])}: {mover['reference']:.0%} → {mover['window']:.0%}"


def figures(row: Report) -> str:
    """All figures of a version in a window, beside those at its own test."""
    rows = [
        (
            shown.name,
            _number(shown.number, figure["value"]),
            _number(f"test: {shown.number}", figure["expected"]),
            _number(f"limit: {shown.limit}" if shown.limit else "", figure["limit"]),
            status_text(figure["status"]),
        )
        for key, shown in FIGURES.items()
        if (figure := row["figures"].get(key))
    ]
    return markdown_table(("figure", "now", "at its test", "limit", "status"), rows)


def segments(report: Report, version: str | None) -> tuple[int, str]:
    """How many segments are beyond a limit, and a row for each of them."""
    found: dict[str, list[Report]] = {}
    for one in report["segments"]:
        if version in (None, one["version"]):
            found.setdefault(one["segment"], []).append(one)
    rows = [
        (plain(name), f"{figures[0]['rows']:,} reports", "; ".join(map(_beyond, figures)))
        for name, figures in found.items()
    ]
    return len(rows), markdown_table(("segment", "reports", "beyond its limit"), rows)


def _beyond(one: Report) -> str:
    shown = FIGURES[one["figure"]]
    limit = _number(shown.limit, one["limit"])
    return f"{shown.short} {_number(shown.number, one['value'])} ({limit})"


def skew(report: Report, channel: str) -> str:
    """How far requests are from the training rows."""
    rows = [
        (
            plain(one["column"]),
            _number("{:.2f}", one["distance"]),
            _number("{:.0%} blank in requests", one["blank"]),
            _number("{:.0%} in training", one["training_blank"]),
        )
        for one in report["skew"]
        if one["channel"] == channel
    ]
    return markdown_table(("column", "distance", "blank in requests", "blank in training"), rows)


def incidents(report: Report, addresses: Addresses) -> str:
    """The resolved incidents of the period, newest first."""
    rows = [
        (
            plain(title(incident)),
            incident["severity"],
            reading.minute(incident["opened_at"]),
            f"lasted {_lasted(incident['opened_at'], incident['resolved_at'])}",
            f"{sentence(incident['message'])} {linked('pictures', addresses.pictures(incident))}",
        )
        for incident in report["incidents"]
        if incident["resolved_at"]
    ]
    return markdown_table(("incident", "severity", "opened (UTC)", "resolved", "message"), rows)


def title(incident: Report) -> str:
    """The name of an incident.

    >>> title({"rule": "drift_day", "channel": "api"})
    'drift day, api'
    """
    name = incident["rule"].replace("_", " ")
    return f"{name}, {incident['channel']}" if incident["channel"] else name


def retrainings(report: Report, addresses: Addresses) -> str:
    """The retrainings that monitoring has started, newest first."""
    rows = [
        (
            reading.minute(one["started_at"]),
            one["state"],
            plain("; ".join(one["causes"] or ())),
            plain(one["outcome"] or "–"),
            linked("run", addresses.run(report["dag_id"], one["dag_run_id"])),
        )
        for one in report["retrainings"]
    ]
    return markdown_table(("started (UTC)", "state", "cause", "outcome", "log"), rows)


def production(report: Report) -> str:
    """The versions that came into production, newest first."""
    rows = [
        (
            f"version {plain(one['version'])}",
            f"since {reading.minute(one['changed_at'])}",
            f"before it version {plain(one['previous'])}" if one["previous"] else "the first one",
        )
        for one in report["production_changes"]
    ]
    return markdown_table(("version", "since (UTC)", "before"), rows)


def _number(form: str, value: float | None) -> str:
    return "–" if value is None or not form else form.format(value).replace("$", "\\$")


def _lasted(start: str, end: str) -> str:
    seconds = (reading.moment_of(end) - reading.moment_of(start)).total_seconds()
    return reading.duration(seconds)
