"""What Alembic runs for `predictions.migrate`, which hands over its connection."""

from alembic import context

# pylint: disable=no-member
context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
