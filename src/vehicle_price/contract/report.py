"""The contract report of an ingest as plain data. report_html.py renders it."""

from collections.abc import Mapping

from vehicle_price.contract.batch_statistics import BatchStatistics


def build_report(
    statistics: BatchStatistics, provenance: Mapping[str, object], new: int | None = None
) -> dict:
    """The report of one ingest, ready for JSON.

    provenance: where the listings came from (`source`, `since`, `until` and what else is known).
    new: how many accepted listings the store did not have; None before they are stored.
    A share is between 0 and 1. Every count of rows is a count of rows read: read = accepted +
    quarantined, by day as well; of `distributions` too. thresholds.py adds the comparison with
    earlier reports: `broken` and `warnings` stay empty here.
    """
    days = sorted({*statistics.accepted_days, *statistics.quarantined_days})
    return {
        "provenance": dict(provenance),
        "since": provenance.get("since", ""),
        "until": provenance.get("until", ""),
        "read": statistics.read,
        "accepted": statistics.accepted,
        "new": new,
        "quarantined": statistics.quarantined,
        "quarantined_share": share(statistics.quarantined, statistics.read),
        "rules": [
            {
                "rule": rule,
                "rows": rows,
                "share": share(rows, statistics.read),
                "example": statistics.examples[rule],
            }
            for rule, rows in sorted(statistics.rules.items(), key=lambda item: (-item[1], item[0]))
        ],
        "columns": {
            name: {"missing": rows, "share": share(rows, statistics.read)}
            for name, rows in statistics.missing.items()
        },
        "days": {
            day: {
                "accepted": statistics.accepted_days[day],
                "quarantined": statistics.quarantined_days[day],
            }
            for day in days
        },
        "distributions": statistics.distributions.counts(),
        "broken": [],
        "warnings": [],
    }


def share(count: float, total: float) -> float:
    """`count` divided by `total`; 0 when `total` is 0."""
    return count / total if total else 0.0
