"""A canary answers a sticky share of the clients, and never at their cost.

What it cannot price, production prices in the same request. Answers, errors and times of both
are counted while a canary serves; the sidecar judges them by the rule in `verdict`.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import NamedTuple

from service.inference.canary_stats import Side
from service.inference.model_holder import Holder, Served
from vehicle_price.estimate import Estimate

log = logging.getLogger(__name__)

# What a broken model may raise; a programming error elsewhere is not hidden by this.
MODEL_ERRORS = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError)
LEAST, MOST = 50, 2_000_000  # dollars; outside, it is no car's price

MIN_FAILURES, ALLOWED_FAILURES = 3, 0.01
MIN_TIMED, SLOWER_TIMES, SLOWER_SECONDS = 200, 2.0, 0.001
MIN_FEEDBACK, WORSE_TIMES = 30, 1.1


class Priced(NamedTuple):
    """Estimates and who made them. The role is `fallback` where the canary should have, but
    could not."""

    estimates: Sequence[Estimate]
    served: Served


class Feedback(NamedTuple):
    """Errors of one version as clients' feedback shows them: how many, and the median share."""

    count: int
    median_ape: float


def price(holder: Holder, sticky: str, listings: Sequence[Mapping[str, object]]) -> Priced:
    """Price all of `listings` with one model: the canary for its share of clients.

    sticky: what tells one client from another. Raises NoModel, and ValueError
    when production itself cannot price.
    """
    tally = holder.tally
    if tally is None:  # no canary: nothing is counted
        served = holder.current()
        return Priced(_priced(served, listings), served)
    served, started = holder.choose(sticky), perf_counter()
    try:
        estimates = _priced(served, listings)
        if served.role == "canary":
            _check(estimates)
    except MODEL_ERRORS as error:
        if served.role != "canary":
            raise
        tally.count_failure()
        log.warning("canary %s failed: %s: %s", served.version, type(error).__name__, error)
        served, started = replace(holder.current(), role="fallback"), perf_counter()
        estimates = _priced(served, listings)
    seconds = perf_counter() - started if len(listings) == 1 else None
    tally.count(served.role, len(listings), seconds)
    return Priced(estimates, served)


def verdict(
    canary: Side, production: Side, feedback: tuple[Feedback, Feedback] | None = None
) -> str:
    """Why the canary must go, or "". The rule, whichever comes first:

    - failures (an exception, or no car's price): 3 or more, and more than 1 % of its answers;
    - slow: from 200 single listings each, its 95th percentile is more than twice production's
      and more than a millisecond above it;
    - feedback: from 30 prices each, its median error is more than 1.1 times production's.
    """
    share = canary.failures / canary.answers if canary.answers else 0.0
    if canary.failures >= MIN_FAILURES and share > ALLOWED_FAILURES:
        return f"{canary.failures} of {canary.answers} answers failed; 1 % is allowed"
    if min(sum(side.times.values()) for side in (canary, production)) >= MIN_TIMED:
        slow, usual = canary.p95(), production.p95()
        if slow > SLOWER_TIMES * usual and slow > usual + SLOWER_SECONDS:
            return f"p95 {slow * 1e3:.2f} ms against {usual * 1e3:.2f} ms of production"
    if feedback and min(side.count for side in feedback) >= MIN_FEEDBACK:
        mine, other = feedback[0].median_ape, feedback[1].median_ape
        if mine > WORSE_TIMES * other:
            return f"median error {mine:.1%} by feedback against {other:.1%} of production"
    return ""


def _priced(served: Served, listings: Sequence[Mapping[str, object]]) -> Sequence[Estimate]:
    if len(listings) == 1:
        return [served.valuation.price_one(listings[0])]
    return served.valuation.price_many(list(listings))


def _check(estimates: Sequence[Estimate]) -> None:
    for estimate in estimates:
        if not LEAST <= estimate.low <= estimate.price <= estimate.high <= MOST:
            raise ValueError(f"{estimate[:3]} is no car's price")
