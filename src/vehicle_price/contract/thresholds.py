"""The thresholds of the contract: an ingest that breaks one of them stores no listing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from math import sqrt
from statistics import median
from typing import Any

from vehicle_price.contract import suspicions
from vehicle_price.contract.feed_shift import (
    MIN_ROWS,
    ColumnComparison,
    QuarantinedShare,
    compare_columns,
    compare_quarantined,
)
from vehicle_price.contract.report import share
from vehicle_price.settings import Settings

RULES_SHOWN = 3
# z of a one-sided confidence of 95 %: of a handful of rows, most may be bad by chance.
Z_SCORE = 1.645
# What comes by chance less often than this does not come by chance: an empty column, an empty day.
CHANCE = 1e-6
# The settings with which an ingest accepts what is not usual, and the value that does.
ROWS, SHIFT = "MIN_USUAL_ROWS_SHARE", "MAX_FEED_SHIFT"


class ContractBroken(ValueError):
    """The listings differ too much from what is expected; the message has the figures.

    report: the report, with the broken thresholds in `broken`. uri: where it is kept.
    """

    def __init__(self, report: dict, uri: str = "") -> None:
        where = f"; the report is in {uri}" if uri else ""
        super().__init__("; ".join(report["broken"]) + f". Nothing was stored{where}")
        self.report, self.uri = report, uri


def judged(report: Mapping, earlier: Sequence[Mapping], settings: Settings) -> dict[str, Any]:
    """The report with what a comparison with earlier ones says.

    earlier: reports of earlier ingests of the same feed, newest first; they define what is usual.
    Adds: `broken`, which thresholds it breaks, by how much, and what to do; `warnings`, what is
    unusual and does not stop the run; `few_rows`, whether fewer rows came than usual;
    `comparison`, the columns beside their usual distributions; `switched_off`, the settings that
    let this ingest pass whatever is usual, so that what is usual begins anew with it.
    """
    usual = usual_reports(earlier, SHIFT) if settings.max_feed_shift < 1 else []
    compared = compare_columns(report, usual, settings.max_feed_shift)
    quarantined = compare_quarantined(report, usual, settings.max_feed_shift)
    too_few = _too_few_rows(report, usual_reports(earlier, ROWS), settings.min_usual_rows_share)
    partial = bool(too_few) and _may_be_partial(report, earlier)
    empty = dict(_empty_columns(report, usual))
    shifted = (c for c in compared.values() if c.shifted and c.column not in empty)
    broken = [
        *_too_many_quarantined(report, quarantined, settings.max_quarantined_share),
        *empty.values(),
        *(suspicions.sentence(column, settings.max_feed_shift) for column in shifted),
        *([] if partial else too_few),
    ]
    return dict(report) | {
        "broken": broken,
        "warnings": too_few if partial else [],
        "few_rows": bool(too_few),
        "comparison": _comparison(report, usual, compared),
        "switched_off": [
            *([SHIFT] if settings.max_feed_shift >= 1 else []),
            *([ROWS] if settings.min_usual_rows_share <= 0 else []),
        ],
    }


def usual_reports(earlier: Sequence[Mapping], setting: str) -> list[Mapping]:
    """The reports, newest first, back to the last ingest that ran with `setting` switched off."""
    usual: list[Mapping] = []
    for past in earlier:
        usual.append(past)
        if setting in past.get("switched_off", ()):
            break
    return usual


def _comparison(
    report: Mapping, usual: Sequence[Mapping], compared: Mapping[str, ColumnComparison]
) -> dict[str, Any]:
    if not usual:
        status = "no earlier report to compare with"
    elif not compared:
        status = f"too few rows to compare: {report['read']:,}, at least {MIN_ROWS} are needed"
    else:
        status = f"compared with {len(usual)} earlier reports"
    columns = {
        name: {
            key: value
            for key, value in asdict(column).items()
            if key in ("rows", "distance", "limit", "median", "usual_median")
        }
        for name, column in compared.items()
    }
    return {"status": status, "columns": columns}


def _too_many_quarantined(
    report: Mapping, compared: QuarantinedShare | None, limit: float
) -> Iterator[str]:
    """Compared with the usual share; with a fixed limit only where none is usual yet."""
    quarantined, read = report["quarantined"], report["read"]
    rules = report["rules"][:RULES_SHOWN]  # the commonest
    common = ", ".join(f"{r['rule']} ({r['rows']:,} rows)" for r in rules)
    found = f"{share(quarantined, read):.1%} of {read:,} listings break the contract"
    if compared:
        if compared.share > compared.limit:
            yield (
                f"{found}, usually {compared.usual:.1%}, at most {compared.limit:.1%} by chance "
                f"and what MAX_FEED_SHIFT allows: {common}. {suspicions.REMEDY}"
            )
    elif wilson_lower_bound(quarantined, read) > limit:
        yield (
            f"{found}, more than MAX_QUARANTINED_SHARE={limit:g} allows: {common}. "
            "Mend the source, or raise the limit if they are meant to be left out"
        )


def wilson_lower_bound(count: int, total: int) -> float:
    """The share that `count` of `total` rows prove with 95 % confidence (Wilson score interval).

    >>> round(wilson_lower_bound(5, 9), 2), round(wilson_lower_bound(2_000, 3_000), 2)
    (0.3, 0.65)
    """
    if not total:
        return 0.0
    observed, square = count / total, Z_SCORE**2
    centre = observed + square / (2 * total)
    spread = Z_SCORE * sqrt(observed * (1 - observed) / total + square / (4 * total**2))
    return (centre - spread) / (1 + square / total)


def _empty_columns(report: Mapping, usual: Sequence[Mapping]) -> Iterator[tuple[str, str]]:
    """(column, message) for each column that is gone."""
    if not report["read"]:
        return
    for name, column in report["columns"].items():
        before = [past["columns"][name]["share"] for past in usual if name in past["columns"]]
        if before and column["share"] == 1 and median(before) ** report["read"] < CHANCE:
            yield name, (
                f"column {name} is empty in all {report['read']:,} rows; it used to be in "
                f"{median(before):.0%}. Is it still in the source, under this name? "
                "If it is gone for good, ingest once with MAX_FEED_SHIFT=1"
            )


def _too_few_rows(report: Mapping, usual: Sequence[Mapping], least_share: float) -> list[str]:
    """One message, or none."""
    comparable = [past for past in usual if _is_bounded(past) == _is_bounded(report)]
    if not comparable:
        return []
    usual_rows, rows = median(map(_rows, comparable)), _rows(report)
    if rows >= usual_rows * least_share:
        return []
    per = " a posting day" if _is_bounded(report) else ""
    return [
        f"{rows:,.0f} listings{per} came, {share(rows, usual_rows):.1%} of the usual "
        f"{usual_rows:,.0f} (median of {len(comparable)} earlier), less than "
        f"MIN_USUAL_ROWS_SHARE={least_share:g} asks for. Is the source complete? "
        "If the feed has shrunk for good, ingest once with MIN_USUAL_ROWS_SHARE=0, "
        "and what is usual begins anew"
    ]


def _may_be_partial(report: Mapping, earlier: Sequence[Mapping]) -> bool:
    """Whether few rows are no reason to stop: the days asked for may end with a partial one.

    A source is cut off at some hour, so its last day is partial, and no number of rows separates
    such a day from an incomplete one. A request that names its last day may therefore come
    short once. A second one in a row, for other days, means that the source is incomplete, and so
    does a day without any row.
    """
    if not report["until"] or not report["read"]:
        return False
    days = (report["since"], report["until"])
    others = (past for past in earlier if _is_bounded(past) and _days(past) != days)
    previous = next(others, None)
    return previous is None or not previous.get("few_rows", False)


def _days(report: Mapping) -> tuple[str, str]:
    return report["since"], report["until"]


def _is_bounded(report: Mapping) -> bool:
    """Whether certain days were requested, so that the rows depend on the number of days."""
    return bool(report["since"] or report["until"])


def _rows(report: Mapping) -> float:
    """Rows read; of a bounded request, per posting day."""
    return report["read"] / max(1, len(report["days"])) if _is_bounded(report) else report["read"]
