"""Selects rows that were written since a moment, by an index, so that few rows cost little in a
large table.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, any_, func, or_, select, text

#: Rows have the time of the statement that wrote them, which is not before the start of its
#: transaction. Autovacuum writes no rows and may take minutes.
_ALL_THERE_BEFORE = text(
    "SELECT least(statement_timestamp(), min(xact_start)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type IS DISTINCT "
    "FROM 'autovacuum worker'"
)


def all_there_before(connection: Connection) -> datetime:
    """Return a moment before which all rows are visible to later statements.

    No transaction that began earlier is still running. What a running transaction writes has a
    later time.
    """
    moment: datetime = connection.execute(_ALL_THERE_BEFORE).scalar_one()
    return moment


def written_since(
    table: Table, space_key: str, since: datetime | ColumnElement[datetime]
) -> ColumnElement[bool]:
    """Return the condition for rows of a space written at a moment or later, marked ones included.

    It uses the index on project and time, once for each project.
    """
    rows = table.c
    first = select(func.min(rows.project_id).label("id")).where(rows.space_key == space_key)
    projects = first.cte("projects_of_rows", recursive=True)
    following = select(func.min(rows.project_id)).where(
        rows.space_key == space_key, rows.project_id > projects.c.id
    )
    each = projects.union_all(select(following.scalar_subquery()).where(projects.c.id.is_not(None)))
    of_project = rows.project_id == any_(func.array(select(each.c.id).scalar_subquery()))
    if rows.project_id.nullable:
        of_project = or_(of_project, rows.project_id.is_(None))
    return (rows.space_key == space_key) & of_project & (rows.loaded_at >= since)
