"""Macros and variables of Grafana in SQL."""

from datetime import UTC, datetime

import pytest

from setup.dashboards.macros import Range, UnknownMacro, expand

SHOWN = Range(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC), 600)
START, END = "'2026-03-01T00:00:00+00:00'", "'2026-03-02T00:00:00+00:00'"


@pytest.mark.parametrize(
    ("sql", "expanded"),
    [
        ("$__timeFilter(f.received_at)", f"f.received_at BETWEEN {START} AND {END}"),
        ("$__timeFrom() $__timeTo()", f"{START} {END}"),
        ("$__timeGroup(t,'5m')", "floor(extract(epoch from t)/300)*300"),
        ("$__timeGroupAlias(t,$__interval)", 'floor(extract(epoch from t)/600)*600 AS "time"'),
        ("interval '$__interval'", "interval '600s'"),
        ("'$column' ${column:sqlstring} ${version:regex}", "'o''d' 'o''d' .*"),
    ],
)
def test_macros_and_variables_are_expanded(sql, expanded):
    variables = {"column": "o'd", "version": ".*"}
    if sql.startswith("'$column'"):
        expanded = expanded.replace("'o''d'", "'o'd'", 1)  # Grafana quotes nothing by itself
    assert expand(sql, SHOWN, variables) == expanded


@pytest.mark.parametrize("sql", ["$__timeFiltre(t)", "$__unixEpochFrom()", "WHERE x = $unknown"])
def test_an_unknown_macro_or_variable_is_an_error(sql):
    with pytest.raises(UnknownMacro, match=r"\$"):
        expand(sql, SHOWN, {})
