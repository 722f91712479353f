"""How far the issues of each project are read: watermarks, and checkpoints of reads that were
broken off.

They move when `apply.py` has stored what was read; `resources/warehouse/state/sync_state.py` keeps
them.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine

from resources.backlog.client import BacklogClient
from resources.warehouse.state import sync_state
from sync.session import Session
from sync.visible_projects import Project, visible_projects

#: Scope of the watermarks of issues in `ops.sync_state`.
SCOPE = "issues"


def watermarks(session: Session) -> dict[int, datetime]:
    """Return project id -> the instant before which all changes are stored, of the projects that
    were once read whole.
    """
    with session.engine.connect() as connection:
        return sync_state.get_watermarks(connection, session.space_key, SCOPE)


def complete(session: Session, projects: Sequence[Project], watermark: datetime) -> None:
    """Record that all changes of these projects before `watermark` are stored."""
    with session.store.transaction() as connection:
        _move(connection, session, projects, watermark)
        sync_state.record_success(
            connection, session.space_key, SCOPE, [project.id for project in projects]
        )


def move_watermark(session: Session, project: Project, watermark: datetime) -> None:
    """Move the watermark of a project whose read goes on: if the load dies after this, a load of
    changes continues it.
    """
    with session.store.transaction() as connection:
        _move(connection, session, [project], watermark)


def _move(
    connection: Connection, session: Session, projects: Sequence[Project], watermark: datetime
) -> None:
    for project in projects:
        sync_state.set_watermark(connection, session.space_key, SCOPE, project.id, watermark)
    sync_state.clear_checkpoints(
        connection, session.space_key, SCOPE, [project.id for project in projects]
    )


def keep_checkpoint(
    connection: Connection,
    session: Session,
    projects: Sequence[Project],
    checkpoint: sync_state.Checkpoint,
) -> None:
    """Remember how far a read of projects has come, and as of when that is stored."""
    sync_state.set_checkpoint(
        connection, session.space_key, SCOPE, [project.id for project in projects], checkpoint
    )


def watermark_furthest_behind(engine: Engine, projects: Collection[str]) -> datetime | None:
    """Return the watermark of the project that is furthest behind, None while one was never read
    whole; asks the source nothing.

    `projects` are the keys that are partitions.

    Raises:
        WarehouseError: the watermarks cannot be read.
    """
    with engine.connect() as connection:
        return sync_state.oldest_watermark(connection, SCOPE, projects)


def complete_projects(client: BacklogClient, engine: Engine) -> dict[str, datetime]:
    """Return the keys of the visible projects that were once read whole, each with its watermark.

    Raises:
        BacklogError: the projects cannot be read.
        WarehouseError: the watermarks cannot be read.
    """
    with engine.connect() as connection:
        found = sync_state.get_watermarks(connection, str(client.space_info()["spaceKey"]), SCOPE)
    return {
        project.key: found[project.id]
        for project in visible_projects(client).values()
        if project.id in found
    }
