"""A query of a database that a test looks into."""


def rows(connection, sql, *values):
    """The rows that a query gives."""
    with connection, connection.cursor() as cursor:
        cursor.execute(sql, values or None)
        return cursor.fetchall()
