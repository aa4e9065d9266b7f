"""Predictions, the models that made them, shadow predictions, feedback."""

# pylint: disable=invalid-name,no-member

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE models (
    run_id text NOT NULL,
    model_version text NOT NULL,
    name text NOT NULL,
    data_sha256 text NOT NULL,
    code_commit text NOT NULL,
    first_logged_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, model_version)
);
CREATE TABLE predictions (
    prediction_id uuid PRIMARY KEY,
    created_at timestamptz NOT NULL,
    request_id text NOT NULL,
    position smallint NOT NULL,
    idempotency_key text,
    run_id text NOT NULL,
    model_version text NOT NULL,
    role text NOT NULL,
    listing jsonb NOT NULL,
    price integer NOT NULL,
    low integer NOT NULL,
    high integer NOT NULL,
    warnings jsonb NOT NULL,
    logged_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (run_id, model_version) REFERENCES models
);
CREATE INDEX predictions_by_time ON predictions (created_at);
CREATE TABLE shadow_predictions (
    prediction_id uuid NOT NULL,
    run_id text NOT NULL,
    model_version text NOT NULL,
    created_at timestamptz NOT NULL,
    price integer NOT NULL,
    low integer NOT NULL,
    high integer NOT NULL,
    PRIMARY KEY (prediction_id, run_id, model_version),
    FOREIGN KEY (run_id, model_version) REFERENCES models
);
CREATE INDEX shadow_predictions_by_time ON shadow_predictions (created_at);
-- No foreign key: feedback may come from another instance before its prediction does.
CREATE TABLE feedback (
    prediction_id uuid PRIMARY KEY,
    price integer NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE INDEX feedback_by_time ON feedback (received_at);
"""


def upgrade() -> None:
    """Make the tables."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop the tables, rows included."""
    op.execute("DROP TABLE feedback, shadow_predictions, predictions, models")
