"""Migrations of the prediction log are additive: the release before works on the new schema."""

# pylint: disable=no-member

import importlib.util
from types import SimpleNamespace

import pytest

from vehicle_price.prediction_log.migrations import rights
from vehicle_price.prediction_log.migrations.additive import (
    SECOND_STEPS,
    refusals,
    statements_of,
)
from vehicle_price.prediction_log.migrations.schema import VERSIONS

# What the release before needs. A right is taken from here one release after its last use.
RIGHTS_OF_THE_RELEASE_BEFORE = {
    "vehicle_price_service": {
        ("models", "INSERT"),
        ("predictions", "INSERT"),
        ("shadow_predictions", "INSERT"),
        ("feedback_reports", "INSERT"),
        ("feedback", "INSERT"),
        ("feedback", "UPDATE (price, received_at, key_name)"),
        ("forwarders", "INSERT"),
        ("forwarders", "UPDATE (complete_until, seen_at)"),
    },
    "vehicle_price_monitoring": {
        ("monitoring_profiles", "INSERT"),
        ("monitoring_profiles", "UPDATE (profile)"),
        ("monitoring_references", "INSERT"),
        ("monitoring_results", "INSERT"),
        ("monitoring_results", "UPDATE"),
        ("incidents", "INSERT"),
        ("incidents", "UPDATE"),
        ("retrainings", "INSERT"),
        ("retrainings", "UPDATE (state, outcome, ended_at)"),
        ("production_changes", "INSERT"),
    },
}
FILES = sorted(VERSIONS.glob("[0-9]*.py"))
DESTRUCTIVE = [
    "DROP TABLE feedback",
    "ALTER TABLE predictions DROP COLUMN role",
    "ALTER TABLE predictions RENAME COLUMN role TO part",
    "ALTER TABLE predictions RENAME TO prices",
    "ALTER TABLE predictions ALTER COLUMN price TYPE bigint",
    "ALTER TABLE predictions ALTER COLUMN caller DROP DEFAULT",
    "ALTER TABLE predictions ALTER COLUMN idempotency_key SET NOT NULL",
    "ALTER TABLE predictions ADD COLUMN a text NOT NULL",
    "ALTER TABLE predictions ADD COLUMN a text, DROP COLUMN role",
    "ALTER TABLE predictions ADD COLUMN a text UNIQUE",
    "ALTER TABLE predictions ADD COLUMN a integer CHECK (a > 0)",
    "ALTER TABLE predictions ADD CONSTRAINT a CHECK (price > 100)",
    "CREATE UNIQUE INDEX one ON predictions (request_id)",
    "CREATE TRIGGER a BEFORE INSERT ON predictions EXECUTE FUNCTION b()",
    "REVOKE INSERT ON predictions FROM vehicle_price_service",
    "DELETE FROM predictions",
    "UPDATE predictions SET role = 'production'",
    "TRUNCATE predictions",
    "DROP INDEX predictions_of_a_key",  # a unique one may stand behind an ON CONFLICT
    "DO $$ BEGIN DROP TABLE feedback; END $$",
    "DO $$ BEGIN EXECUTE 'DR' || 'OP TABLE feedback'; END $$",
]


def migration(path):
    """A file of `versions/` as a module."""
    spec = importlib.util.spec_from_file_location(f"migration_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_migration_only_adds_or_is_a_second_step(path):
    module = migration(path)
    sql = statements_of(module)
    assert sql.strip()
    if module.revision not in SECOND_STEPS:
        assert refusals(sql) == []


def test_a_second_step_is_a_migration_that_is_there_and_has_a_reason():
    revisions = {path.name[:4] for path in FILES}
    assert SECOND_STEPS.keys() <= revisions and all(SECOND_STEPS.values())


@pytest.mark.parametrize("statement", DESTRUCTIVE)
def test_a_planted_destructive_statement_is_refused(statement):
    def upgrade():
        from alembic import op

        op.execute("CREATE TABLE harmless (a text)")
        op.execute(statement)

    assert refusals(statements_of(SimpleNamespace(upgrade=upgrade))) == [statement]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE notes (note text NOT NULL)",
        "ALTER TABLE predictions ADD COLUMN note text",
        "ALTER TABLE predictions ADD COLUMN a text NOT NULL DEFAULT 'x, y', ADD COLUMN b date",
        "CREATE TABLE n (a text); CREATE UNIQUE INDEX one ON n (a);"
        "ALTER TABLE n ADD COLUMN b text NOT NULL",
        "CREATE INDEX by_note ON predictions (caller)",
    ],
)
def test_an_additive_statement_is_accepted(statement):
    assert refusals(statement) == []


@pytest.mark.parametrize("role", RIGHTS_OF_THE_RELEASE_BEFORE)
def test_no_right_is_taken_that_the_release_before_uses(role):
    given = {(table, right) for table, of_it in rights.RIGHTS[role].items() for right in of_it}
    assert RIGHTS_OF_THE_RELEASE_BEFORE[role] <= given
