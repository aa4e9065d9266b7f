"""Exit 0 if a container is healthy, 1 with the reason if not. Only the standard library.

healthcheck.py http://127.0.0.1:5000/health            the address answers 200
healthcheck.py http://…/monitor/health dag_processor   … and its JSON says that this part is healthy
healthcheck.py process service.forwarder               `python -m service.forwarder` runs
"""

import json
import sys
import urllib.request
from pathlib import Path

SECONDS = 8


def problem(address: str, part: str = "") -> str:
    """Why it is not healthy, "" if it is."""
    if address == "process":
        return "" if runs(part) else f"python -m {part} does not run"
    try:
        with urllib.request.urlopen(address, timeout=SECONDS) as response:
            body = response.read()
        status = json.loads(body)[part]["status"] if part else "healthy"
    except (OSError, ValueError, KeyError) as error:
        return f"{address}: {error}"
    return "" if status == "healthy" else f"{address}: {part} is {status}"


def runs(module: str, proc: Path = Path("/proc")) -> bool:
    """Whether a process that is not stopped or dead was started as `python -m <module>`."""
    for folder in proc.glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            state = (folder / "stat").read_text("utf-8").rpartition(")")[2].split()[0]
        except OSError:
            continue  # it has ended
        if words[1:3] == [b"-m", module.encode()] and state not in "ZXT":
            return True
    return False


if __name__ == "__main__":
    sys.exit(problem(*sys.argv[1:]) or 0)
