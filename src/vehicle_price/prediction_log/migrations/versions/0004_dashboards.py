"""What dashboards need: when production changed, a role that may only read, an index."""

# pylint: disable=invalid-name,no-member

from alembic import op

revision = "0004"
down_revision = "0003"

TABLES = """
-- A row whenever monitoring finds another version in production, by the gate or by a person.
CREATE TABLE production_changes (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    changed_at timestamptz NOT NULL DEFAULT now(),
    model_version text NOT NULL,
    previous_version text -- NULL in the first row
);
CREATE INDEX production_changes_by_time ON production_changes (changed_at);
-- Counts by day and kind read the index alone: a listing is a hundred times as large.
CREATE INDEX predictions_by_time_and_kind
    ON predictions (created_at, channel, role, model_version);
DROP INDEX predictions_by_time;
CREATE INDEX incidents_by_time ON incidents (opened_at);
"""

# A role belongs to the whole server, so it may be there already, made by another database or by a
# person. Who may not make roles is told what to do: the first line of an error reaches the logs.
READER = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vehicle_price_reader') THEN
        CREATE ROLE vehicle_price_reader NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object THEN NULL; -- another database has made it in the same moment
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'the role vehicle_price_reader is missing and % may not make it: as an '
            'administrator, run CREATE ROLE vehicle_price_reader NOLOGIN', current_user;
END $$;
GRANT USAGE ON SCHEMA public TO vehicle_price_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO vehicle_price_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO vehicle_price_reader;
"""
WITHOUT_READER = """
ALTER DEFAULT PRIVILEGES IN SCHEMA public
    REVOKE SELECT ON TABLES FROM vehicle_price_reader;
REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM vehicle_price_reader;
REVOKE USAGE ON SCHEMA public FROM vehicle_price_reader;
"""


def upgrade() -> None:
    """Make the table, the index and the role."""
    op.execute(TABLES)
    op.execute(READER)


def downgrade() -> None:
    """Drop them. The role stays, without rights: other databases of the server may use it."""
    op.execute(WITHOUT_READER)
    op.execute("CREATE INDEX predictions_by_time ON predictions (created_at)")
    op.execute("DROP INDEX predictions_by_time_and_kind, incidents_by_time")
    op.execute("DROP TABLE production_changes")
