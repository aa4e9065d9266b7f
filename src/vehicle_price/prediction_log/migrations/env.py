"""Alembic runs this for `database.migrate`, with the connection that it passes in `attributes`."""

from alembic import context

# pylint: disable=no-member
context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
