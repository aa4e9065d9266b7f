"""Queries of dashboards, run as Grafana's role, and what Grafana could not draw of the answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

import psycopg2
from psycopg2 import extensions

from setup.dashboards.files import Query
from setup.dashboards.macros import Range, expand
from setup.database_roles import ROLES, connector, make_roles
from vehicle_price.prediction_log.database import Address, Connection

PASSWORD = "only-for-tests-of-the-reader"
TEXT, FLOAT8, TIMESTAMPTZ = 25, 701, 1184  # PostgreSQL's numbers of types
KNOWN_TYPES = {TEXT, FLOAT8, TIMESTAMPTZ}


class Answer(NamedTuple):
    """types: name of a column → PostgreSQL's number of its type."""

    types: dict[str, int]
    rows: list[tuple]


@contextmanager
def reading(address: Address, connection: Connection) -> Iterator[Connection]:
    """A connection to the log as Grafana's role, made as `make build` makes it."""
    del connection
    parts = extensions.parse_dsn(address.url)
    server = {name: value for name, value in parts.items() if name != "dbname"}
    make_roles({role: f"{PASSWORD}-{role}" for role in ROLES}, connector(10, **server))
    parts |= {"user": "grafana", "password": f"{PASSWORD}-grafana"}
    reader = psycopg2.connect(**parts, options="-c timezone=UTC")
    try:
        yield reader
    finally:
        reader.close()


def ask(connection: Connection, query: Query, since: datetime, column: str) -> Answer:
    """A query's answer from `since` until now, with all versions, roles and channels."""
    everything = dict.fromkeys(("version", "role", "channel"), ".*") | {"column": column}
    sql = expand(query.text, Range(since, datetime.now(UTC)), everything)
    assert "$" not in sql, query.where
    with connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return Answer({c.name: c.type_code for c in cursor.description}, cursor.fetchall())


def problems(query: Query, answer: Answer) -> Iterator[str]:
    """Why Grafana could not draw an answer."""
    if not answer.rows:
        yield f"{query.where}: no row"
    for name, kind in answer.types.items():
        if kind not in KNOWN_TYPES:
            yield f"{query.where}: the type of {name!r} is {kind}; numbers must be float8"
    yield from _problems_of_time(query, answer)


def _problems_of_time(query: Query, answer: Answer) -> Iterator[str]:
    timed = query.format == "time_series" or query.kind == "annotation"
    if timed and answer.types.get("time") != TIMESTAMPTZ:
        yield f"{query.where}: no column 'time' with a time zone"
    elif timed:
        moments = [row[list(answer.types).index("time")] for row in answer.rows]
        if moments != sorted(moments):
            yield f"{query.where}: not in the order of time"
