"""The migration that makes the role of dashboards, where the log's own role may not make roles."""

from contextlib import closing

import psycopg2
import pytest
from alembic import command
from alembic.config import Config

from integration_tests.prediction_log.harness import prediction_log_harness
from unit_tests.helpers import tiny
from vehicle_price.prediction_log import database
from vehicle_price.prediction_log.database import Address, connect
from vehicle_price.prediction_log.errors import DatabaseUnavailable
from vehicle_price.prediction_log.migrations.schema import migrate

RIGHTS = """
SELECT has_table_privilege('vehicle_price_reader', 'predictions', 'SELECT'),
       has_table_privilege('vehicle_price_reader', 'predictions', 'DELETE')
"""


@pytest.fixture(name="address", scope="module")
def _address():
    """A server without the role; its database belongs to a role that may not make any."""
    with prediction_log_harness(tiny.valuation("xgboost"), started=False) as harness:
        harness.postgres.start()
        harness.open_database()
        run(harness.database, "CREATE ROLE owner LOGIN PASSWORD 'owner'")
        run(harness.database, "ALTER DATABASE vehicle_price OWNER TO owner")
        run(harness.database, "ALTER SCHEMA public OWNER TO owner")
        yield harness.database


def run(address, sql):
    """Run a statement; its rows, if it has any."""
    with closing(psycopg2.connect(address.url)) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []


def test_the_migration_says_what_an_administrator_must_do_and_goes_on_after_it(address):
    parts = psycopg2.extensions.parse_dsn(address.url)
    owner = Address(f"postgresql://owner:owner@{parts['host']}:{parts['port']}/vehicle_price")
    with pytest.raises(DatabaseUnavailable, match="CREATE ROLE vehicle_price_reader NOLOGIN"):
        migrate(owner)
    run(address, "CREATE ROLE vehicle_price_reader NOLOGIN")
    migrate(owner)
    assert run(address, RIGHTS) == [(True, False)]


def test_the_migration_can_be_taken_back_and_made_again(address):
    parts = psycopg2.extensions.parse_dsn(address.url)
    owner = Address(f"postgresql://owner:owner@{parts['host']}:{parts['port']}/vehicle_price")
    migrate(owner)
    downgrade(owner, "0003")
    assert run(address, RIGHTS) == [(False, False)]
    assert run(address, "SELECT to_regclass('production_changes')") == [(None,)]
    migrate(owner)
    assert run(address, RIGHTS) == [(True, False)]


def downgrade(address, revision):
    """Take migrations back, as an administrator would with Alembic."""
    import sqlalchemy as sa

    config = Config()
    folder = database.__file__.replace("database.py", "migrations")
    config.set_main_option("script_location", folder)
    engine = sa.create_engine("postgresql+psycopg2://", creator=lambda: connect(address, 30))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
    engine.dispose()
