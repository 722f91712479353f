"""The spaces and projects that were loaded into a warehouse."""

from sqlalchemy import Connection, Engine, false, func, select

from resources.warehouse.raw.schema import SPECS
from resources.warehouse.state.schema_ops import spaces, sync_history
from resources.warehouse.state.sync_state import project_states


def known_spaces(engine: Engine) -> list[str]:
    """Return the keys of all spaces that were ever synced into this warehouse."""
    key = sync_history.c.space_key
    # Rows of an unknown space have its URL as key.
    query = select(key).distinct().where(key.not_like("%://%")).order_by(key)
    with engine.connect() as conn:
        return list(conn.execute(query).scalars())


def space_or_url(engine: Engine, url: str) -> str:
    """Return the key of the space at a URL, or the URL itself before a load has seen the key."""
    return space_at(engine, url) or url.rstrip("/")


def space_at(engine: Engine, url: str) -> str | None:
    """Return the key of the space at a URL, None before the first load."""
    query = (
        select(spaces.c.space_key)
        .where(spaces.c.url == url.rstrip("/"))
        .order_by(spaces.c.changed_at.desc())
        .limit(1)
    )
    with engine.connect() as conn:
        return conn.execute(query).scalar_one_or_none()


def known_projects(engine: Engine, space_key: str) -> list[tuple[str, str]]:
    """Return (key, name) of the accessible projects of a space, by key."""
    with engine.connect() as conn:
        return [(key, name) for _, key, name, _ in accessible_projects(conn, space_key)]


def accessible_projects(conn: Connection, space_key: str) -> list[tuple[int, str, str, bool]]:
    """Return (id, key, name, archived) of the accessible projects of a space, by key."""
    projects = SPECS["projects"].table.c
    query = select(
        projects.id, projects.project_key, projects.name, func.coalesce(projects.archived, false())
    ).where(
        projects.space_key == space_key,
        projects.deleted_at.is_(None),
        projects.deleted_reason.is_(None),
    )
    return [
        (int(row[0]), row[1], row[2], bool(row[3]))
        for row in conn.execute(query.order_by(projects.project_key))
    ]


def failing_projects(engine: Engine, space_key: str) -> dict[str, str]:
    """Return key -> error of the last read of issues, of active projects that failed.

    Archived projects are left out: if a space does not serve their issues any more, nothing would
    end their failures.
    """
    with engine.connect() as conn:
        states = project_states(conn, space_key, "issues")
        active = [
            (key, states.get(project))
            for project, key, _, archived in accessible_projects(conn, space_key)
            if not archived
        ]
    return {key: state.last_error for key, state in active if state and state.last_error}
