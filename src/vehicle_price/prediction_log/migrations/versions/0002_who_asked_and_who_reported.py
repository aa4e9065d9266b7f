"""The channel and caller of a prediction, the key of a feedback, and every report ever made."""

# pylint: disable=invalid-name,no-member

from alembic import op

revision = "0002"
down_revision = "0001"

# Additive, so that the code before can still write.
TABLES = """
ALTER TABLE predictions ADD COLUMN channel text NOT NULL DEFAULT 'api';
ALTER TABLE predictions ADD COLUMN caller text NOT NULL DEFAULT '';
ALTER TABLE feedback ADD COLUMN key_name text NOT NULL DEFAULT '';
CREATE TABLE feedback_reports (
    prediction_id uuid NOT NULL,
    key_name text NOT NULL,
    price integer NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (prediction_id, key_name, received_at, price)
);
CREATE INDEX feedback_reports_by_time ON feedback_reports (received_at);
INSERT INTO feedback_reports (prediction_id, key_name, price, received_at)
SELECT prediction_id, key_name, price, received_at FROM feedback;
"""


def upgrade() -> None:
    """Add the columns and the table; feedback that exists becomes a report without a key."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop them, and with them the history of feedback."""
    op.execute("DROP TABLE feedback_reports")
    op.execute("ALTER TABLE feedback DROP COLUMN key_name")
    op.execute("ALTER TABLE predictions DROP COLUMN caller, DROP COLUMN channel")
