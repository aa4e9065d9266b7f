"""Bring the schema of the prediction log to this version, or check that it is there.

The owner of the database migrates. The other roles may not; they wait until the owner has.
"""

import logging
from pathlib import Path

from vehicle_price.error_text import first_line
from vehicle_price.prediction_log.database import (
    Address,
    Connection,
    connect,
    connected,
    translated,
)
from vehicle_price.prediction_log.errors import DatabaseUnavailable
from vehicle_price.prediction_log.migrations.rights import give_rights

log = logging.getLogger(__name__)

MIGRATION_LOCK = 7_316_356_412  # key of an advisory lock: any number, the same in every process
CONNECT_SECONDS, MIGRATION_SECONDS = 10.0, 120.0
VERSIONS = Path(__file__).with_name("versions")  # their names begin with the revision


def latest_revision() -> str:
    """The revision that this version of the code needs."""
    return max(path.name[:4] for path in VERSIONS.glob("[0-9]*.py"))


def prepare(address: Address) -> None:
    """Migrate if this role may; else check that somebody has, for the roles of the service.

    Raises DatabaseUnavailable, also while the schema is older than this code.
    """
    with connected(address, CONNECT_SECONDS) as connection, translated(address):
        if not _may_migrate(connection):
            _check(connection, address)
            return
    migrate(address)


def migrate(address: Address) -> None:
    """Upgrade the schema to the latest revision and give the roles their rights.

    Concurrent migrations wait for each other. A later schema stays as it is: migrations are
    additive, so that the version before a deployment works with it. Raises DatabaseUnavailable.
    """
    import sqlalchemy as sa
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    engine = sa.create_engine(
        "postgresql+psycopg2://",
        creator=lambda: _with_migration_timeout(connect(address, CONNECT_SECONDS)),
        poolclass=sa.pool.NullPool,
    )
    try:
        with translated(address), engine.begin() as connection:
            connection.execute(
                sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK}
            )
            with connection.connection.cursor() as cursor:
                present = _revision(cursor)
                if present > latest_revision():
                    log.warning("the schema is of a later version, %s: left as it is", present)
                    return
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                give_rights(cursor)
    except sa.exc.DBAPIError as error:
        raise DatabaseUnavailable(f"PostgreSQL ({address}): {first_line(error.orig)}") from error


def _may_migrate(connection: Connection) -> bool:
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT has_schema_privilege('public', 'CREATE')")
        return bool(cursor.fetchone()[0])


def _check(connection: Connection, address: Address) -> None:
    with connection, connection.cursor() as cursor:
        present = _revision(cursor)
    if present < latest_revision():
        raise DatabaseUnavailable(
            f"PostgreSQL ({address}): the schema is at revision {present or 'none'}, this version "
            f"needs {latest_revision()}: prediction-archive migrates it when it starts, or, as the "
            "owner of the database, python -m vehicle_price.prediction_log.migrations"
        )


def _revision(cursor) -> str:
    """The revision of the schema; "" where there is none, or where this role may not know it."""
    cursor.execute(
        "SELECT has_table_privilege(oid, 'SELECT') FROM pg_class WHERE oid = to_regclass(%s)",
        ("public.alembic_version",),
    )
    readable = cursor.fetchone()
    if not (readable and readable[0]):
        return ""
    cursor.execute("SELECT max(version_num) FROM public.alembic_version")
    return cursor.fetchone()[0] or ""


def _with_migration_timeout(connection: Connection) -> Connection:
    """Raise the statement timeout for migrations; connecting keeps the short timeout."""
    connection.timeout = MIGRATION_SECONDS
    with connection, connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = %s", (int(MIGRATION_SECONDS * 1000),))
    return connection
