"""A PostgreSQL of a test's own, and what a role may do there."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2

from integration_tests.prediction_log.harness import PASSWORD, prediction_log_harness
from setup import database_roles
from setup.database_roles import ROLES, connector
from unit_tests.helpers import tiny
from vehicle_price.prediction_log.database import Address

PASSWORDS = {role: f"only-for-tests-{role}" for role in ROLES}


class Server:
    """A running server without roles and databases of ours. port: where it listens."""

    def __init__(self, port: int) -> None:
        self.port = port

    def address(self, role: str, database: str = "vehicle_price", password: str = "") -> Address:
        """The address of a database for a role."""
        password = password or PASSWORDS.get(role, PASSWORD)
        return Address(f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}")

    def run(self, role: str, sql: str, database: str = "vehicle_price") -> list[tuple[Any, ...]]:
        """Run statements as a role, which may write if it has the right; the last one's rows."""
        url, writing = self.address(role, database).url, "-c default_transaction_read_only=off"
        with closing(psycopg2.connect(url, options=writing)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []

    def make_roles(self, administrator: str = "postgres") -> set[str]:
        """What `python -m setup.database_roles` does; the new databases."""
        address = {"host": "127.0.0.1", "port": self.port, "user": administrator}
        return database_roles.make_roles(PASSWORDS, connector(10, **address, password=PASSWORD))


@contextmanager
def postgres_server() -> Iterator[Server]:
    """Start one; its databases are those of the harness, `vehicle_price` of the administrator."""
    with prediction_log_harness(tiny.valuation("xgboost"), started=False) as harness:
        harness.postgres.start()
        harness.open_database()
        yield Server(int(psycopg2.extensions.parse_dsn(harness.database.url)["port"]))
