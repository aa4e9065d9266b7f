"""The model card of a version: what it is for, what it learnt from, how good it is, why it serves.

The sections are those of Mitchell et al. 2019, *Model Cards for Model Reporting*. A card is made
once as sections of plain data and written as Markdown and as a web page.
"""

import html as markup
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from vehicle_price.gate.comparison import CONFIDENCE

Row = tuple[str, ...]

INTENDED_USE = (
    "Asking prices of used cars and light trucks in the United States, as private sellers and "
    "dealers list them. For orientation of people who sell, buy or lend; a person decides."
)
LIMITS = (
    "Not for new cars, commercial vehicles, classics beyond what was trained on, or other "
    "countries. It knows what a listing states, and neither sees the car nor knows its history. "
    "Asked prices are not sale prices. Prices grow old with the market: see the period."
)
STYLE = """body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
 padding: 0 1rem; color: #222; background: #fff }
table { border-collapse: collapse; margin: 1rem 0 2rem }
th, td { padding: .2rem .8rem .2rem 0; text-align: left; border-bottom: 1px solid #ddd }"""


class Section(NamedTuple):
    """title: heading. text: a paragraph, "" for none. head, rows: a table, empty for none."""

    title: str
    text: str = ""
    head: Row = ()
    rows: Sequence[Row] = ()


def sections(version: str, facts: Mapping[str, Any], decision: Mapping[str, Any]) -> list[Section]:
    """The content of the card of `version`.

    facts: of the model (`Valuation.facts`). decision: `Decision.as_dict`.
    """
    data, is_best = facts["data"], version == decision["version"]
    was_beaten = not is_best and version in decision["measured"]
    return [
        Section("Intended use", INTENDED_USE),
        Section("Limits", LIMITS),
        Section("What it learnt from", head=("", ""), rows=_data_rows(facts, data)),
        Section("How it was made", head=("", ""), rows=_making_rows(facts)),
        Section(
            "How good it is",
            f"On {decision['cars']:,} cars posted later than all that any measured model learnt "
            "from, and never posted before; one row a car. Of each version its twin is measured: "
            "the same recipe, fitted without these days. The model that serves knows them too.",
            ("", "MAE", "median APE", "R²", "interval holds"),
            [_measured_row(name, of) for name, of in decision["measured"].items()],
        ),
        *(_comparison(decision) if is_best else []),
        Section(
            "The gate's decision",
            _outcome(version, decision),
            ("", "check"),
            [] if was_beaten else [_split(reason) for reason in decision["reasons"]],
        ),
    ]


def as_markdown(title: str, card: Sequence[Section]) -> str:
    """The card as Markdown."""
    return f"# {title}\n\n" + "\n".join(map(_section_in_markdown, card))


def as_html(title: str, card: Sequence[Section]) -> str:
    """The card as one self-contained page: no script, no other file."""
    body = "\n".join(map(_section_in_html, card))
    name = markup.escape(title)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        f"<style>{STYLE}</style></head><body>\n<h1>{name}</h1>\n{body}\n</body></html>\n"
    )


def _data_rows(facts: Mapping[str, Any], data: Mapping[str, Any]) -> list[Row]:
    provenance = data["provenance"]
    return [
        ("market", facts["market"]),
        ("source", str(provenance["source"])),
        ("listings in the dataset", f"{data['rows']:,}"),
        ("cars that it learnt from", f"{facts['trained_cars']:,}"),
        ("posted", f"{facts['first_day']} to {facts['last_day']}"),
        *_twin_rows(facts.get("twin")),
        ("hash of the dataset", str(data["sha256"])),
    ]


def _twin_rows(twin: Mapping[str, Any] | None) -> list[Row]:
    if not twin:  # of a version that was registered before versions had twins
        return []
    learnt = f"{twin['trained_cars']:,}, posted until {twin['last_day']}"
    return [("cars that its measured twin learnt from", learnt)]


def _making_rows(facts: Mapping[str, Any]) -> list[Row]:
    dirty = ", dirty: the tree had changes that are in no commit" if facts["code_dirty"] else ""
    parameters = ", ".join(f"{name} {value}" for name, value in facts["parameters"].items())
    return [
        ("family", facts["family"]),
        ("parameters", parameters),
        ("seed", str(facts["seed"])),
        ("code", f"{facts['code_commit']}{dirty}"),
        ("hash of Pipfile.lock", facts["lock_sha256"]),
    ]


def _measured_row(name: str, measured: Mapping[str, float | None]) -> Row:
    label = f"version {name}" if name.isdigit() else name
    return (
        label,
        _dollars(measured.get("mae")),
        _percent(measured.get("median_ape")),
        f"{measured['r2']:.3f}" if measured.get("r2") is not None else "–",
        _percent(measured.get("coverage")),
    )


def _comparison(decision: Mapping[str, Any]) -> list[Section]:
    if not decision["gain"]:
        return []
    gain, segments = decision["gain"], decision["segments"]
    text = (
        f"The gain over {decision['rival']} is {_dollars(gain['mean'])} a car, "
        f"{_dollars(gain['low'])} to {_dollars(gain['high'])} with {CONFIDENCE:.0%} confidence on "
        "each side, drawn by region and day, on the half of the cars that did not choose the model."
    )
    rows = [
        (s["segment"], f"{s['cars']:,}", _dollars(s["mae"]), _dollars(s["rival_mae"]))
        for s in segments
    ]
    head = ("segment", "cars", "MAE", f"MAE of {decision['rival']}")
    return [Section("What it was compared with", text, head, rows)]


def _outcome(version: str, decision: Mapping[str, Any]) -> str:
    if version == decision["version"]:
        return "Promoted." if decision["promoted"] else "Refused."
    if version in decision["measured"]:
        return f"Not the best of its training: version {decision['version']} was better."
    return "Refused: it took no part in the comparison."


def _split(reason: str) -> tuple[str, str]:
    outcome, separator, text = reason.partition(": ")
    return (outcome, text) if separator and outcome in ("ok", "refused") else ("", reason)


def _dollars(value: float | None) -> str:
    if value is None:
        return "–"
    return f"-${-value:,.0f}" if value <= -0.5 else f"${abs(value):,.0f}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _section_in_markdown(section: Section) -> str:
    lines = [f"## {section.title}", ""]
    if section.text:
        lines += [section.text, ""]
    if section.rows:
        table = [section.head, ("---",) * len(section.head), *section.rows]
        lines += ["| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in table]
        lines.append("")
    return "\n".join(lines)


def _section_in_html(section: Section) -> str:
    parts = [f"<h2>{markup.escape(section.title)}</h2>"]
    if section.text:
        parts.append(f"<p>{markup.escape(section.text)}</p>")
    if section.rows:
        rows = [_html_row("th", section.head), *(_html_row("td", row) for row in section.rows)]
        parts.append(f"<table>{''.join(rows)}</table>")
    return "\n".join(parts)


def _html_row(tag: str, cells: Row) -> str:
    return "<tr>" + "".join(f"<{tag}>{markup.escape(cell)}</{tag}>" for cell in cells) + "</tr>"
