"""Projects that `GET /projects` no longer lists: deleted, or only inaccessible to the key. Losing
access looks like a deletion.

Archived and renamed projects are still listed, so they never come here. Asks the source only while
a project is missing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from resources.backlog.client import BacklogClient
from resources.backlog.errors import NotFound, PermissionDenied
from resources.warehouse.raw.tombstones import mark_project_deleted
from resources.warehouse.state.inaccessible import (
    UnlistedProject,
    note_inaccessible,
    unlisted_projects,
)
from sync.session import Session

#: `roleType` of an administrator of the space, in classic plans and in new ones.
ADMINISTRATOR = 1


@dataclass(frozen=True)
class Verdict:
    """What the source says of a project that it does not list, in words; `deleted` only where two
    answers agree on it.
    """

    deleted: bool
    how: str


def mark_deleted_or_inaccessible(session: Session, listed: Collection[int]) -> None:
    """Mark projects that are not listed: as deleted, with all their rows, or as inaccessible.

    Raises:
        BacklogError: the source does not answer; the rows are left as they are.
    """
    with session.engine.connect() as connection:
        unlisted = unlisted_projects(connection, session.space_key, listed)
    if not unlisted:
        return
    verdicts = judge(session.client, unlisted, listed)
    gone = [
        project for project in unlisted if project.id in verdicts and verdicts[project.id].deleted
    ]
    deleted: list[str] = []
    written: set[str] = set()
    with session.store.transaction() as connection:
        for project in gone:
            rows = mark_project_deleted(
                connection,
                [project.id],
                space_key=session.space_key,
                evidence=f"GET /projects does not list it; {verdicts[project.id].how}",
                run_id=session.run_id,
            )
            written |= {table for table, count in rows.items() if count and table != "projects"}
            with_it = ", ".join(
                f"{count} {table}" for table, count in rows.items() if table != "projects"
            )
            deleted.append(
                f"{project.key}: {with_it or 'no rows'} with it; {verdicts[project.id].how}"
            )
        reasons = {
            identifier: (
                f"no access: not listed since {datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {verdict.how}"
            )
            for identifier, verdict in verdicts.items()
            if not verdict.deleted
        }
        note_inaccessible(connection, reasons, space_key=session.space_key, run_id=session.run_id)
    session.writer.count_deleted(len(gone))
    session.reporter.rows_changed(written)
    if deleted:
        session.reporter.notes["deleted_projects"] = "\n".join(deleted)
        session.log.warning(f"deleted projects: {'; '.join(deleted)}")
    hidden = [
        f"{project.key}: {project.reason or reasons[project.id]}"
        for project in unlisted
        if project not in gone
    ]
    if hidden:
        session.reporter.notes["projects_without_access"] = "\n".join(hidden)
        session.log.warning(f"projects without access are left as they are: {'; '.join(hidden)}")


def judge(
    client: BacklogClient, unlisted: Sequence[UnlistedProject], listed: Collection[int]
) -> dict[int, Verdict]:
    """Ask the source for projects that it does not list; those known to be inaccessible only with
    an administrator's key.

    An administrator sees in one request whether they are in the space at all; those that are not
    are requested by id once more. With any other key a deleted project and an inaccessible one look
    the same.
    """
    if client.myself().get("roleType") != ADMINISTRATOR:
        return {
            project.id: _ask(client, project, alone=True)
            for project in unlisted
            if project.reason is None
        }
    everything = {int(project["id"]) for project in client.projects(all_=True)}
    if not set(listed) <= everything:
        how = "GET /projects?all=true contradicts it, so it is not known whether it was deleted"
        return {project.id: Verdict(False, how) for project in unlisted}
    there = Verdict(False, "GET /projects?all=true has it: the key's user is no longer a member")
    return {
        project.id: there if project.id in everything else _ask(client, project, alone=False)
        for project in unlisted
    }


def _ask(client: BacklogClient, project: UnlistedProject, *, alone: bool) -> Verdict:
    """Ask for one project by id. `alone`: there is no other answer that says that it is gone."""
    asked = f"GET /projects/{project.id}"
    try:
        client.project(project.id)
    except PermissionDenied:
        return Verdict(False, f"{asked} is refused")
    except NotFound:
        if alone:
            return Verdict(
                False,
                f"{asked} finds nothing, and only an administrator's key can "
                "tell whether it was deleted",
            )
        return Verdict(
            True, f"GET /projects?all=true does not have it; confirmed by {asked}: not found"
        )
    return Verdict(False, f"{asked} still answers: the key's user is no longer a member")
