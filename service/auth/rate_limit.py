"""A limit on requests per key or address, counted once for all workers. Off unless it is set.

The count is a bucket that refills evenly (GCRA): with "600/minute" a caller may send 600 at once
and then ten a second. One number per caller is enough for that, the moment at which its bucket is
full again. The numbers stand in a file that all workers map into memory.
"""

import fcntl
import hashlib
import math
import mmap
import os
import struct
import threading
import time
from dataclasses import dataclass
from ipaddress import IPv6Network
from pathlib import Path
from typing import NamedTuple

from flask import Flask, Response, request

from service.auth.access_rules import known_caller
from service.auth.key_ring import Keys
from service.environ import RATE_LIMIT, ROUTE
from service.http.problem import Problem

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
UNLIMITED = {"/health", "/ready", "/metrics"}  # whoever watches the service must get through
ROWS, PLACES = 8_192, 8  # a caller has 8 places it may stand at; 65,536 in all
PLACE = struct.Struct("<Qd")  # who, and when its bucket is full again
ROUNDING = 1e-6  # seconds; a clock in seconds since 1970 has no finer digits


class Limit(NamedTuple):
    """`count` requests in `seconds`."""

    count: int
    seconds: int


def parse(text: str) -> Limit | None:
    """The limit in `text`, None if it is empty. Raises ValueError.

    >>> parse("600/minute"), parse("")
    (Limit(count=600, seconds=60), None)
    """
    if not text.strip():
        return None
    count, _, unit = text.partition("/")
    seconds = UNITS.get(unit.strip().lower())
    if not seconds or not count.strip().isdecimal() or int(count) < 1:
        units = ", ".join(UNITS)
        raise ValueError(f"RATE_LIMIT={text!r}: expected a number and one of {units}: 600/minute")
    return Limit(int(count), seconds)


@dataclass(frozen=True)
class Taken:
    """One request counted: whether it may pass, how many more may, and when all may again."""

    allowed: bool
    remaining: int
    wait: float
    full: float


class Limiter:
    """The counts of all callers, shared by every process that opens the same file."""

    def __init__(self, path: str | Path, limit: Limit) -> None:
        self.limit = limit
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._file = Path(path).open("a+b")  # pylint: disable=consider-using-with
        size = ROWS * PLACES * PLACE.size
        os.posix_fallocate(self._file.fileno(), 0, size)  # a full disk is said now, not later
        self._map = mmap.mmap(self._file.fileno(), size)
        self._threads = threading.Lock()

    def take(self, who: str, now: float) -> Taken:
        """Count one request of `who` at `now`, in seconds of the clock that all workers share."""
        mark = int.from_bytes(hashlib.blake2b(who.encode(), digest_size=8).digest()) or 1
        with self._threads:
            fcntl.lockf(self._file, fcntl.LOCK_EX)  # given back when its process is killed
            try:
                return self._take(mark, now)
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)

    def _take(self, mark: int, now: float) -> Taken:
        count, seconds = self.limit
        place, known = self._place(mark)
        # A clock that was set back must lock nobody out for longer than one window.
        before = min(max(known, now), now + seconds)
        after = before + seconds / count
        wait = after - now - seconds
        if wait > ROUNDING:
            PLACE.pack_into(self._map, place, mark, before)
            return Taken(False, 0, wait, before - now)
        PLACE.pack_into(self._map, place, mark, after)
        return Taken(True, int((ROUNDING - wait) * count / seconds), 0.0, after - now)

    def _place(self, mark: int) -> tuple[int, float]:
        """Where `mark` stands and when its bucket is full; a new one takes the fullest's place."""
        start = mark % ROWS * PLACES * PLACE.size
        places = range(start, start + PLACES * PLACE.size, PLACE.size)
        found = [(*PLACE.unpack_from(self._map, place), place) for place in places]
        for known, full, place in found:
            if known == mark:
                return place, full
        return min((full, place) for _, full, place in found)[1], 0.0


def limit_requests(app: Flask, limiter: Limiter | None, keys: Keys) -> None:
    """Answer 429 to those who ask `app` too often. Without a limiter nothing is added."""
    if limiter is None:
        return
    count, seconds = limiter.limit

    @app.before_request
    def _count() -> None:
        rule = request.url_rule
        if rule and rule.rule in UNLIMITED:
            return
        if rule:
            request.environ[ROUTE] = rule.rule
        taken = limiter.take(_who(keys), time.time())
        headers = {
            "RateLimit-Policy": f'"default";q={count};w={seconds}',
            "RateLimit": f'"default";r={taken.remaining};t={math.ceil(taken.full)}',
        }
        request.environ[RATE_LIMIT] = headers
        if not taken.allowed:
            wait = math.ceil(taken.wait)
            detail = f"more than {count} requests in {seconds} s; wait {wait} s"
            raise Problem(429, "rate-limit", detail, headers={"Retry-After": str(wait)})

    @app.after_request
    def _tell(response: Response) -> Response:
        response.headers.update(request.environ.get(RATE_LIMIT, {}))
        return response


def _who(keys: Keys) -> str:
    """The caller's key if it is valid, else where it comes from."""
    caller = known_caller(request, keys)
    if caller:
        return f"key {caller.name}"
    address = request.remote_addr or ""
    # One IPv6 customer has a whole /64 of addresses.
    return str(IPv6Network((address.partition("%")[0], 64), False)) if ":" in address else address
