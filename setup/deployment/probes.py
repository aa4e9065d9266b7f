"""What is asked of a running service: is it ready, which price, how much waits in its outbox.

nginx's container asks, with its curl: it alone is in the service's network, and so the address of
each place can be asked, whichever of them serves.
"""

import json
import math
import re
from typing import Any, NamedTuple

from setup.deployment.containers import Container, execute, wait_for
from setup.deployment.release import DeploymentError
from setup.docker.engine import EngineError

READY_SECONDS = 180  # until every worker has loaded the model
IN_A_ROW = 10  # answers of /ready; each worker is likely to give one
LISTING = {"year": 2014, "manufacturer": "honda", "model": "civic", "odometer": 88000}
OLDEST = re.compile(r"^vehicle_price_outbox_oldest_seconds (\S+)$", re.M)
ESTABLISHED = "01"  # in /proc/net/tcp


class Price(NamedTuple):
    """An answer, and the version of the model that gave it."""

    price: int
    model: str


def wait_until_ready(nginx: Container, address: str) -> Price:
    """Wait until all workers are ready; the price of the example listing of /ready, which is not
    kept. Raises DeploymentError."""
    last = "no answer"

    def all_ready() -> bool:
        nonlocal last
        for _ in range(IN_A_ROW):
            status, last = _ask(nginx, address, "/ready")
            if status != 200:
                return False
        return True

    if not wait_for(all_ready, READY_SECONDS):
        raise DeploymentError(f"/ready was not 200 within {READY_SECONDS} s: {last[:500]}")
    return price_of(last, "/ready", "example")


def example_price(nginx: Container, address: str) -> Price | None:
    """The price of the example listing of /ready; None where there is no such answer."""
    status, body = _ask(nginx, address, "/ready")
    return price_of(body, "/ready", "example") if status == 200 else None


def real_price(nginx: Container, address: str) -> Price:
    """The answer to POST /predict; it is kept like every other. Raises DeploymentError."""
    head = ("-H", "Content-Type: application/json", "--data-binary", json.dumps(LISTING))
    status, body = _ask(nginx, address, "/predict", *head)
    if status != 200:
        raise DeploymentError(f"/predict answered {status}: {body[:500]}")
    return price_of(body, "/predict")


def price_of(body: str, path: str, member: str = "") -> Price:
    """The price in an answer. Raises DeploymentError for one that cannot be right.

    >>> price_of('{"price": 9, "interval": {"low": 5, "high": 12}, "model": {"version": "2"}}', "/")
    Price(price=9, model='2')
    """
    try:
        answer: Any = json.loads(body)
        answer = answer[member] if member else answer
        low, price, high = answer["interval"]["low"], answer["price"], answer["interval"]["high"]
        if 0 < low <= price <= high:
            return Price(price, answer["model"]["version"])
    except (ValueError, KeyError, TypeError):
        pass
    raise DeploymentError(f"{path} answers no price within its interval: {body[:500]}")


def outbox_seconds(nginx: Container, address: str) -> float:
    """The age of the oldest record that is not in PostgreSQL yet: 0 for none, infinite where the
    service does not tell."""
    status, body = _ask(nginx, address, "/metrics")
    found = OLDEST.search(body)
    return float(found[1]) if status == 200 and found else math.inf


def connections(container: Container, address: str) -> int:
    """How many connections nginx has to a service: idle ones end after 10 s, a dead service has
    none."""
    try:
        return count_established(execute(container, "cat", "/proc/net/tcp"), address)
    except EngineError:
        return 0


def count_established(table: str, address: str) -> int:
    """Connections of a local address, `a.b.c.d:port`, in Linux's /proc/net/tcp.

    >>> count_established("  sl  local_address rem_address   st\\n"
    ...     "   0: 03FA12C6:1388 02FA12C6:D431 01 0\\n   1: 0100007F:1388 0100007F:D432 01 0\\n",
    ...     "198.18.250.3:5000")
    1
    """
    host, _, port = address.partition(":")
    wanted = "".join(f"{int(byte):02X}" for byte in reversed(host.split("."))) + f":{int(port):04X}"
    rows = [line.split() for line in table.splitlines()[1:]]
    return sum(row[1] == wanted and row[3] == ESTABLISHED for row in rows)


def _ask(nginx: Container, address: str, path: str, *options: str) -> tuple[int, str]:
    """Status and body of an answer; (0, reason) without one."""
    curl = ("curl", "-sS", "-m", "20", "-w", "\n%{http_code}", *options)
    try:
        body, _, status = execute(nginx, *curl, f"http://{address}{path}").rpartition("\n")
        return int(status), body
    except EngineError as error:
        return 0, str(error)
