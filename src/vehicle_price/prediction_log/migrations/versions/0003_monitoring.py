"""What monitoring knows: how complete the log is, profiles, results, incidents, retrainings."""

# pylint: disable=invalid-name,no-member

from alembic import op

revision = "0003"
down_revision = "0002"

TABLES = """
-- One row for each outbox: all its records up to `complete_until` are in this database.
CREATE TABLE forwarders (
    instance text PRIMARY KEY,
    complete_until timestamptz NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now()
);
-- model_version: '' for the requests of all versions; else for what depends on the version.
CREATE TABLE monitoring_profiles (
    channel text NOT NULL,
    model_version text NOT NULL,
    window_start timestamptz NOT NULL,
    profile jsonb NOT NULL,
    PRIMARY KEY (channel, model_version, window_start)
);
-- The frozen reference: the profiles of these windows. A person replaces it by deleting the row.
CREATE TABLE monitoring_references (
    channel text NOT NULL,
    model_version text NOT NULL,
    windows timestamptz[] NOT NULL,
    frozen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (channel, model_version)
);
CREATE TABLE monitoring_results (
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    model_version text NOT NULL,
    role text NOT NULL,
    channel text NOT NULL,
    metric text NOT NULL,
    column_name text NOT NULL,
    status text NOT NULL,
    value float8,
    expected float8,
    threshold float8,
    rows integer NOT NULL,
    details jsonb NOT NULL,
    as_of timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (window_start, window_end, model_version, role, channel, metric, column_name)
);
CREATE INDEX monitoring_results_by_metric ON monitoring_results (metric, window_end);
CREATE TABLE incidents (
    incident_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule text NOT NULL,
    channel text NOT NULL,
    severity text NOT NULL,
    message text NOT NULL,
    details jsonb NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    notified_at timestamptz,
    resolved_at timestamptz,
    resolution_notified_at timestamptz
);
CREATE UNIQUE INDEX one_open_incident ON incidents (rule, channel) WHERE resolved_at IS NULL;
CREATE TABLE retrainings (
    retraining_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state text NOT NULL, -- open, promoted, refused, failed
    cause jsonb NOT NULL,
    dag_run_id text NOT NULL,
    outcome text NOT NULL DEFAULT '',
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE UNIQUE INDEX one_open_retraining ON retrainings (state) WHERE state = 'open';
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop the tables, rows included."""
    op.execute(
        "DROP TABLE retrainings, incidents, monitoring_results, monitoring_references,"
        " monitoring_profiles, forwarders"
    )
