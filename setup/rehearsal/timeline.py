"""What happened in a rehearsal, as `GET /monitoring` tells: figures by window, and events."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import requests

from vehicle_price.prediction_log.report.scope import MAX_WINDOWS
from vehicle_price.settings import Settings

PATIENCE_SECONDS = 30.0
FIGURES = ("bias", "median_ape")
DISTANCE = "distance"


class Figure(NamedTuple):
    """A figure of a window. name: of FIGURES, by version in production; or DISTANCE, the largest
    distance of a column of the requests, relative to its limit. start: when the window begins."""

    start: datetime
    name: str
    version: str
    status: str
    value: float
    expected: float | None
    limit: float | None
    rows: int


class Event(NamedTuple):
    """kind: incident, resolved, retraining, retraining_ended or promotion. key: the rule, or the
    version, or how it ended. text: for people."""

    at: datetime
    kind: str
    key: str
    text: str


class Timeline(NamedTuple):
    """figures and events, each in the order of time."""

    figures: list[Figure]
    events: list[Event]


def read(settings: Settings) -> Timeline:
    """Everything up to now. Raises requests.RequestException."""
    key = Path(settings.monitoring_key_file).read_text(encoding="ascii").strip()
    answer = requests.get(
        f"{settings.service_url}/monitoring",
        params={"windows": MAX_WINDOWS},
        headers={"X-API-Key": key},
        timeout=PATIENCE_SECONDS,
    )
    answer.raise_for_status()
    return timeline_of(answer.json())


def timeline_of(report: Mapping[str, Any]) -> Timeline:
    """The timeline in an answer of `GET /monitoring`."""
    figures = [*_of_performance(report), *_of_requests(report)]
    events = [*_of_incidents(report), *_of_retrainings(report), *_of_changes(report)]
    return Timeline(sorted(figures, key=lambda figure: figure.start), sorted(events))


def _of_performance(report: Mapping[str, Any]) -> Iterator[Figure]:
    for window in report["performance"]:
        for name in FIGURES:
            figure = window["figures"].get(name)
            if figure and figure["value"] is not None and window["role"] == "production":
                start = datetime.fromisoformat(window["window_start"])
                values = (figure[part] for part in ("value", "expected", "limit", "rows"))
                yield Figure(start, name, window["version"], figure["status"], *values)


def _of_requests(report: Mapping[str, Any]) -> Iterator[Figure]:
    for number, start in enumerate(report["windows"]):
        cells = [
            (column["distance"][number] / column["limit"][number], column["status"][number])
            for column in report["columns"]
            if column["distance"][number] is not None and column["limit"][number]
        ]
        if cells:
            distance, status = max(cells)
            at = datetime.fromisoformat(start)
            yield Figure(at, DISTANCE, "", status, distance, None, 1.0, len(cells))


def _of_incidents(report: Mapping[str, Any]) -> Iterator[Event]:
    for incident in report["incidents"]:
        rule, name = incident["rule"], f"{incident['rule']} {incident['channel']}".strip()
        text = f"incident ({incident['severity']}) {name}: {incident['message']}"
        yield Event(datetime.fromisoformat(incident["opened_at"]), "incident", rule, text)
        if resolved := incident["resolved_at"]:
            yield Event(datetime.fromisoformat(resolved), "resolved", rule, f"resolved: {name}")


def _of_retrainings(report: Mapping[str, Any]) -> Iterator[Event]:
    for run in report["retrainings"]:
        text = f"a retraining starts: {'; '.join(run['causes'])}"
        yield Event(datetime.fromisoformat(run["started_at"]), "retraining", "", text)
        if ended := run["ended_at"]:
            text = f"the retraining ended: {run['outcome']}"
            yield Event(datetime.fromisoformat(ended), "retraining_ended", run["state"], text)


def _of_changes(report: Mapping[str, Any]) -> Iterator[Event]:
    for change in report["production_changes"]:
        version, previous = change["version"], change["previous"]
        before = f"instead of version {previous}" if previous else "as the first one"
        text = f"version {version} is in production {before}"
        yield Event(datetime.fromisoformat(change["changed_at"]), "promotion", version, text)
