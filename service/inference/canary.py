"""Price with a canary: it answers a sticky share of the clients, and never at their cost.

A listing that the canary cannot price is priced by production in the same request. Answers,
failures and latencies of both models are counted; model_sync judges them (`canary_rule.py`).
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import perf_counter

from service.inference.model_holder import ModelHolder, Served
from vehicle_price.estimate import HIGHEST_PRICE, LOWEST_PRICE, Estimate

log = logging.getLogger(__name__)

# Errors that a broken model may raise. An error in other code is not hidden by this list.
MODEL_ERRORS = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError)


def price(
    holder: ModelHolder, client: str, listings: Sequence[Mapping[str, object]]
) -> tuple[Sequence[Estimate], Served]:
    """Estimates for all of `listings` from one model: the canary for its share of clients.

    Returns the estimates and the model. Its role is `fallback` where production answered because
    the canary could not. Raises NoModel, and ValueError when production cannot price either.
    """
    stats = holder.canary_stats
    served, started = holder.choose(client), perf_counter()
    try:
        estimates = served.price(listings)
        if served.role == "canary":
            _check_plausible(estimates)
    except MODEL_ERRORS as error:
        if served.role != "canary":
            raise
        if stats is not None:
            stats.count_failure(len(listings))
        log.warning("canary %s failed: %s: %s", served.version, type(error).__name__, error)
        served, started = replace(holder.current(), role="fallback"), perf_counter()
        estimates = served.price(listings)
    if stats is not None:
        # Lists differ in length, so only single listings are timed.
        seconds = perf_counter() - started if len(listings) == 1 else None
        stats.count(served.role, len(listings), seconds)
    return estimates, served


def _check_plausible(estimates: Sequence[Estimate]) -> None:
    for estimate in estimates:
        prices = (LOWEST_PRICE, estimate.low, estimate.price, estimate.high, HIGHEST_PRICE)
        if not all(lower <= higher for lower, higher in zip(prices, prices[1:], strict=False)):
            raise ValueError(f"{estimate[:3]} is no car's price")
