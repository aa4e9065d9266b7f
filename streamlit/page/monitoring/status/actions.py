"""What the system did, and how old the figures are, in sentences."""

from collections.abc import Iterator

from page.monitoring import reading
from page.monitoring.reading import Report
from page.monitoring.status.line import Level, Line

APPROVAL = "retraining_approval"  # the incident that is open until a person has answered
STALE_WINDOWS = 2  # without a closed window: monitoring itself has stopped


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
        yield retraining_sentence(latest, waits=_waits_for_approval(report))
    if now := report["production"]:
        before = f", before it version {now['previous']}" if now["previous"] else ""
        since = reading.minute(now["changed_at"])
        yield f"Version {now['version']} is in production since {since} UTC{before}."


def _waits_for_approval(report: Report) -> bool:
    return any(one["rule"] == APPROVAL for one in reading.open_incidents(report))


def retraining_sentence(retraining: Report, waits: bool = False) -> str:
    """A retraining and how it ended. waits: whether a person has to approve it first."""
    started = f"Retraining of {reading.minute(retraining['started_at'])} UTC"
    if retraining["state"] == "open":
        state = "waits for approval" if waits else "runs"
        return f"{started} {state}: {'; '.join(retraining['causes'] or ())}."
    outcome = retraining["outcome"]
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
