"""The rule that ends a canary: too many failures, too slow, or too far off by feedback."""

from service.inference.canary_stats import RoleStats
from vehicle_price.prediction_log.rows import CanaryFeedback

MIN_FAILURES, MAX_FAILURE_SHARE = 3, 0.01
MIN_TIMED, MAX_LATENCY_RATIO, MIN_EXTRA_SECONDS = 200, 2.0, 0.001
MIN_PRODUCTION = 200  # reports, so that the median that the canary is held against is known
# A canary as good as production is above that median in half of the cases. It is ended only for
# more than LIKE_PRODUCTION, since the median is known to a few per cent only.
LIKE_PRODUCTION = 0.55
WORSE = (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)  # shares that a worse canary may have
MIN_EVIDENCE = 100.0  # so that at most one canary in a hundred is ended by chance, ever


def evidence(count: int, above: int) -> float:
    """How much more likely `above` of `count` is for a worse canary than for one like production.

    The mean of likelihood ratios over WORSE. Under shares up to LIKE_PRODUCTION it is a
    supermartingale with mean 1 at most, so it reaches 100 in at most 1 % of the canaries, however
    often one looks (Ville's inequality; Shafer 2021, *Testing by betting*).

    >>> evidence(0, 0), round(evidence(40, 36)), evidence(40, 20) < 1
    (1.0, 36348, True)
    """
    ratios = [
        (share / LIKE_PRODUCTION) ** above
        * ((1 - share) / (1 - LIKE_PRODUCTION)) ** (count - above)
        for share in WORSE
    ]
    return sum(ratios) / len(ratios)


def feedback_evidence(feedback: CanaryFeedback) -> float:
    """The evidence that the canary has larger errors, or prices too high, or too low: the mean of
    the three, which is under the same bound."""
    above = (feedback.larger_errors, feedback.higher_prices, feedback.lower_prices)
    return sum(evidence(feedback.canary, count) for count in above) / len(above)


def rollback_reason(
    canary: RoleStats, production: RoleStats, feedback: CanaryFeedback | None = None
) -> str:
    """Why the canary must be rolled back, or "". The first broken rule counts:

    - failures (an exception, or no car's price): 3 or more, and more than 1 % of its answers;
    - latency: from 200 single listings each, its 95th percentile is more than twice production's
      and more than a millisecond above it;
    - feedback: from 200 reports on production's prices, the evidence against the canary
      (`feedback_evidence`) is 100 or more.
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
    if feedback and feedback.production >= MIN_PRODUCTION:
        found = feedback_evidence(feedback)
        if found >= MIN_EVIDENCE:
            return (
                f"of {feedback.canary} reports {feedback.larger_errors} have a larger error, "
                f"{feedback.higher_prices} a higher and {feedback.lower_prices} a lower price than "
                f"half of production's; evidence {found:,.0f}, {MIN_EVIDENCE:.0f} is enough"
            )
    return ""
