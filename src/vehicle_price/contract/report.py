"""The report of an ingest: its figures as plain data. report_html.py shows them."""

from collections.abc import Mapping

from vehicle_price.contract.batch_statistics import Tally


def build(tally: Tally, provenance: Mapping[str, object], new: int | None = None) -> dict:
    """The figures of one ingest, ready for JSON.

    provenance: where it came from (`source`, `since`, `until` and what else is known).
    new: how many of the accepted listings were not known before, if that is known by now.
    A share is between 0 and 1. Every count of rows is of those read: read = accepted +
    quarantined, by day as well.
    """
    days = sorted({*tally.accepted_days, *tally.quarantined_days})
    return {
        "provenance": dict(provenance),
        "since": provenance.get("since", ""),
        "until": provenance.get("until", ""),
        "read": tally.read,
        "accepted": tally.accepted,
        "new": new,
        "quarantined": tally.quarantined,
        "quarantined_share": share(tally.quarantined, tally.read),
        "rules": [
            {
                "rule": rule,
                "rows": rows,
                "share": share(rows, tally.read),
                "example": tally.examples[rule],
            }
            for rule, rows in sorted(tally.rules.items(), key=lambda item: (-item[1], item[0]))
        ],
        "columns": {
            name: {"missing": rows, "share": share(rows, tally.read)}
            for name, rows in tally.missing.items()
        },
        "days": {
            day: {"accepted": tally.accepted_days[day], "quarantined": tally.quarantined_days[day]}
            for day in days
        },
        "broken": [],
    }


def share(part: float, whole: float) -> float:
    """`part` of `whole`, 0 of nothing."""
    return part / whole if whole else 0.0
