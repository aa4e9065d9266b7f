"""Grafana's macros and variables in SQL, expanded as Grafana does."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

MACRO = re.compile(r"\$__(\w+)(?:\(([^()]*)\))?")
VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(?!__)(\w+)")


class UnknownMacro(ValueError):
    """A macro or variable that Grafana would leave in the query as it is."""


class Range(NamedTuple):
    """The time that a dashboard shows. interval_seconds: between two points of a panel."""

    start: datetime
    end: datetime
    interval_seconds: int = 3600


ANY_RANGE = Range(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))


def expand(sql: str, shown: Range, variables: Mapping[str, str]) -> str:
    """SQL as PostgreSQL gets it. variables: name → value. Raises UnknownMacro."""
    with_variables = VARIABLE.sub(lambda match: _variable(match, variables), sql)
    return MACRO.sub(lambda match: _macro(match[1], match[2], shown), with_variables)


def _variable(match: re.Match, variables: Mapping[str, str]) -> str:
    name = match[1] or match[3]
    if name.startswith("__"):
        return match[0]
    if name not in variables:
        raise UnknownMacro(f"${name} is no variable of the dashboard")
    quoted = variables[name].replace("'", "''")
    return f"'{quoted}'" if match[2] == "sqlstring" else variables[name]


def _macro(name: str, argument: str | None, shown: Range) -> str:
    start, end = (f"'{moment.isoformat()}'" for moment in (shown.start, shown.end))
    column, _, width = (argument or "").partition(",")
    grouped = (
        f"floor(extract(epoch from {column})/{_seconds(width, shown)})*{_seconds(width, shown)}"
    )
    known = {
        "timeFilter": f"{column} BETWEEN {start} AND {end}",
        "timeFrom": start,
        "timeTo": end,
        "timeGroup": grouped,
        "timeGroupAlias": f'{grouped} AS "time"',
        "interval": f"{shown.interval_seconds}s",
    }
    if name not in known:
        raise UnknownMacro(f"$__{name}: these macros are known: {', '.join(known)}")
    return known[name]


def _seconds(width: str, shown: Range) -> int:
    """Seconds of `5m`, `'1h'` or `$__interval`."""
    text = width.strip().strip("'")
    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
    found = re.fullmatch(r"(\d+)([smhd])", text)
    return int(found[1]) * units[found[2]] if found else shown.interval_seconds
