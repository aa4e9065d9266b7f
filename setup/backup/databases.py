"""Dump PostgreSQL's databases, load them again, and adapt what belonged to the old installation."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from werkzeug.security import generate_password_hash

from setup.backup.commands import give_input, save_output
from setup.backup.errors import BackupError
from setup.backup.manifest import FileFacts
from setup.backup.runtimes.installation import Installation
from vehicle_price.registry.names import MODEL_NAME, PRODUCTION

# What refers to another database is saved before that one: predictions and retrainings name runs of
# Airflow and versions of MLflow, and Airflow begins an unfinished task again.
ORDER = ("vehicle_price", "airflow", "mlflow")
TABLES = """
SELECT schemaname, tablename FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2
"""
PRODUCTION_VERSION = """
SELECT version, storage_location FROM registered_model_aliases
JOIN model_versions USING (workspace, name, version)
WHERE workspace = 'default' AND name = %s AND alias = %s
"""
ARCHIVED = "SELECT file FROM archive_files WHERE verified_at IS NOT NULL ORDER BY file"
ENCRYPTED = """
SELECT 'connection ' || conn_id FROM connection WHERE is_encrypted OR is_extra_encrypted
UNION ALL SELECT 'variable ' || key FROM variable WHERE is_encrypted ORDER BY 1
"""


class Dump(NamedTuple):
    """A saved database: rows of each table, and what only this database knows of the rest."""

    facts: FileFacts
    rows: Mapping[str, int]
    found: tuple[tuple[str, ...], ...]


# What a backup must know of a database, read from the same snapshot as the dump.
QUESTIONS = {
    "vehicle_price": (ARCHIVED, ()),
    "airflow": (ENCRYPTED, ()),
    "mlflow": (PRODUCTION_VERSION, (MODEL_NAME, PRODUCTION)),
}


def major_version(installation: Installation) -> int:
    """Of the server. Raises BackupError if it does not answer."""
    try:
        with closing(installation.connect("postgres")) as connection:
            return connection.server_version // 10_000
    except psycopg2.OperationalError as error:
        raise BackupError(
            f"PostgreSQL does not answer: {str(error).strip()}. A backup needs the running "
            "platform: make build"
        ) from error


def save(installation: Installation, database: str, path: Path) -> Dump:
    """Dump a database, and count its rows in the same snapshot. Raises BackupError, OSError."""
    with closing(installation.connect(database)) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_export_snapshot()")
            snapshot = cursor.fetchone()[0]
            options = ("--format=custom", f"--snapshot={snapshot}", f"--dbname={database}")
            facts = save_output(installation.postgres("pg_dump", *options), path)
            rows = count_rows(cursor)
            cursor.execute(*QUESTIONS[database])
            return Dump(facts, rows, tuple(cursor.fetchall()))


def load(
    installation: Installation, database: str, path: Path, expected: Mapping[str, int]
) -> None:
    """Load a dump into a new database, all of it or nothing; every table has its rows again.

    Raises BackupError.
    """
    options = ("--exit-on-error", "--single-transaction", f"--dbname={database}")
    give_input(installation.postgres("pg_restore", *options), path)
    with closing(installation.connect(database)) as connection, connection.cursor() as cursor:
        rows = count_rows(cursor)
    wrong = [
        f"{table} has {rows.get(table)} rows instead of {number}"
        for table, number in expected.items()
        if rows.get(table) != number
    ]
    if wrong:
        raise BackupError(f"the database {database} is not what was saved: {'; '.join(wrong)}")


def check_production(installation: Installation, expected: str) -> None:
    """Raise BackupError if another version than the saved one has the alias `production`."""
    with closing(installation.connect("mlflow")) as connection, connection.cursor() as cursor:
        cursor.execute(*QUESTIONS["mlflow"])
        row = cursor.fetchone()
    if (found := str(row[0]) if row else "") != expected:
        raise BackupError(f"version {found!r} is in production instead of {expected!r}")


def adapt(installation: Installation) -> None:
    """Replace what belonged to the installation that was saved.

    MLflow's administrator gets the password of this one; its webhook, which another key encrypts,
    is made again by `make build`. The forwarders of other machines would never report again, and
    windows of monitoring would wait for them.
    """
    hashed = generate_password_hash(installation.mlflow_password)
    statements = {
        "mlflow": (
            ("UPDATE users SET password_hash = %s WHERE username = 'admin'", (hashed,)),
            ("DELETE FROM webhooks", ()),
        ),
        "vehicle_price": (("DELETE FROM forwarders", ()),),
    }
    for database in statements.keys() & {*installation.databases}:
        with closing(installation.connect(database)) as connection:
            with connection, connection.cursor() as cursor:
                for statement in statements[database]:
                    cursor.execute(*statement)


def count_rows(cursor: Cursor) -> dict[str, int]:
    """The number of rows of every table of a database."""
    cursor.execute(TABLES)
    counts = {}
    for schema, table in cursor.fetchall():
        cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table)))
        counts[table if schema == "public" else f"{schema}.{table}"] = cursor.fetchone()[0]
    return counts


def connect(host: str, port: int, database: str, password: str) -> Connection:
    """A connection as PostgreSQL's administrator. Raises psycopg2.OperationalError."""
    return psycopg2.connect(
        host=host,
        port=port,
        dbname=database,
        user="postgres",
        password=password,
        connect_timeout=10,
    )
