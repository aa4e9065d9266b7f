"""The rule that ends a canary: too many failures, too slow, or too far off by feedback."""

from typing import NamedTuple

from service.inference.canary_stats import RoleStats

MIN_FAILURES, MAX_FAILURE_SHARE = 3, 0.01
MIN_TIMED, MAX_LATENCY_RATIO, MIN_EXTRA_SECONDS = 200, 2.0, 0.001
MIN_FEEDBACK, MAX_ERROR_RATIO = 30, 1.1


class FeedbackErrors(NamedTuple):
    """Errors of one model version by clients' feedback: their number and median APE."""

    count: int
    median_ape: float


def rollback_reason(
    canary: RoleStats,
    production: RoleStats,
    feedback: tuple[FeedbackErrors, FeedbackErrors] | None = None,
) -> str:
    """Why the canary must be rolled back, or "". The first broken rule counts:

    - failures (an exception, or no car's price): 3 or more, and more than 1 % of its answers;
    - latency: from 200 single listings each, its 95th percentile is more than twice production's
      and more than a millisecond above it;
    - feedback (the canary's, then production's): from 30 prices each, its median absolute
      percentage error is more than 1.1 times production's.
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
    if feedback and min(errors.count for errors in feedback) >= MIN_FEEDBACK:
        canary_error, production_error = (errors.median_ape for errors in feedback)
        if canary_error > MAX_ERROR_RATIO * production_error:
            return (
                f"median error {canary_error:.1%} by feedback against "
                f"{production_error:.1%} of production"
            )
    return ""
