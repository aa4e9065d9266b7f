"""The thresholds of the contract: an ingest that breaks one of them stores no listing."""

from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from statistics import median

from vehicle_price.contract.report import share
from vehicle_price.settings import Settings

RULES_SHOWN = 3
# z of a one-sided confidence of 95 %: of a handful of rows, most may be bad by chance.
Z_SCORE = 1.645
# A column counts as gone when so many empty cells would come by chance less often than this.
CHANCE = 1e-6


class ContractBroken(ValueError):
    """The listings differ too much from what is expected; the message has the figures.

    report: the report, with the broken thresholds in `broken`. uri: where it is kept.
    """

    def __init__(self, report: dict, uri: str = "") -> None:
        where = f"; the report is in {uri}" if uri else ""
        super().__init__("; ".join(report["broken"]) + f". Nothing was stored{where}")
        self.report, self.uri = report, uri


def broken_thresholds(report: Mapping, earlier: Sequence[Mapping], settings: Settings) -> list[str]:
    """Which thresholds a report breaks, by how much, and what to do; empty when it breaks none.

    earlier: reports of earlier ingests of the same feed, which define its usual values.
    """
    return [
        *_too_many_quarantined(report, settings.max_quarantined_share),
        *_empty_columns(report, earlier),
        *_too_few_rows(report, earlier, settings.min_usual_rows_share),
    ]


def enforce(report: dict, uri: str = "") -> None:
    """Raise ContractBroken when `report["broken"]` names a threshold. uri: where it is kept."""
    if report["broken"]:
        raise ContractBroken(report, uri)


def _too_many_quarantined(report: Mapping, limit: float) -> Iterator[str]:
    quarantined, read = report["quarantined"], report["read"]
    if wilson_lower_bound(quarantined, read) > limit:
        rules = report["rules"][:RULES_SHOWN]
        common = ", ".join(f"{r['rule']} ({r['rows']:,} rows)" for r in rules)
        yield (
            f"{share(quarantined, read):.1%} of {read:,} listings break the contract, more than "
            f"MAX_QUARANTINED_SHARE={limit:g} allows: {common}. "
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


def _empty_columns(report: Mapping, earlier: Sequence[Mapping]) -> Iterator[str]:
    if not report["read"]:
        return
    for name, column in report["columns"].items():
        before = [past["columns"][name]["share"] for past in earlier if name in past["columns"]]
        if before and column["share"] == 1 and median(before) ** report["read"] < CHANCE:
            yield (
                f"column {name} is empty in all {report['read']:,} rows; it used to be in "
                f"{median(before):.0%}. Is it still in the source, under this name?"
            )


def _too_few_rows(report: Mapping, earlier: Sequence[Mapping], least_share: float) -> Iterator[str]:
    comparable = [past for past in earlier if _is_bounded(past) == _is_bounded(report)]
    if not comparable:
        return
    usual, rows = median(map(_rows, comparable)), _rows(report)
    if rows < usual * least_share:
        per = " a posting day" if _is_bounded(report) else ""
        yield (
            f"{rows:,.0f} listings{per} came, {share(rows, usual):.1%} of the usual "
            f"{usual:,.0f} (median of {len(comparable)} earlier), less than "
            f"MIN_USUAL_ROWS_SHARE={least_share:g} asks for. Is the source complete? "
            "If the feed has shrunk for good, set it to 0 once"
        )


def _is_bounded(report: Mapping) -> bool:
    """Whether certain days were requested, so that the rows depend on the number of days."""
    return bool(report["since"] or report["until"])


def _rows(report: Mapping) -> float:
    """Rows read; of a bounded request, per posting day."""
    return report["read"] / max(1, len(report["days"])) if _is_bounded(report) else report["read"]
