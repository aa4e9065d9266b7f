"""The contract report of an ingest as a web page with counts and plots."""

import html as markup
import io
from collections.abc import Mapping

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vehicle_price.contract.posting_day import UNDATED

ACCEPTED_COLOUR, QUARANTINED_COLOUR = "#1b7f5c", "#c8553d"
SHOWN_RULES = 15

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #222; background: #fff }}
table {{ border-collapse: collapse; margin: 1rem 0 2rem }}
th, td {{ padding: .2rem .8rem .2rem 0; text-align: left; border-bottom: 1px solid #ddd;
  overflow-wrap: anywhere }}
td.n, th.n {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }}
.broken {{ border-left: .3rem solid #c8553d; padding-left: 1rem }}
svg {{ max-width: 100%; height: auto }}
</style></head><body>
<h1>{title}</h1>
{body}
</body></html>
"""


def render_report(report: Mapping) -> str:
    """The report as one self-contained page: no script, no other file, no network."""
    source = report["provenance"].get("source", "listings")
    body = [
        _messages("Stopped: nothing was stored", report["broken"]),
        _messages("Unusual, and stored all the same", report.get("warnings", [])),
        _counts(report),
        _section("Beside earlier reports", _comparison(report.get("comparison"))),
        _section("By posting day", _svg(_days_plot(report["days"]))),
        _section("Why rows were quarantined", _rules(report["rules"])),
        _section("Columns without a value", _svg(_columns_plot(report["columns"]))),
        _section("Where it came from", _table(["", ""], list(report["provenance"].items()))),
    ]
    title = markup.escape(f"Contract report: {source}")
    return PAGE.format(title=title, body="\n".join(filter(None, body)))


def _messages(title: str, messages: list[str]) -> str:
    if not messages:
        return ""
    paragraphs = "".join(f"<p>{markup.escape(message)}.</p>" for message in messages)
    return f'<div class="broken"><h2>{title}</h2>{paragraphs}</div>'


def _comparison(comparison: Mapping | None) -> str:
    """The distance of each column from its usual distribution; '' for a report without one."""
    if not comparison:
        return ""
    status = f"<p>{markup.escape(comparison['status'])}.</p>"
    if not comparison["columns"]:
        return status
    rows = [
        (
            name,
            f"{column['rows']:,}",
            _median(column["median"]),
            _median(column["usual_median"]),
            f"{column['distance']:.3f}",
            f"{column['limit']:.3f}" if column["limit"] < 1 else "none",
        )
        for name, column in comparison["columns"].items()
    ]
    return status + _table(["column", "rows", "median", "usual", "distance", "limit"], rows)


def _median(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _counts(report: Mapping) -> str:
    rows = [(name, report[name]) for name in ("read", "accepted", "new", "quarantined")]
    counts = [(name, f"{count:,}") for name, count in rows if count is not None]
    return _table(["", "rows"], [*counts, ("quarantined", f"{report['quarantined_share']:.1%}")])


def _rules(rules: list[Mapping]) -> str:
    if not rules:
        return "<p>No row broke a rule.</p>"
    rows = [(r["rule"], f"{r['rows']:,}", f"{r['share']:.2%}", r["example"]) for r in rules]
    table = _table(["rule", "rows", "of all read", "for example"], rows)
    return _svg(_rules_plot(rules[:SHOWN_RULES])) + table


def _section(title: str, content: str) -> str:
    return f"<h2>{markup.escape(title)}</h2>\n{content}" if content else ""


def _table(head: list[str], rows: list[tuple]) -> str:
    """An HTML table; cells that are numbers are aligned to the right."""

    def cell(tag: str, value: object) -> str:
        text = str(value)
        is_number = text[:1].isdigit() and text.strip("0123456789,.%") == ""
        return f"<{tag}{' class=n' if is_number else ''}>{markup.escape(text)}</{tag}>"

    lines = [[cell("th", name) for name in head]] if any(head) else []
    lines += [[cell("td", value) for value in row] for row in rows]
    return "<table>" + "".join(f"<tr>{''.join(line)}</tr>" for line in lines) + "</table>"


def _days_plot(days: Mapping[str, Mapping[str, int]]) -> Figure:
    figure, axes = _figure(3.2)
    dated = {day: counts for day, counts in days.items() if day != UNDATED}
    accepted = [counts["accepted"] for counts in dated.values()]
    quarantined = [counts["quarantined"] for counts in dated.values()]
    positions = range(len(dated))
    axes.bar(positions, accepted, color=ACCEPTED_COLOUR, label="accepted")
    axes.bar(positions, quarantined, bottom=accepted, color=QUARANTINED_COLOUR, label="quarantined")
    step = max(1, len(dated) // 10)
    axes.set_xticks(list(positions)[::step], list(dated)[::step], rotation=30, ha="right")
    axes.set_ylabel("listings")
    axes.legend(frameon=False)
    return figure


def _rules_plot(rules: list[Mapping]) -> Figure:
    figure, axes = _figure(0.8 + 0.28 * len(rules))
    axes.barh([r["rule"][:60] for r in rules], [r["rows"] for r in rules], color=QUARANTINED_COLOUR)
    axes.invert_yaxis()
    axes.set_xlabel("rows")
    return figure


def _columns_plot(columns: Mapping[str, Mapping]) -> Figure:
    figure, axes = _figure(0.8 + 0.25 * len(columns))
    axes.barh(list(columns), [100 * c["share"] for c in columns.values()], color="#5b6b7b")
    axes.invert_yaxis()
    axes.set(xlabel="rows without a value, %", xlim=(0, 100))
    return figure


def _figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(9, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    # Without a date and with fixed ids, so that the same report gives the same page.
    with rc_context({"svg.hashsalt": "report", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    _, tag, content = buffer.getvalue().partition("<svg")
    return tag + content
