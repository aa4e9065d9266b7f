"""Which rows have left the prediction log, and which file of the archive has them."""

# pylint: disable=invalid-name,no-member

from alembic import op

revision = "0005"
down_revision = "0004"

TABLES = """
-- A row is there before its file, and the file is complete before a row of another table is deleted.
CREATE TABLE archive_files (
    file text PRIMARY KEY, -- below DATA_ROOT/archive
    content text NOT NULL, -- predictions, reports
    day date NOT NULL,
    rows integer NOT NULL,
    sha256 text NOT NULL, -- of the rows
    first_id uuid NOT NULL,
    last_id uuid NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    verified_at timestamptz, -- the file was read back and has these rows; until then it may be cut
    deleted_at timestamptz -- these rows have left the other tables
);
CREATE INDEX archive_files_by_id ON archive_files (last_id) WHERE content = 'predictions';
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(TABLES)


def downgrade() -> None:
    """Drop it. The files stay; nothing leads to them any more."""
    op.execute("DROP TABLE archive_files")
