"""Make the databases and the roles of PostgreSQL, each with the rights it needs.

    PGHOST=… PGPORT=… PGUSER=… POSTGRES_PASSWORD=… python -m setup.database_roles

PGUSER is the administrator: a superuser, or a role with CREATEDB and CREATEROLE, as of Amazon RDS.
libpq's other variables count too, such as PGSSLMODE. The passwords of the roles are in the
variables of ROLES. It can be repeated: passwords are set anew, what an earlier version left to the
administrator gets its owner. What the roles may do with the tables of the prediction log is in
`vehicle_price.prediction_log.migrations.rights`; migrations give these rights.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import NamedTuple

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from psycopg2.extensions import encrypt_password

ADMINISTRATOR_PASSWORD = "POSTGRES_PASSWORD"
ROLES = {  # who signs in → the variable with the password
    "airflow": "AIRFLOW_DATABASE_PASSWORD",
    "mlflow": "MLFLOW_DATABASE_PASSWORD",
    "vehicle_price_owner": "VEHICLE_PRICE_OWNER_PASSWORD",
    "vehicle_price_service": "VEHICLE_PRICE_SERVICE_PASSWORD",
    "vehicle_price_monitoring": "VEHICLE_PRICE_MONITORING_PASSWORD",
    "grafana": "GRAFANA_DATABASE_PASSWORD",
}
READERS = "vehicle_price_reader"  # the group with SELECT on the prediction log
GROUPS = {"grafana": READERS}  # who is a member
# A slow panel ends, and cannot hold up the log.
OPTIONS = {"grafana": {"default_transaction_read_only": "on", "statement_timeout": "15s"}}
CONNECTION_LIMITS = {"grafana": 20}


class Database(NamedTuple):
    """Who owns a database, and who else may connect to it."""

    owner: str
    guests: tuple[str, ...] = ()


DATABASES = {
    "airflow": Database("airflow"),
    "mlflow": Database("mlflow"),
    "vehicle_price": Database(
        "vehicle_price_owner", ("vehicle_price_service", "vehicle_price_monitoring", "grafana")
    ),
}
OF_THE_SERVER = ("postgres", "template1")  # by default everybody may connect to them

# Objects of a database that do not belong to its owner, as the end of ALTER … OWNER TO. Sequences
# of columns follow their table, indexes too; objects of extensions stay with them.
FOREIGN_OBJECTS = """
WITH schemas AS (
    SELECT oid FROM pg_namespace
    WHERE nspname NOT LIKE 'pg\\_%%' AND nspname <> 'information_schema'
), of_others AS (
    SELECT objid FROM pg_depend WHERE deptype IN ('e', 'a', 'i')
        AND (deptype = 'e' OR classid = 'pg_class'::regclass)
)
SELECT CASE relkind WHEN 'v' THEN 'VIEW ' WHEN 'm' THEN 'MATERIALIZED VIEW '
            WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || oid::regclass
FROM pg_class
WHERE relkind IN ('r', 'p', 'v', 'm', 'S') AND relowner <> %(owner)s::regrole
    AND relnamespace IN (TABLE schemas) AND oid NOT IN (TABLE of_others)
UNION ALL
SELECT CASE typtype WHEN 'd' THEN 'DOMAIN ' ELSE 'TYPE ' END || oid::regtype
FROM pg_type
WHERE typtype IN ('e', 'd', 'r') AND typowner <> %(owner)s::regrole
    AND typnamespace IN (TABLE schemas) AND oid NOT IN (TABLE of_others)
UNION ALL
SELECT 'ROUTINE ' || oid::regprocedure
FROM pg_proc
WHERE proowner <> %(owner)s::regrole
    AND pronamespace IN (TABLE schemas) AND oid NOT IN (TABLE of_others)
