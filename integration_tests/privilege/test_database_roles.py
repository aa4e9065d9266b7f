"""The roles of PostgreSQL: made for an installation of the version before, and what each may do."""

import os
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime

import psycopg2
import psycopg2.errors
import pytest

from integration_tests.prediction_log.harness import PASSWORD
from integration_tests.privilege.postgres_server import PASSWORDS, postgres_server
from setup.database_roles import DATABASES, ROLES
from setup.native.environment import ROOT
from vehicle_price.prediction_log import completeness
from vehicle_price.prediction_log.database import connect
from vehicle_price.prediction_log.errors import DatabaseUnavailable
from vehicle_price.prediction_log.ids import new_id
from vehicle_price.prediction_log.incidents import Incident, open_incident, resolve_incident
from vehicle_price.prediction_log.migrations import rights
from vehicle_price.prediction_log.migrations.schema import migrate, prepare
from vehicle_price.prediction_log.rows import FeedbackRow, ModelRow, PredictionRow, Rows
from vehicle_price.prediction_log.writer import insert

InsufficientPrivilege = psycopg2.errors.lookup("42501")
NOW = datetime(2026, 5, 1, tzinfo=UTC)
GUESTS = ("vehicle_price_service", "vehicle_price_monitoring", "grafana")
NOT_OURS = """
SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
WHERE nspname = 'public' AND relowner <> 'vehicle_price_owner'::regrole
UNION ALL SELECT typname FROM pg_type JOIN pg_namespace n ON n.oid = typnamespace
WHERE nspname = 'public' AND typowner <> 'vehicle_price_owner'::regrole
UNION ALL SELECT proname FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace
WHERE nspname = 'public' AND proowner <> 'vehicle_price_owner'::regrole
"""
# As Airflow and MLflow make them: more kinds of objects than the prediction log has.
OBJECTS = """
CREATE TYPE kind AS ENUM ('a'); CREATE DOMAIN small AS int; CREATE SEQUENCE numbers;
CREATE TABLE "Odd name" (id serial PRIMARY KEY, x bigint GENERATED ALWAYS AS IDENTITY, k kind);
CREATE VIEW seen AS SELECT * FROM "Odd name"; CREATE MATERIALIZED VIEW kept AS SELECT 1;
CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'
"""


@pytest.fixture(name="server", scope="module")
def _server():
    """A server as the version before left it, after the roles were made and the log migrated."""
    with postgres_server() as server:
        migrate(server.address("postgres"))  # then the administrator owned everything
        server.run("postgres", OBJECTS)
        assert server.make_roles() == {"airflow", "mlflow"}
        with pytest.raises(DatabaseUnavailable, match="revision none.*migrat"):
            prepare(server.address("vehicle_price_service"))  # its rights come with a migration
        prepare(server.address("vehicle_price_owner"))
        yield server


def rows(price=9_000):
    """A prediction with a report about it."""
    prediction_id = new_id()
    prediction = PredictionRow(
        prediction_id, NOW, "r", 0, None, "run", "1", "production", {}, 1, 1, 1, (), "api", ""
    )
    report = FeedbackRow(prediction_id, price, NOW, "key")
    return Rows([ModelRow("m", "1", "run", "0", "0")], [prediction], [], [report])


def test_what_the_version_before_left_belongs_to_the_owner(server):
    assert server.run("postgres", NOT_OURS) == []
    owners = "SELECT datname, datdba::regrole::text FROM pg_database"
    assert set(server.run("postgres", owners)) >= {(n, d.owner) for n, d in DATABASES.items()}


def test_making_the_roles_again_changes_nothing_and_the_sign_in_stays(server):
    assert server.make_roles() == set()
    assert server.run("vehicle_price_owner", "SELECT 1") == [(1,)]


@pytest.mark.parametrize("role", ROLES)
def test_no_role_is_more_than_a_user_of_its_databases(server, role):
    attributes = "rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls"
    assert server.run(
        "postgres", f"SELECT {attributes} FROM pg_roles WHERE rolname = '{role}'"
    ) == [(False,)]
    own = {name for name, d in DATABASES.items() if role == d.owner or role in d.guests}
    for database in {*DATABASES, "postgres", "template1"} - own:
        with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
            server.run(role, "SELECT 1", database)


def test_the_service_writes_predictions_and_the_report_that_counts(server):
    first = rows()
    with closing(connect(server.address("vehicle_price_service"), 10)) as connection:
        insert(connection, first)
        later = first.feedback[0]._replace(price=8_000, received_at=NOW.replace(hour=1))
        insert(connection, Rows([], [], [], [later]))
        for _ in range(2):
            completeness.report(connection, "one outbox", NOW.timestamp())
    counts = f"SELECT price FROM feedback WHERE prediction_id = '{first.feedback[0].prediction_id}'"
    assert server.run("grafana", counts) == [(8_000,)]


