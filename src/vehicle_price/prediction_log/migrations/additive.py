"""Which statements of a migration the release before could not live with.

A deployment migrates while the release before serves, and `make rollback` returns to it without
taking the schema back. So only what adds is allowed: everything else is named, also what may be
harmless. A removal takes two releases: the first no longer uses the thing, the migration of the
second removes it and is listed in SECOND_STEPS.
"""

import re
from types import ModuleType

# Revision → what it removes, and since which release nothing uses that.
SECOND_STEPS: dict[str, str] = {
    "0004": "the index predictions_by_time: another one of this migration begins with its column",
}

COMMENT = re.compile(r"--[^\n]*")
NAME = r"(?:public\.)?\"?(\w+)\"?"
CREATE_TABLE = re.compile(rf"CREATE TABLE (?:IF NOT EXISTS )?{NAME}", re.I)
UNIQUE_INDEX = re.compile(rf"CREATE UNIQUE INDEX (?:\w+ )?ON {NAME}", re.I)
ADD_COLUMNS = re.compile(rf"ALTER TABLE (?:ONLY )?{NAME} (ADD COLUMN .*)", re.I | re.S)
ADDS = re.compile(
    r"CREATE INDEX |CREATE (OR REPLACE )?VIEW |COMMENT ON |GRANT |"
    r"INSERT INTO |ALTER DEFAULT PRIVILEGES .* GRANT ",
    re.I | re.S,
)
# A block of code is not read, so it may have no word that could take something away.
BLOCK = re.compile(r"DO \$\$", re.I)
TAKES_AWAY = re.compile(r"\b(ALTER|DELETE|DROP|EXECUTE|REVOKE|TRUNCATE|UPDATE)\b", re.I)


def refusals(sql: str) -> list[str]:
    """The statements of a migration that are not known to be additive.

    >>> refusals("CREATE TABLE a (b text NOT NULL); CREATE UNIQUE INDEX c ON a (b)")
    []
    >>> refusals("ALTER TABLE a ADD COLUMN b text; ALTER TABLE a ADD COLUMN c text NOT NULL")
    ['ALTER TABLE a ADD COLUMN c text NOT NULL']
    """
    statements = split(sql)
    new = {found[1] for found in map(CREATE_TABLE.match, statements) if found}
    return [statement for statement in statements if not _is_additive(statement, new)]


def statements_of(migration: ModuleType) -> str:
    """The SQL of a migration's `upgrade`, without a database."""
    from io import StringIO

    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    buffer = StringIO()
    options = {"as_sql": True, "output_buffer": buffer}
    context = MigrationContext.configure(dialect_name="postgresql", opts=options)
    with Operations.context(context):
        migration.upgrade()
    return buffer.getvalue()


def split(sql: str) -> list[str]:
    """The statements, without comments and with single blanks; `$$ … $$` stays whole.

    >>> split("SELECT 1; -- one;\\nDO $$ BEGIN; END $$;")
    ['SELECT 1', 'DO $$ BEGIN; END $$']
    """
    parts = COMMENT.sub("", sql).split("$$")
    if len(parts) % 2 == 0:
        raise ValueError("a $$ has no end")
    # Outside of $$ a semicolon ends a statement; inside it is text.
    marked = [part.replace(";", "\0") if at % 2 == 0 else part for at, part in enumerate(parts)]
    statements = "$$".join(marked).split("\0")
    return [" ".join(statement.split()) for statement in statements if statement.strip()]


def _is_additive(statement: str, new_tables: set[str]) -> bool:
    if CREATE_TABLE.match(statement):
        return True
    if found := UNIQUE_INDEX.match(statement):  # of a table that is there: it may refuse rows
        return found[1] in new_tables
    if found := ADD_COLUMNS.match(statement):
        return found[1] in new_tables or all(map(_can_be_left_out, _actions(found[2])))
    if BLOCK.match(statement):
        return not TAKES_AWAY.search(statement)
    return bool(ADDS.match(statement))


def _actions(text: str) -> list[str]:
    """The actions of an ALTER TABLE; a comma without a verb after it, as in brackets, ends none."""
    return re.split(r",\s*(?=(?:ADD|DROP|ALTER|RENAME)\b)", text, flags=re.I)


def _can_be_left_out(action: str) -> bool:
    """Whether the action adds a column that an INSERT of the release before need not name."""
    if not re.match(r"ADD COLUMN ", action, re.I):
        return False
    if re.search(r"\b(UNIQUE|PRIMARY KEY|CHECK|REFERENCES)\b", action, re.I):
        return False
    return not re.search(r"\bNOT NULL\b", action, re.I) or bool(
        re.search(r"\b(DEFAULT|GENERATED)\b", action, re.I)
    )
