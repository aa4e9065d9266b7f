"""The rule that ends a canary: too many failures, too slow, or too far off by feedback."""

import math

from service.inference.canary_stats import RoleStats
from vehicle_price.monitoring.canary import CanaryFeedback

MIN_FAILURES, MAX_FAILURE_SHARE = 3, 0.01
MIN_TIMED, MAX_LATENCY_RATIO, MIN_EXTRA_SECONDS = 200, 2.0, 0.001
MIN_PRODUCTION = 200  # reports, so that the median that the canary is held against is known
# A canary as good as production is above that median in half of the cases. It is ended only for
# more than LIKE_PRODUCTION, since the median is known to a few per cent only.
LIKE_PRODUCTION = 0.55
WORSE = (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)  # shares that a worse canary may have
LARGEST = 700.0  # logarithm of evidence: beyond, floating point ends
MIN_EVIDENCE = 100.0  # so that at most one canary in a hundred is ended by chance, ever


def evidence(count: int, above: int) -> float:
    """How much more likely `above` of `count` is for a worse canary than for one like production.

    The mean of likelihood ratios over WORSE. Under shares up to LIKE_PRODUCTION it is a
    supermartingale with mean 1 at most, so it reaches 100 in at most 1 % of the canaries, however
    often one looks (Ville's inequality; Shafer 2021, *Testing by betting*).

    >>> evidence(0, 0), round(evidence(40, 36)), evidence(40, 20) < 1, evidence(9_000, 9_000) > 100
    (1.0, 36348, True, True)
    """
    logarithms = [
        above * math.log(share / LIKE_PRODUCTION)
        + (count - above) * math.log((1 - share) / (1 - LIKE_PRODUCTION))
        for share in WORSE
    ]
    return sum(math.exp(min(logarithm, LARGEST)) for logarithm in logarithms) / len(WORSE)


def feedback_evidence(feedback: CanaryFeedback) -> float:
    """The evidence that the canary has larger errors, or prices too high, or too low: the mean of
    the three, which is under the same bound. 0 while production's median is not known."""
    if feedback.production < MIN_PRODUCTION:
        return 0.0
    above = (feedback.larger_errors, feedback.higher_prices, feedback.lower_prices)
    return sum(evidence(feedback.canary, count) for count in above) / len(above)


def evidence_without_any_key(feedback: CanaryFeedback) -> float:
    """The evidence that is left without the key that carries most of it. So no key ends a canary
    alone, whatever it reports; the only key that reports decides."""
    return min(feedback_evidence(one) for one in (feedback, *feedback.without))


def rollback_reason(
    canary: RoleStats, production: RoleStats, feedback: CanaryFeedback | None = None
) -> str:
    """Why the canary must be rolled back, or "". The first broken rule counts:

    - failures (an exception, or no car's price): 3 or more, and more than 1 % of its answers;
    - latency: from 200 single listings each, its 95th percentile is more than twice production's
      and more than a millisecond above it;
    - feedback: from 200 reports on production's prices, the evidence against the canary is 100 or
      more, also without any single key (`evidence_without_any_key`).
    """
    failure_share = canary.failures / canary.answers if canary.answers else 0.0
    if canary.failures >= MIN_FAILURES and failure_share > MAX_FAILURE_SHARE:
        return f"{canary.failures} of {canary.answers} answers failed; 1 % is allowed"
    if min(sum(stats.times.values()) for stats in (canary, production)) >= MIN_TIMED:
        canary_p95, production_p95 = canary.p95(), production.p95()
        much_slower = canary_p95 > MAX_LATENCY_RATIO * production_p95
        if much_slower and canary_p95 > production_p95 + MIN_EXTRA_SECONDS:
            return (
                f"p95 {canary_p95 * 1e3:.2f} ms against {production_p95 * 1e3:.2f} ms of production"
            )
    if feedback and (found := evidence_without_any_key(feedback)) >= MIN_EVIDENCE:
        return (
            f"of {feedback.canary} reports {feedback.larger_errors} have a larger error, "
            f"{feedback.higher_prices} a higher and {feedback.lower_prices} a lower price than "
            f"half of production's; evidence {found:,.0f}, {MIN_EVIDENCE:.0f} is enough; keys: "
            f"{feedback.keys}"
        )
    return ""
