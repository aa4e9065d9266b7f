"""Whether prices are still right, in sentences."""

import math
from collections.abc import Iterator, Sequence

from page.monitoring import reading
from page.monitoring.reading import ALARMS, FEW_CALLERS, Report
from page.monitoring.status.line import Level, Line


def prices(report: Report, chosen: str | None = None) -> Line:
    """Whether prices are still right, by the reports of clients."""
    version = reading.shown_version(report, chosen)
    rows = [r for r in reading.production_rows(report, chosen) if r["version"] == version]
    row = reading.latest_judged(rows, "bias")
    if row is None:
        return Line("Prices", "wait", "no verdict yet", tuple(_unjudged(report, version, rows)))
    bias = row["figures"]["bias"]
    wrong = reading.verdict_of(bias) in ALARMS
    others = list(_other_alarms(rows))
    few = bias["status"] == FEW_CALLERS
    level: Level = "good" if not wrong and not others else "warn" if few else "bad"
    head = _direction(bias["value"]) if wrong else others[0] if others else "right"
    return Line("Prices", level, head, (_bias_sentence(report, row), *_capitalised(others)))


def _direction(bias: float) -> str:
    """
    >>> _direction(0.2231), _direction(-0.1054)
    ('too low: clients report 25 % more', 'too high: clients report 10 % less')
    """
    return f"too {'low' if bias > 0 else 'high'}: {_difference(bias)}"


def _difference(bias: float) -> str:
    side = "more" if bias > 0 else "less"
    return f"clients report {abs(math.expm1(bias)) * 100:.0f} % {side}"


def _bias_sentence(report: Report, row: Report) -> str:
    bias = row["figures"]["bias"]
    day = reading.day_or_time(row["window_start"], report["window_seconds"])
    keys = f" of {bias['keys']} clients" if bias["keys"] else ""
    few = "; fewer than ten keys, so one may be the cause" * (bias["status"] == FEW_CALLERS)
    allowed = [bias["expected"] + sign * bias["limit"] for sign in (-1, 1)]
    return (
        f"Version {row['version']}: {_difference(bias['value'])} than its prices (bias "
        f"{bias['value']:+.2f}, allowed {allowed[0]:+.2f} to {allowed[1]:+.2f}), by "
        f"{bias['rows']:,} reports{keys} on {day}{few}."
    )


def _other_alarms(rows: Sequence[Report]) -> Iterator[str]:
    """Coverage and error beyond their limits, each in its newest judged window."""
    texts = {
        "coverage": "only {value:.0%} of the reports are in the 90 % range (limit {limit:.0%})",
        "median_ape": "the typical error is {value:.0%} (limit {limit:.0%})",
    }
    for name, text in texts.items():
        row = reading.latest_judged(rows, name)
        if row and reading.verdict_of(row["figures"][name]) in ALARMS:
            yield text.format(**row["figures"][name])


def _capitalised(sentences: Sequence[str]) -> Iterator[str]:
    for sentence in sentences:
        yield f"{sentence[0].upper()}{sentence[1:]}."


def _unjudged(report: Report, version: str | None, rows: Sequence[Report]) -> Iterator[str]:
    """Why there is no verdict, and the last one on another version."""
    if version is None:
        yield "Monitoring has not seen a version in production yet."
    elif not rows:
        yield f"Version {version} has no prices in a closed window yet."
    else:
        bias = rows[-1]["figures"].get("bias", {})
        few = f"not enough reports on its prices yet ({bias.get('rows', 0):,})"
        yield f"Version {version}: {bias.get('missing') or few}."
    others = [r for r in reading.production_rows(report, None) if r["version"] != version]
    if before := reading.latest_judged(others, "bias"):
        yield f"Before it, {_bias_sentence(report, before).replace('Version', 'version', 1)}"
