"""The text of a message: each incident with its figures, what to do, and where to look."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from evidently_service.messages.due import SEVERITIES, Kind
from vehicle_price.prediction_log.incidents import StoredIncident
from vehicle_price.settings import Settings


class Due(NamedTuple):
    """An incident that a receiver has to be told of, and why."""

    stored: StoredIncident
    kind: Kind


class Message(NamedTuple):
    """severity: that of the worst incident; "resolved" if all incidents are."""

    title: str
    body: str
    severity: str


def message_of(group: Sequence[Due], settings: Settings) -> Message:
    """One message for incidents that are all open, or all resolved."""
    severities = [due.stored.incident.severity for due in group]
    worst = max(severities, key=SEVERITIES.index)
    resolved = group[0].kind == Kind.RESOLVED
    parts = [_part(due, settings) for due in group]
    return Message(
        _title(group, "resolved" if resolved else worst),
        "\n\n".join([*parts, _links(settings)]),
        "resolved" if resolved else worst,
    )


def trial_message(settings: Settings) -> Message:
    """A message that only shows that messages arrive."""
    body = f"A trial message: incidents would reach you here.\n\n{_links(settings)}"
    return Message("Vehicle price: trial message", body, "resolved")


def _title(group: Sequence[Due], head: str) -> str:
    if len(group) > 1:
        return f"Vehicle price, {head}: {len(group)} incidents"
    return f"Vehicle price, {head}: {_name(group[0].stored)}"


def _part(due: Due, settings: Settings) -> str:
    stored = due.stored
    lines = [f"{_name(stored)}, {stored.incident.severity}: {_since(due)}", stored.incident.message]
    if snapshot := stored.incident.details.get("snapshot"):
        lines.append(f"Pictures of this window: {settings.evidently_url}{snapshot}")
    return "\n".join(lines)


def _name(stored: StoredIncident) -> str:
    incident = stored.incident
    return f"{incident.rule} ({incident.channel})" if incident.channel else incident.rule


def _since(due: Due) -> str:
    opened, resolved = due.stored.opened_at, due.stored.resolved_at
    if resolved is None:
        still = "still open since" if due.kind == Kind.STILL_OPEN else "open since"
        return f"{still} {_moment(opened)}"
    return f"resolved at {_moment(resolved)}, was open since {_moment(opened)}. It said:"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _links(settings: Settings) -> str:
    rows = (
        ("Monitoring", f"{settings.streamlit_url}/Monitoring"),
        ("Pictures", settings.evidently_url),
        ("Models", settings.mlflow_page_url),
        ("Trainings", settings.airflow_page_url),
    )
    return "\n".join(f"{name}: {address}" for name, address in rows)
