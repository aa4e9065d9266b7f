"""The tables of the page."""

from typing import NamedTuple

from page.monitoring import reading
from page.monitoring.links import Addresses
from page.monitoring.markdown import linked, markdown_table, plain
from page.monitoring.reading import Report

SYMBOLS = {"ok": "✓", "drift": "▲", "severe drift": "■", "few callers": "◐", "learning": "…"}
MOVERS = 2  # of a column that are named


class Shown(NamedTuple):
    """How a figure is shown. number: its format; limit: that of its limit."""

    name: str
    number: str
    limit: str = ""


FIGURES = {
    "bias": Shown("Bias: log(reported / ours)", "{:+.3f}", "± {:.3f} from its test"),
    "coverage": Shown("Reports in the 90 % range", "{:.1%}", "at least {:.1%}"),
    "median_ape": Shown("Typical error (median APE)", "{:.1%}", "up to {:.1%}"),
    "mean_absolute_error": Shown("Mean error", "${:,.0f}"),
    "expected_error": Shown("Mean error to expect if prices hold", "${:,.0f}"),
    "interval_width": Shown("Mean width of the range", "${:,.0f}"),
    "interval_score": Shown("Interval score, lower is better", "${:,.0f}"),
    "feedback_share": Shown("Predictions with a report", "{:.1%}"),
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
            _number("{:.2f}", column["distance"]),
            _number("{:.2f}", column["limit"]),
            _number("{:.2f}", column["natural"]),
            "; ".join(map(_mover, column["movers"][:MOVERS])),
        )
        for column in report["worst_columns"]
        if column["channel"] == channel
    ]
    names = ("column", "status", "distance", "limit", "quiet days", "share: reference → now")
    return markdown_table(names, rows)


def _mover(mover: Report) -> str:
    return f"{plain(mover['level'])} {mover['reference']:.0%} → {mover['window']:.0%}"


def figures(row: Report) -> str:
    """All figures of a version in a window, beside those at its own test."""
    rows = [
        (
            shown.name,
            _number(shown.number, figure["value"]),
            _number(shown.number, figure["expected"]),
            _number(shown.limit, figure["limit"]),
            status_text(figure["status"]),
        )
        for key, shown in FIGURES.items()
        if (figure := row["figures"].get(key))
    ]
    return markdown_table(("figure", "now", "at its test", "limit", "status"), rows)


def segments(report: Report, version: str | None) -> str:
    """The segments beyond a limit."""
    rows = [
        (
            plain(segment["segment"]),
            shown.name,
            _number(shown.number, segment["value"]),
            _number(shown.limit, segment["limit"]),
            f"{segment['rows']:,}",
        )
        for segment in report["segments"]
        if version in (None, segment["version"]) and (shown := FIGURES[segment["figure"]])
    ]
    return markdown_table(("segment", "figure", "now", "limit", "reports"), rows)


def skew(report: Report, channel: str) -> str:
    """How far requests are from the training rows."""
    rows = [
        (
            plain(one["column"]),
            _number("{:.2f}", one["distance"]),
            _number("{:.0%}", one["blank"]),
            _number("{:.0%}", one["training_blank"]),
        )
        for one in report["skew"]
        if one["channel"] == channel
    ]
    return markdown_table(("column", "distance", "blank in requests", "in training"), rows)


def incidents(report: Report, addresses: Addresses) -> str:
    """The resolved incidents of the period, newest first."""
    rows = [
        (
            plain(title(incident)),
            incident["severity"],
            reading.minute(incident["opened_at"]),
            _lasted(incident["opened_at"], incident["resolved_at"]),
            f"{plain(incident['message'])} {linked('pictures', addresses.pictures(incident))}",
        )
        for incident in report["incidents"]
        if incident["resolved_at"]
    ]
    return markdown_table(("incident", "severity", "opened (UTC)", "lasted", "message"), rows)


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
        (reading.minute(one["changed_at"]), plain(one["version"]), plain(one["previous"] or "–"))
        for one in report["production_changes"]
    ]
    return markdown_table(("since (UTC)", "version", "before"), rows)


def _number(form: str, value: float | None) -> str:
    return "–" if value is None or not form else form.format(value).replace("$", "\\$")


def _lasted(start: str, end: str) -> str:
    seconds = (reading.moment_of(end) - reading.moment_of(start)).total_seconds()
    return reading.duration(seconds)
