"""What stops an ingest before anything downstream changes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import sqrt
from statistics import median

from vehicle_price.contract import report
from vehicle_price.contract.batch_statistics import Tally
from vehicle_price.contract.check import Checked
from vehicle_price.settings import Settings

COMMONEST = 3
# One-sided, 95 %: most of a handful of rows may be bad by chance, with nothing wrong in the feed.
SURE = 1.645
# A column is gone when that many empty cells in a row would hardly ever come by chance.
CHANCE = 1e-6


class ContractBroken(ValueError):
    """The listings are too unlike what they should be; the message has the figures.

    report: what came in (`report.build`), with `broken` filled. uri: where it is kept.
    """

    def __init__(self, found: dict, uri: str = "") -> None:
        where = f"; the report is in {uri}" if uri else ""
        super().__init__("; ".join(found["broken"]) + f". Nothing was stored{where}")
        self.report, self.uri = found, uri

    def reported_at(self, uri: str) -> "ContractBroken":
        """The same, with the place of its report."""
        return ContractBroken(self.report, uri)


def guarded(
    batches: Iterable[Checked], tally: Tally, judge: Callable[[Tally], None]
) -> Iterator[Checked]:
    """The same batches, counted in `tally`; after the last one `judge` may raise ContractBroken.

    Who stores them publishes nothing before the last one, so a broken limit changes nothing.
    """
    for batch in batches:
        tally.add(batch)
        yield batch
    judge(tally)


def enforce(found: dict, earlier: Sequence[Mapping], settings: Settings) -> dict:
    """`found` (a report of `report.build`) itself, if it keeps every limit.

    earlier: reports of earlier ingests of the same feed, for what is usual there.
    Raises ContractBroken that says which limits are broken, by how much, and what to do.
    """
    broken = [
        *_too_many_quarantined(found, settings.max_quarantined_share),
        *_columns_gone(found, earlier),
        *_far_below_the_usual(found, earlier, settings.min_usual_rows_share),
    ]
    if broken:
        raise ContractBroken(found | {"broken": broken})
    return found


def _too_many_quarantined(found: dict, most: float) -> Iterator[str]:
    share = report.share(found["quarantined"], found["read"])
    if least_share(found["quarantined"], found["read"]) > most:
        common = ", ".join(f"{r['rule']} ({r['rows']:,} rows)" for r in found["rules"][:COMMONEST])
        yield (
            f"{share:.1%} of {found['read']:,} listings break the contract, more than "
            f"MAX_QUARANTINED_SHARE={most:g} allows: {common}. "
            "Mend the source, or raise the limit if they are meant to be left out"
        )


def least_share(part: int, whole: int) -> float:
    """The share that `part` of `whole` rows show with 95 % confidence: Wilson's lower bound.

    >>> round(least_share(5, 9), 2), round(least_share(2_000, 3_000), 2)
    (0.3, 0.65)
    """
    if not whole:
        return 0.0
    share, square = part / whole, SURE**2
    centre = share + square / (2 * whole)
    spread = SURE * sqrt(share * (1 - share) / whole + square / (4 * whole**2))
    return (centre - spread) / (1 + square / whole)


def _columns_gone(found: dict, earlier: Sequence[Mapping]) -> Iterator[str]:
    if not found["read"]:
        return
    for name, column in found["columns"].items():
        before = [past["columns"][name]["share"] for past in earlier if name in past["columns"]]
        if before and column["share"] == 1 and median(before) ** found["read"] < CHANCE:
            yield (
                f"column {name} is empty in all {found['read']:,} rows; it used to be in "
                f"{median(before):.0%}. Is it still in the source, under this name?"
            )


def _far_below_the_usual(found: dict, earlier: Sequence[Mapping], least: float) -> Iterator[str]:
    alike = [past for past in earlier if _bounded(past) == _bounded(found)]
    if not alike:
        return
    usual, rows = median(map(_rows, alike)), _rows(found)
    if rows < usual * least:
        per = " a posting day" if _bounded(found) else ""
        yield (
            f"{rows:,.0f} listings{per} came, {report.share(rows, usual):.1%} of the usual "
            f"{usual:,.0f} (median of {len(alike)} earlier), less than "
            f"MIN_USUAL_ROWS_SHARE={least:g} asks for. Is the source complete? "
            "If the feed has shrunk for good, set it to 0 once"
        )


def _bounded(found: Mapping) -> bool:
    """Whether some days were asked for, so that the rows depend on how many."""
    return bool(found["since"] or found["until"])


def _rows(found: Mapping) -> float:
    return found["read"] / max(1, len(found["days"])) if _bounded(found) else found["read"]
