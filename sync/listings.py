"""Tables that are always read whole: a list of the space, what an ordinary key sees of it, or one
of each project.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from resources.backlog.client import BacklogClient
from resources.backlog.errors import (
    AuthenticationError,
    IncompleteScan,
    NotInPlan,
    PermanentError,
    PermissionDenied,
)
from resources.backlog.paging import PAGE_SIZE
from resources.records import Page
from sync.projects import sync_projects
from sync.session import Session
from sync.write_behind import WriteBehind

#: Reads of a list that takes several pages, at most; two that agree are enough.
PASSES = 4


#: Tables that hold a list of each project, and the method that reads it, for loads and for
#: comparisons.
OF_PROJECT: Final[Mapping[str, Callable[[BacklogClient, int | str], Page]]] = {
    "project_members": BacklogClient.project_users,
    "statuses": BacklogClient.statuses,
    "issue_types": BacklogClient.issue_types,
    "categories": BacklogClient.categories,
    "versions": BacklogClient.versions,
    "custom_fields": BacklogClient.custom_fields,
}
#: The same of tables that hold a list of the space.
OF_SPACE: Final[Mapping[str, Callable[[BacklogClient], Page]]] = {
    "priorities": BacklogClient.priorities,
    "resolutions": BacklogClient.resolutions,
}


def sync_listing(session: Session) -> None:
    """Load a table that is read whole.

    Raises:
        BacklogError: the list cannot be read; the stored rows are left as they are.
        WarehouseError: the warehouse cannot be used.
    """
    match session.spec.name:
        case "space":
            with session.events.reading("full"):
                session.writer.write([session.space])
        case "projects":
            sync_projects(session)
        case "users":
            _sync_list_or_seen(session, BacklogClient.users, BacklogClient.project_users, "members")
        case "teams":
            _sync_list_or_seen(session, _all_teams, BacklogClient.project_teams, "teams")
        case table if table in OF_PROJECT:
            _sync_list_of_each_project(session, OF_PROJECT[table])
        case table:
            with session.events.reading("full"):
                session.writer.store_listing(OF_SPACE[table](session.client))


def _sync_list_of_each_project(
    session: Session, read: Callable[[BacklogClient, int | str], Page]
) -> None:
    """Load a list that each project has; a project that refuses does not keep the others from
    loading.

    Each is stored while the next one is under way.

    Raises:
        BacklogError: the key is refused or the source is not available, which is so for every
            project.
    """
    without: list[str] = []
    with (
        session.events.reading("full"),
        WriteBehind[int](session.client, session.events) as behind,
    ):
        for project in session.client.visible_projects():
            key = str(project["projectKey"])
            try:
                records = read(session.client, key)
            except NotInPlan:
                without.append(key)
            except AuthenticationError:
                raise
            except PermanentError as error:
                session.reporter.failed(key, error)
            else:
                evidence = f"{session.spec.endpoint.replace(':id', key)} no longer lists it"
                store = partial(
                    session.writer.store_listing,
                    records,
                    evidence=evidence,
                    as_progress=False,
                    project_id=project["id"],
                )
                session.events.advanced(sum(behind.begin(store)))
        session.events.advanced(sum(behind.wait()))
    if without:
        session.reporter.notes["not_in_plan"] = (
            f"the plan of the space has none of this for {', '.join(without)}; stored "
            "rows are left as they are"
        )


def _sync_list_or_seen(
    session: Session,
    read: Callable[[BacklogClient], Page],
    of_project: Callable[[BacklogClient, str], Page],
    seen: str,
) -> None:
    """Load a list of the space that only those who administer something may read; with another key,
    what the projects show of it.

    Args:
        session: the load of the table.
        read: reads the list of the space.
        of_project: reads what a project, given by its key, has of it.
        seen: what that is called, for people.

    Raises:
        BacklogError: neither can be read.
    """
    name, client, notes = session.spec.name, session.client, session.reporter.notes
    with session.events.reading("full"):
        try:
            session.writer.store_listing(read(client))
            notes[f"source_of_{name}"] = f"{session.spec.endpoint}: all {name} of the space"
        except PermissionDenied as error:
            session.log.warning(f"{error} Using the {seen} of all visible projects instead.")
            notes[f"source_of_{name}"] = (
                f"{seen} of all visible projects: the API key may not list {name}"
            )
            pages = _of_each_project(session, of_project)
            found = Page(
                {record["id"]: record for page in pages for record in page}.values(),
                (odd for page in pages for odd in page.odd),
            )
            # Not a whole listing: what is in no visible project may still be there, so nothing is
            # marked deleted.
            with session.store.transaction() as connection:
                result = session.writer.merge(connection, found)
                session.writer.note_names(connection, found)
            session.writer.count(result)


def _of_each_project(session: Session, read: Callable[[BacklogClient, str], Page]) -> list[Page]:
    """Read a list of each project; one that refuses is noted, and does not keep the others from it,
    unless all refuse.
    """
    pages: list[Page] = []
    refused: dict[str, PermanentError] = {}
    for project in session.client.visible_projects():
        key = str(project["projectKey"])
        try:
            pages.append(read(session.client, key))
        except AuthenticationError:
            raise
        except PermanentError as error:
            refused[key] = error
    for key, refusal in refused.items():
        if not pages:
            raise refusal
        session.reporter.failed(key, refusal)
    return pages


def _all_teams(client: BacklogClient) -> Page:
    """Read all teams; more than a page of them until two reads list the same, since a page can slip
    while others are read.

    Raises:
        IncompleteScan: the list has changed during each read.
    """
    before: list[object] | None = None
    for _ in range(PASSES):
        pages = list(client.teams())
        listed = Page(
            (team for page in pages for team in page), (odd for page in pages for odd in page.odd)
        )
        ids = [team["id"] for team in listed]
        if listed.received < PAGE_SIZE or ids == before:
            return listed
        before = ids
    raise IncompleteScan(
        f"GET /teams: the list changed between all {PASSES} reads; load again "
        "when the space is quieter"
    )
