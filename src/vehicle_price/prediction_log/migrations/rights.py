"""What each role of PostgreSQL may do with the tables: `setup/database_roles.py` makes the roles.

The owner of the database gives these rights at the end of each migration, and takes all others.
Roles that a server does not have are left out: a single user who owns everything needs none.
"""

from psycopg2 import sql

SERVICE, MONITORING = "vehicle_price_service", "vehicle_price_monitoring"
READERS = "vehicle_price_reader"  # the group of dashboards
ROLES = (SERVICE, MONITORING, READERS)  # all of them may read every table

# role → table → right; a right with columns, as in `UPDATE (price)`, is of these columns only.
RIGHTS = {
    SERVICE: {
        "models": ("INSERT",),
        "predictions": ("INSERT",),
        "shadow_predictions": ("INSERT",),
        "feedback_reports": ("INSERT",),
        # The report that counts: the latest of a key takes the place of the one before.
        "feedback": ("INSERT", "UPDATE (price, received_at, key_name)"),
        "forwarders": ("INSERT", "UPDATE (complete_until, seen_at)"),
    },
    MONITORING: {
        "monitoring_profiles": ("INSERT", "UPDATE (profile)"),
        "monitoring_references": ("INSERT",),
        "monitoring_results": ("INSERT", "UPDATE"),
        "incidents": ("INSERT", "UPDATE"),
        "retrainings": ("INSERT", "UPDATE (state, outcome, ended_at)"),
        "production_changes": ("INSERT",),
    },
}


def give_rights(cursor) -> None:
    """Make the rights of the roles those of this version, in the caller's transaction."""
    cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", (list(ROLES),))
    for (role,) in cursor.fetchall():
        for statement in _statements(role):
            cursor.execute(statement)


def _statements(role: str) -> list[sql.Composed]:
    name = sql.Identifier(role)
    texts = (
        "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}",
        "GRANT USAGE ON SCHEMA public TO {}",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}",
    )
    given = [
        sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(right), sql.Identifier(table), name)
        for table, rights in RIGHTS.get(role, {}).items()
        for right in rights
    ]
    return [sql.SQL(text).format(name) for text in texts] + given
