"""Whether the prediction log is reached, for /ready and /model: beside the outbox, forwarder.json.

state     ok or unreachable, as the forwarder last found it
detail    what it could not reach, and why
since     when it became so
"""

from pathlib import Path
from typing import Any

from service.json_files import now, read_json, write_json

UNKNOWN = {
    "state": "unknown",
    "detail": "prediction-forwarder has not reported yet; `make status` shows whether it runs",
}


def write(outbox: Path, problem: str) -> None:
    """Say what the forwarder found. problem: "" for none. Raises OSError."""
    state = "unreachable" if problem else "ok"
    write_json(_file(outbox), {"state": state, "detail": problem[:500], "since": now()})


def read(outbox: Path) -> dict[str, Any]:
    """What the forwarder found last."""
    return read_json(_file(outbox)) or UNKNOWN


def _file(outbox: Path) -> Path:
    return outbox.with_name("forwarder.json")
