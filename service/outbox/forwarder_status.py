"""Whether a forwarder lives, and forwarder.json: whether it reaches PostgreSQL.

/ready and /model show it.

state     ok or unreachable, as the forwarder last found it
detail    the address that it could not reach, and why
since     time of the last change
"""

from pathlib import Path
from typing import Any

from service.json_files import now, read_json, write_json
from vehicle_price.atomic_files import lock_within

UNKNOWN = {
    "state": "unknown",
    "detail": "prediction-forwarder has not reported yet; `make status` shows whether it runs",
}


def write(outbox: Path, problem: str) -> None:
    """Write the forwarder's state. problem: "" for none. Raises OSError."""
    state = "unreachable" if problem else "ok"
    write_json(_file(outbox), {"state": state, "detail": problem[:500], "since": now()})


def read(outbox: Path) -> dict[str, Any]:
    """The forwarder's last state."""
    return read_json(_file(outbox)) or UNKNOWN


def lock_file(outbox: Path) -> Path:
    """The file that the one forwarder of an outbox keeps locked."""
    return outbox.with_suffix(".forwarder")


def is_alive(outbox: Path) -> bool:
    """Whether a process is the forwarder of this outbox."""
    try:
        with lock_file(outbox).open("rb") as file:
            lock_within(file, 0, shared=True)
    except FileNotFoundError:
        return False
    except TimeoutError:
        return True
    return False


def _file(outbox: Path) -> Path:
    return outbox.with_name("forwarder.json")
