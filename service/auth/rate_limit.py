"""A rate limit for each key or address, counted once for all workers. Off unless it is set.

The count is a bucket that refills evenly (GCRA): with "600/minute" a caller may send 600 requests
at once and then ten a second. One number per caller is enough: the moment at which its bucket is
full again. The numbers are in a file that all workers map into memory.
"""

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

from service.auth.access_rules import caller_of
from service.auth.key_ring import KeyRing
from service.environ import RATE_LIMIT, ROUTE
from service.http.problem import Problem
from vehicle_price.atomic_files import lock_within, unlock

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
UNLIMITED = {"/health", "/ready", "/metrics"}  # monitoring must always get an answer
BUCKET_GROUPS, GROUP_SLOTS = 8_192, 8  # a caller uses one of the 8 slots of its group
SLOT = struct.Struct("<Qd")  # hash of the caller, and the time when its bucket is full again
LOCK_SECONDS = 1.0  # counting takes microseconds; only a stopped worker keeps the lock
ROUNDING = 1e-6  # seconds; a clock in seconds since 1970 has no finer digits


class Limit(NamedTuple):
    """`count` requests in `seconds`."""

    count: int
    seconds: int


def parse_limit(text: str) -> Limit | None:
    """The limit in `text`, None if it is empty. Raises ValueError.

    >>> parse_limit("600/minute"), parse_limit("")
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
class LimitState:
    """A caller's limit after one more request.

    allowed: whether that request may pass. remaining: further requests that may pass at once.
    wait: seconds until the next may pass. full: seconds until the bucket is full again.
    """

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
        size = BUCKET_GROUPS * GROUP_SLOTS * SLOT.size
        os.posix_fallocate(self._file.fileno(), 0, size)  # a full disk is an error here, not later
        self._map = mmap.mmap(self._file.fileno(), size)
        self._threads = threading.Lock()

    def count(self, caller: str, now: float) -> LimitState:
        """Count one request of `caller`. now: seconds of the clock that all workers share.

        Raises TimeoutError when another worker keeps the counts locked.
        """
        mark = int.from_bytes(hashlib.blake2b(caller.encode(), digest_size=8).digest()) or 1
        with self._threads:
            lock_within(self._file, LOCK_SECONDS)
            try:
                return self._count(mark, now)
            finally:
                unlock(self._file)

    def _count(self, mark: int, now: float) -> LimitState:
        count, seconds = self.limit
        slot, full_at = self._slot(mark)
        # A clock that was set back must lock nobody out for longer than one window.
        before = min(max(full_at, now), now + seconds)
        after = before + seconds / count
        wait = after - now - seconds
        if wait > ROUNDING:
            SLOT.pack_into(self._map, slot, mark, before)
            return LimitState(False, 0, wait, before - now)
        SLOT.pack_into(self._map, slot, mark, after)
        return LimitState(True, int((ROUNDING - wait) * count / seconds), 0.0, after - now)

    def _slot(self, mark: int) -> tuple[int, float]:
        """Slot and refill time of this caller. A new caller evicts the one whose bucket refills
        first."""
        start = mark % BUCKET_GROUPS * GROUP_SLOTS * SLOT.size
        slots = range(start, start + GROUP_SLOTS * SLOT.size, SLOT.size)
        entries = [(*SLOT.unpack_from(self._map, slot), slot) for slot in slots]
        for entry_mark, full_at, slot in entries:
            if entry_mark == mark:
                return slot, full_at
        return min((full_at, slot) for _, full_at, slot in entries)[1], 0.0


def limit_requests(app: Flask, limiter: Limiter | None, keys: KeyRing) -> None:
    """Answer 429 to callers of `app` that exceed the limit. Without a limiter nothing is added."""
    if limiter is None:
        return
    count, seconds = limiter.limit

    @app.before_request
    def _check() -> None:
        rule = request.url_rule
        if rule and rule.rule in UNLIMITED:
            return
        if rule:
            request.environ[ROUTE] = rule.rule
        try:
            state = limiter.count(_caller(keys), time.time())
        except TimeoutError as error:
            detail = f"the counts of requests are {error}; try again later"
            raise Problem(503, "rate-limit-locked", detail, headers={"Retry-After": "5"}) from error
        headers = {
            "RateLimit-Policy": f'"default";q={count};w={seconds}',
            "RateLimit": f'"default";r={state.remaining};t={math.ceil(state.full)}',
        }
        request.environ[RATE_LIMIT] = headers
        if not state.allowed:
            wait = math.ceil(state.wait)
            detail = f"more than {count} requests in {seconds} s; wait {wait} s"
            raise Problem(429, "rate-limit", detail, headers={"Retry-After": str(wait)})

    @app.after_request
    def _add_headers(response: Response) -> Response:
        response.headers.update(request.environ.get(RATE_LIMIT, {}))
        return response


def _caller(keys: KeyRing) -> str:
    """The name of the caller's key if it is valid, else the caller's address."""
    caller = caller_of(request, keys)
    if caller:
        return f"key {caller.name}"
    address = request.remote_addr or ""
    # One IPv6 customer has a whole /64 of addresses.
    return str(IPv6Network((address.partition("%")[0], 64), False)) if ":" in address else address
