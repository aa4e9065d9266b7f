"""Grafana's queries on a PostgreSQL that monitoring has filled, as the role that only reads."""

from datetime import timedelta

import pytest
from psycopg2 import errors

from integration_tests.monitoring.filled_log import fill
from integration_tests.monitoring.made_up_log import FIRST_DAY, running_log
from integration_tests.monitoring.reading import Answer, ask, problems, reading
from setup.dashboards.files import Query, is_sql, queries, read
from vehicle_price.prediction_log.production_changes import keep_production

SINCE = FIRST_DAY - timedelta(days=1)
READ_ONLY, NO_RIGHT = (errors.lookup(code) for code in ("25006", "42501"))


@pytest.fixture(name="log", scope="module")
def _log():
    with running_log() as (address, connection):
        fill(connection)
        yield address, connection


@pytest.fixture(name="reader", scope="module")
def _reader(log):
    with reading(*log) as reader:
        yield reader


def named(where):
    """The query of a panel, variable, annotation or alert."""
    return next(query for query in queries(read()) if query.where == where)


def test_every_query_gives_rows_that_grafana_can_draw(reader):
    sql = list(filter(is_sql, queries(read())))
    assert {query.kind for query in sql} == {"panel", "annotation", "variable", "alert"}
    found = [
        problem
        for query in sql
        for problem in problems(query, ask(reader, query, SINCE, "odometer"))
    ]
    assert not found, "\n".join(found)


def test_the_check_finds_what_grafana_cannot_draw():
    query = Query("a panel", "panel", "postgresql", "", "time_series")
    whole_number, unsorted = 20, [(FIRST_DAY, 1.0), (SINCE, 1.0)]
    assert list(problems(query, Answer({"time": 1184, "value": 701}, []))) == ["a panel: no row"]
    (wrong_type,) = problems(query, Answer({"time": 1184, "value": whole_number}, [unsorted[0]]))
    assert "'value' is 20" in wrong_type
    (order,) = problems(query, Answer({"time": 1184, "value": 701}, unsorted))
    assert "order" in order
    (no_time,) = problems(query, Answer({"value": 701}, [(1.0,)]))
    assert "'time'" in no_time


def test_the_first_dashboard_says_what_happened(reader):
    ((incidents,),) = ask(reader, named("overview, 'Incidents'"), SINCE, "").rows
    assert incidents.endswith("to act on now")
    ((version, _),) = ask(reader, named("overview, 'In production'"), SINCE, "").rows
    assert version == "version 8"
    worst, *_ = ask(
        reader, named("drift, 'Worst columns of the newest judged day'"), SINCE, ""
    ).rows
    assert worst[1] == "api"
    assert {row[1] for row in ask(reader, named("training, 'Retrainings'"), SINCE, "").rows} == {
        "promoted"
    }


def test_a_chosen_version_leaves_the_others_out(reader):
    query = named("performance, 'Bias'")
    without = query._replace(text=query.text.replace("${version:regex}", "nothing"))
    assert ask(reader, query, SINCE, "").rows and not ask(reader, without, SINCE, "").rows


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO production_changes (model_version) VALUES ('9')",
        "UPDATE incidents SET resolved_at = now()",
        "DELETE FROM predictions",
        "DROP TABLE feedback",
        "CREATE TABLE mine (x int)",
        "CREATE ROLE mine",
    ],
)
def test_the_reader_may_change_nothing(reader, sql):
    """Not by default, nor when it takes its own default back."""
    for mode, refused in (("ONLY", READ_ONLY), ("WRITE", NO_RIGHT)):
        with pytest.raises(refused), reader, reader.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION READ {mode}")
            cursor.execute(sql)


def test_a_table_that_a_later_migration_makes_can_be_read(log, reader):
    _, connection = log
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE made_later (x int)")
    with reader, reader.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM made_later")
        assert cursor.fetchone() == (0,)


def test_a_change_of_production_is_kept_once(log):
    _, connection = log
    changes = [keep_production(connection, version) for version in ("8", "8", "9", "8", "8")]
    assert changes == [False, False, True, True, False]
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT model_version, previous_version FROM production_changes ORDER BY change_id"
        )
        assert cursor.fetchall() == [("7", None), ("8", "7"), ("9", "8"), ("8", "9")]