@pytest.mark.parametrize("role", GUESTS)
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE predictions SET price = 1",
        "UPDATE feedback SET prediction_id = gen_random_uuid()",
        "DELETE FROM predictions",
        "TRUNCATE predictions",
        "DROP TABLE predictions",
        "DROP SCHEMA public CASCADE",
        "ALTER TABLE predictions ADD COLUMN x int",
        "CREATE TABLE mine (x int)",
        "CREATE TEMPORARY TABLE mine (x int)",
        "GRANT vehicle_price_owner TO current_user",
        "SET ROLE vehicle_price_owner",
        "COPY predictions TO PROGRAM 'cat'",
        "SELECT rolpassword FROM pg_authid",
    ],
)
def test_who_serves_or_looks_changes_nothing_that_was_said(server, role, sql):
    with pytest.raises(InsufficientPrivilege):
        server.run(role, sql)


def test_monitoring_keeps_its_incidents_and_writes_no_prediction(server):
    with closing(connect(server.address("vehicle_price_monitoring"), 10)) as connection:
        incident = Incident("drift_day", "api", "warn", "m", {})
        assert open_incident(connection, incident) and not open_incident(connection, incident)
        assert resolve_incident(connection, "drift_day", "api")
        with pytest.raises(InsufficientPrivilege):
            insert(connection, rows())


def test_dashboards_read_everything_and_write_nothing(server):
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    for (table,) in server.run("grafana", tables):
        if table != "Odd name":  # of this test, made before the rights were given
            server.run("grafana", f'SELECT count(*) FROM "{table}"')
    with pytest.raises(InsufficientPrivilege):
        server.run("grafana", "DELETE FROM incidents")


def test_rights_are_declared_for_tables_that_exist(server):
    tables = {t for of_role in rights.RIGHTS.values() for t in of_role}
    exist = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert tables <= {name for (name,) in server.run("postgres", exist)}


def test_a_migration_takes_rights_that_are_not_declared(server):
    server.run("vehicle_price_owner", "GRANT DELETE ON predictions TO vehicle_price_service")
    migrate(server.address("vehicle_price_owner"))
    with pytest.raises(InsufficientPrivilege):
        server.run("vehicle_price_service", "DELETE FROM predictions")


def test_the_version_before_works_with_a_later_schema(server):
    server.run("vehicle_price_owner", "UPDATE alembic_version SET version_num = '9999'")
    try:
        prepare(server.address("vehicle_price_owner"))
        prepare(server.address("vehicle_price_service"))
        assert server.run("grafana", "SELECT version_num FROM alembic_version") == [("9999",)]
    finally:
        before = "UPDATE alembic_version SET version_num = (SELECT '0005')"
        server.run("vehicle_price_owner", before)


def command(server, **changed):
    """`python -m setup.database_roles`."""
    given = {variable: PASSWORDS[role] for role, variable in ROLES.items()}
    address = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "postgres"}
    environ = os.environ | given | address | {"POSTGRES_PASSWORD": PASSWORD} | changed
    arguments = [sys.executable, "-m", "setup.database_roles"]
    return subprocess.run(
        arguments, env=environ, cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_the_command_makes_them_too_and_tells_no_password(server):
    done = command(server)
    assert done.returncode == 0 and "new databases: none" in done.stdout
    assert "only-for-tests" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", [*ROLES.values(), "POSTGRES_PASSWORD", "PGHOST", "PGUSER"])
def test_the_command_names_what_is_empty(server, name):
    refused = command(server, **{name: ""})
    assert refused.returncode == 1 and name in refused.stderr


def test_two_roles_may_not_share_a_password(server):
    refused = command(server, GRAFANA_DATABASE_PASSWORD=PASSWORDS["airflow"])
    assert refused.returncode == 1 and "the same password" in refused.stderr


def test_an_administrator_of_a_provider_needs_not_be_a_superuser():
    with postgres_server() as server:
        server.run("postgres", "DROP DATABASE vehicle_price", "postgres")
        master = f"CREATE ROLE master LOGIN CREATEDB CREATEROLE PASSWORD '{PASSWORD}'"
        server.run("postgres", master, "postgres")
        assert server.make_roles("master") == set(DATABASES)
        migrate(server.address("vehicle_price_owner"))
        assert server.make_roles("master") == set()
        prepare(server.address("vehicle_price_service"))
        with pytest.raises(InsufficientPrivilege):
            server.run("vehicle_price_service", "DELETE FROM predictions")
