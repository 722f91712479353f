"""Inaccessible projects: the source does not show them to the key any more, but they may still
exist.

Their rows stay unmarked, with the reason in `deleted_reason` of `raw.projects`. A project that
comes back is read whole.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, any_, func, not_, select, update

from resources.warehouse.arrays import bigints
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.state.schema_ops import sync_state

_PROJECTS = SPECS["projects"].table


@dataclass(frozen=True)
class UnlistedProject:
    """A stored project, not marked deleted, that the source does not list."""

    id: int
    key: str
    reason: str | None
    """Its `deleted_reason` so far; None: it was listed until now."""


def unlisted_projects(
    conn: Connection, space_key: str, visible: Collection[int]
) -> list[UnlistedProject]:
    """Return the stored projects that are neither visible nor marked deleted, by id."""
    columns = _PROJECTS.c
    query = select(columns.id, columns.project_key, columns.deleted_reason).where(
        columns.space_key == space_key,
        columns.deleted_at.is_(None),
        not_(columns.id == any_(bigints(visible))),
    )
    return [
        UnlistedProject(int(row[0]), str(row[1]), row[2])
        for row in conn.execute(query.order_by(columns.id))
    ]


def returned_projects(conn: Connection, space_key: str, visible: Collection[int]) -> set[int]:
    """Return the visible projects that are noted as inaccessible."""
    columns = _PROJECTS.c
    query = select(columns.id).where(
        columns.space_key == space_key,
        columns.id == any_(bigints(visible)),
        columns.deleted_at.is_(None),
        columns.deleted_reason.is_not(None),
    )
    return {int(project) for project in conn.execute(query).scalars()}


def note_inaccessible(
    conn: Connection, reasons: Mapping[int, str], *, space_key: str, run_id: str
) -> None:
    """Record that projects (id -> reason) are inaccessible; an earlier reason stays, with
    its time.
    """
    columns = _PROJECTS.c
    for project_id in sorted(reasons):
        conn.execute(
            update(_PROJECTS)
            .where(columns.space_key == space_key, columns.id == project_id)
            .where(columns.deleted_at.is_(None), columns.deleted_reason.is_(None))
            .values(
                deleted_reason=reasons[project_id],
                loaded_at=func.statement_timestamp(),
                run_id=run_id,
            )
        )


def note_accessible(
    conn: Connection, visible: Collection[int], *, space_key: str, run_id: str
) -> list[int]:
    """Remove the reason from projects that are visible again, and return their ids.

    Their sync state is deleted, so that they are read whole: a load may have run while a project
    became inaccessible, and missing rows look like unchanged ones.
    """
    columns = _PROJECTS.c
    back = conn.execute(
        update(_PROJECTS)
        .where(columns.space_key == space_key, columns.id == any_(bigints(visible)))
        .where(columns.deleted_at.is_(None), columns.deleted_reason.is_not(None))
        .values(deleted_reason=None, loaded_at=func.statement_timestamp(), run_id=run_id)
        .returning(columns.id)
    )
    ids = sorted(int(project) for project in back.scalars())
    forget_reads(conn, ids, space_key=space_key)
    return ids


def forget_reads(conn: Connection, project_ids: Collection[int], *, space_key: str) -> None:
    """Delete how far projects and their feeds were read, also interrupted reads, so that they are
    read whole.
    """
    state = sync_state.c
    conn.execute(
        update(sync_state)
        .where(state.space_key == space_key, state.project_id == any_(bigints(project_ids)))
        .values(watermark=None, extra={})
    )