"""


class RolesError(RuntimeError):
    """The roles cannot be made; the message says why and what to do."""


def make_roles(
    passwords: Mapping[str, str],
    connect: Callable[[str], Connection],
    say: Callable[[str], None] = lambda _: None,
) -> set[str]:
    """Make databases and roles; returns the databases that are new. Can be repeated.

    passwords: of each of ROLES. connect: the administrator's connection to a database. Raises
    RolesError, psycopg2.Error.
    """
    with closing(connect("postgres")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            _make_role(cursor, READERS)
            for role, password in passwords.items():
                _make_role(cursor, role)
                _set_up(cursor, role, password)
            new = {name for name in DATABASES if _make_database(cursor, name)}
            for name in OF_THE_SERVER:
                _close_to_public(cursor, name, say)
    for name, database in DATABASES.items():
        with closing(connect(name)) as connection:
            with connection, connection.cursor() as cursor:
                moved = _give_to(cursor, database.owner)
            if moved:
                say(f"{name}: {moved} objects now belong to {database.owner}")
    return new


def passwords_from(environ: Mapping[str, str]) -> dict[str, str]:
    """The passwords of ROLES. Raises RolesError with the names of those that are missing."""
    missing = [name for name in ROLES.values() if not environ.get(name)]
    if missing:
        raise RolesError(f"{', '.join(missing)} must be set, each to a password of its own")
    passwords = {role: environ[name] for role, name in ROLES.items()}
    if len({*passwords.values()}) < len(passwords):
        raise RolesError(f"{', '.join(ROLES.values())}: two have the same password")
    return passwords


def connector(timeout: float, **address: str | int) -> Callable[[str], Connection]:
    """Connections to a server that may still be starting. address: libpq's parameters.

    timeout: seconds to wait for it; then psycopg2.OperationalError.
    """
    deadline = time.monotonic() + timeout

    def connect(database: str) -> Connection:
        while True:
            try:
                return psycopg2.connect(**address, dbname=database, connect_timeout=10)
            except psycopg2.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    return connect


def main() -> int:
    """Make them at the server that the environment names; 1 with a message if that fails."""
    parser = argparse.ArgumentParser(prog="python -m setup.database_roles", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--wait", type=float, default=30, help="seconds to wait for the server")
    wait = parser.parse_args().wait
    try:
        for name in ("PGHOST", "PGUSER", ADMINISTRATOR_PASSWORD):
            if not os.environ.get(name):
                raise RolesError(f"{name} must be set; see python -m setup.database_roles --help")
        passwords = passwords_from(os.environ)
        connect = connector(wait, password=os.environ[ADMINISTRATOR_PASSWORD])
        new = make_roles(passwords, connect, print)
    except (RolesError, psycopg2.Error) as error:
        print(f"database roles: {str(error).strip()}", file=sys.stderr)
        return 1
    print(f"roles: {', '.join(ROLES)}; new databases: {', '.join(sorted(new)) or 'none'}")
    return 0


def _make_role(cursor: Cursor, role: str) -> None:
    """Make a role without rights, if there is none. Raises RolesError for a superuser."""
    cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = %s", (role,))
    found = cursor.fetchone()
    if found is None:
        cursor.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
    elif found[0]:
        raise RolesError(f"the role {role} is a superuser; as an administrator: DROP ROLE {role}")


def _set_up(cursor: Cursor, role: str, password: str) -> None:
    """Let a role sign in with this password, of which the server sees a hash only."""
    hashed = encrypt_password(password, role, cursor.connection, "scram-sha-256")
    name = sql.Identifier(role)
    limit = sql.Literal(CONNECTION_LIMITS.get(role, -1))
    statement = sql.SQL("ALTER ROLE {} LOGIN CONNECTION LIMIT {} PASSWORD {}")
    cursor.execute(statement.format(name, limit, sql.Literal(hashed)))
    for option, value in OPTIONS.get(role, {}).items():
        statement = sql.SQL("ALTER ROLE {} SET {} = {}")
        cursor.execute(statement.format(name, sql.Identifier(option), sql.Literal(value)))
    if group := GROUPS.get(role):
        cursor.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), name))


def _make_database(cursor: Cursor, name: str) -> bool:
    """Make a database, or hand it to its owner; only its roles may connect. Whether it is new."""
    owner, guests = DATABASES[name]
    cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    if not cursor.fetchone()[0]:  # who hands something to a role must be a member of it
        cursor.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(owner)))
    database, new_owner = sql.Identifier(name), sql.Identifier(owner)
    cursor.execute("SELECT datdba::regrole::text FROM pg_database WHERE datname = %s", (name,))
    found = cursor.fetchone()
    if found is None:
        cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, new_owner))
    elif found[0] != owner:
        cursor.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, new_owner))
    cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    for role in guests:
        statement = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}")
        cursor.execute(statement.format(database, sql.Identifier(role)))
    return found is None


def _close_to_public(cursor: Cursor, name: str, say: Callable[[str], None]) -> None:
    """Let only administrators connect to a database of the server, where that may be changed."""
    cursor.execute(
        "SELECT pg_has_role(datdba, 'MEMBER') FROM pg_database WHERE datname = %s", (name,)
    )
    if cursor.fetchone()[0]:
        statement = sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC")
        cursor.execute(statement.format(sql.Identifier(name)))
    else:  # a provider's; it holds nothing of ours
        say(f"{name}: everybody may connect to it, the administrator may not change that")


def _give_to(cursor: Cursor, owner: str) -> int:
    """Make everything in the database belong to its owner; returns the number of objects."""
    cursor.execute(FOREIGN_OBJECTS, {"owner": owner})
    objects = [row[0] for row in cursor.fetchall()]  # quoted by PostgreSQL
    for one in objects:
        statement = sql.SQL("ALTER {} OWNER TO {}")
        cursor.execute(statement.format(sql.SQL(one), sql.Identifier(owner)))
    cursor.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")  # the default before version 15
    return len(objects)


if __name__ == "__main__":
    sys.exit(main())
