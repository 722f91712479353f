"""Which rows were written since a moment: chosen by index, so that few rows cost little, however
many there are.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, any_, func, or_, select, text

#: Rows carry the time of the statement that wrote them, which is not before the start of its
#: transaction. An autovacuum writes none, and may take minutes.
_ALL_THERE_BEFORE = text(
    "SELECT least(statement_timestamp(), min(xact_start)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type IS DISTINCT "
    "FROM 'autovacuum worker'"
)


def all_there_before(connection: Connection) -> datetime:
    """Return a moment: the statements that follow see all rows written before it, whoever wrote
    them; no transaction is at work that began earlier.

    What a transaction at work will leave is written after it.
    """
    moment: datetime = connection.execute(_ALL_THERE_BEFORE).scalar_one()
    return moment


def written_since(table: Table, space_key: str, since: datetime) -> ColumnElement[bool]:
    """Choose the rows of a space that were written at a moment or later, marks of deletion
    included.

    The table has an index by project and time of writing, which is asked for each project.
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
