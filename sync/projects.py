"""The table of projects: those that the key can see, and those that are deleted or have become
inaccessible to it.
"""

from sqlalchemy import Connection, Engine

from resources.backlog.client import BacklogClient
from resources.records import Page
from resources.warehouse.raw.quarantine import resolve_unlisted
from resources.warehouse.state import sync_state
from resources.warehouse.state.inaccessible import (
    note_accessible,
    note_inaccessible,
    returned_projects,
)
from resources.warehouse.state.locks import free_projects
from sync.lost_access import mark_deleted_or_inaccessible
from sync.session import Session


def note_project_keys(client: BacklogClient, engine: Engine) -> Page:
    """Return the projects that the key can see, archived ones included, and note their keys in
    `ops.project_keys`.

    A renamed project keeps its old keys there, so that its old partitions still mean the same
    project.

    Raises:
        BacklogError: the projects cannot be listed.
        WarehouseError: the warehouse cannot be used.
    """
    projects = client.visible_projects()
    with engine.begin() as connection:
        _note_keys(connection, str(client.space_info()["spaceKey"]), projects)
    return projects


def sync_projects(session: Session) -> None:
    """Load all visible projects, and mark those that are not listed any more as deleted or
    inaccessible.

    A project that is visible again while a load of its issues is at work stays as it is until the
    next load: that one may have begun without access, and will say that it has read all. One that
    is in quarantine, as its key cannot be stored, is inaccessible until it can be.

    Raises:
        BacklogError: the projects cannot be listed.
        WarehouseError: the warehouse cannot be used.
    """
    writer = session.writer
    listed = session.client.visible_projects()
    with session.store.commit(listed) as commit:
        connection = commit.connection
        _note_keys(connection, session.space_key, listed)
        ids = [int(project["id"]) for project in listed]
        returned = returned_projects(connection, session.space_key, ids)
        free = free_projects(connection, session.space_key, "issues", returned)
        back = note_accessible(connection, free, space_key=session.space_key, run_id=session.run_id)
        # The merge takes the reason away from a row that has changed.
        held = returned - free
        result = writer.merge(
            commit, Page((one for one in listed if one["id"] not in held), listed.odd)
        )
        writer.note_names(commit, listed)
        aside = {
            one.id: f"no access: in quarantine, {one.reason}"
            for one in listed.odd
            if one.id is not None
        }
        note_inaccessible(connection, aside, space_key=session.space_key, run_id=session.run_id)
        present = {*result.present_ids, *held}
        # A record without a key may be any project, so that nothing is known to be missing.
        if not result.without_id:
            known = [(project,) for project in present]
            resolve_unlisted(connection, session.spec, session.space_key, known, project_id=None)
    writer.count(result)
    if back:
        keys = ", ".join(str(one["projectKey"]) for one in listed if one["id"] in back)
        session.reporter.notes["projects_accessible_again"] = keys
    if not result.without_id:
        mark_deleted_or_inaccessible(session, present)


def _note_keys(connection: Connection, space_key: str, projects: Page) -> None:
    keys = {str(project["projectKey"]): int(project["id"]) for project in projects}
    sync_state.record_project_keys(connection, space_key, keys)
