"""Tables that are always read whole: a list of the space, what an ordinary key sees of it, or one
of each project.
"""

from collections.abc import Generator

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import Record
from resources.backlog.errors import (
    AuthenticationError,
    IncompleteScan,
    NotFound,
    NotInPlan,
    PermanentError,
    PermissionDenied,
)
from resources.backlog.paging import PAGE_SIZE
from resources.records import Page
from resources.warehouse.history.history_reader import synced_today
from resources.warehouse.record_versions import number_of_version
from resources.warehouse.spec import VERSION, TableSpec
from sync.ahead import Ahead
from sync.projects import sync_projects
from sync.session import Session

#: Reads of a list that takes several pages, at most; two that agree are enough.
PASSES = 4


def sync_listing(session: Session) -> None:
    """Load a table that is read whole, as it is declared.

    Raises:
        BacklogError: the list cannot be read; the stored rows are left as they are.
        WarehouseError: the warehouse cannot be used.
    """
    spec = session.spec
    match spec.name:
        case "space":
            with session.events.reading("full"):
                session.writer.write([session.space])
        case "projects":
            sync_projects(session)
        case _ if spec.daily:
            _sync_once_a_day(session)
        case _ if spec.of_each_project:
            _sync_list_of_each_project(session)
        case _ if spec.listing and spec.listing.seen_at:
            _sync_list_or_seen(session, spec.listing.seen_at, spec.listing.seen)
        case _:
            with session.events.reading("full"):
                session.writer.store_listing(read_listed(session.client, spec))


def read_listed(client: BacklogClient, spec: TableSpec) -> Page:
    """Return the list of the space that a table holds.

    Raises:
        BacklogError: the list cannot be read.
    """
    if spec.listing and spec.listing.paged:
        return _all_pages(client, spec)
    return client.listed(spec.path)


def _sync_list_of_each_project(session: Session) -> None:
    """Load a list that each project has; a project that refuses does not keep the others from
    loading.

    Each is stored while the next one is under way.

    Raises:
        BacklogError: the key is refused or the source is not available, which is so for every
            project.
    """
    without: list[str] = []
    lists = _list_of_each_project(session.client, session.spec.path)
    with session.events.reading("full"), Ahead(session.client, session.events, lists) as listed:
        for project, records in listed:
            key = str(project["projectKey"])
            if isinstance(records, NotInPlan):
                without.append(key)
            elif isinstance(records, PermanentError):
                session.reporter.failed(key, records)
            else:
                evidence = f"{session.spec.endpoint.replace(':id', key)} no longer lists it"
                with listed.meanwhile():
                    session.writer.store_listing(
                        records, evidence=evidence, project_id=project["id"]
                    )
    if without:
        session.reporter.notes["not_in_plan"] = (
            f"the plan of the space has none of this for {', '.join(without)}; stored "
            "rows are left as they are"
        )


def _list_of_each_project(
    client: BacklogClient, path: str
) -> Generator[tuple[Record, Page | PermanentError], None, None]:
    """Yield each project with its list, or with why it refuses it."""
    for project in client.visible_projects():
        try:
            listed: Page | PermanentError = client.listed(path, str(project["projectKey"]))
        except AuthenticationError:
            raise
        except PermanentError as error:
            listed = error
        yield project, listed


def _sync_list_or_seen(session: Session, seen_at: str, seen: str) -> None:
    """Load a list of the space that only those who administer something may read; with another key,
    what the projects show of it.

    Args:
        session: the load of the table.
        seen_at: the endpoint of a project that shows what it has of the list.
        seen: what that is called, for people.

    Raises:
        BacklogError: neither can be read.
    """
    name, client, notes = session.spec.name, session.client, session.reporter.notes
    with session.events.reading("full"):
        try:
            session.writer.store_listing(read_listed(client, session.spec))
            notes[f"source_of_{name}"] = f"{session.spec.endpoint}: all {name} of the space"
        except PermissionDenied as error:
            session.log.warning(f"{error} Using the {seen} of all visible projects instead.")
            notes[f"source_of_{name}"] = (
                f"{seen} of all visible projects: the API key may not list {name}"
            )
            pages = _of_each_project(session, seen_at.removeprefix("GET "))
            found = Page(
                {record["id"]: record for page in pages for record in page}.values(),
                (odd for page in pages for odd in page.odd),
            )
            # Not a whole listing: what is in no visible project may still be there, so nothing is
            # marked deleted.
            with session.store.commit(found) as commit:
                result = session.writer.merge(commit, found)
                session.writer.note_names(commit, found)
            session.writer.count(result)


def _of_each_project(session: Session, path: str) -> list[Page]:
    """Read a list of each project; one that refuses is noted, and does not keep the others from it,
    unless all refuse.
    """
    lists = list(_list_of_each_project(session.client, path))
    pages = [listed for _, listed in lists if isinstance(listed, Page)]
    for project, refusal in lists:
        if isinstance(refusal, PermanentError):
            if not pages:
                raise refusal
            session.reporter.failed(str(project["projectKey"]), refusal)
    return pages


def _all_pages(client: BacklogClient, spec: TableSpec) -> Page:
    """Read all pages of a list; more than one of them until two reads list the same, since a record
    can slip from page to page while others are read.

    Raises:
        IncompleteScan: the list has changed during each read.
    """
    before: list[object] | None = None
    for _ in range(PASSES):
        pages = list(client.listed_pages(spec.path))
        listed = Page(
            (one for page in pages for one in page), (odd for page in pages for odd in page.odd)
        )
        ids = [one["id"] for one in listed]
        if listed.received < PAGE_SIZE or ids == before:
            return listed
        before = ids
    raise IncompleteScan(
        f"{spec.endpoint}: the list changed between all {PASSES} reads; load again "
        "when the space is quieter"
    )


def _sync_once_a_day(session: Session) -> None:
    """Load what the space says of itself, unless that was read today already; a space or key that
    refuses it loses nothing.

    Raises:
        BacklogError: it cannot be read for another reason.
    """
    spec, notes = session.spec, session.reporter.notes
    if synced_today(session.engine, session.space_key, spec.name, session.calendar.timezone):
        notes["not_read"] = "it is read once a day, and was today"
        return
    with session.events.reading("full"):
        try:
            record = session.client.record(spec.path)
        except (NotFound, NotInPlan, PermissionDenied) as error:
            session.log.warning(f"{error} Stored rows are left as they are.")
            notes["not_read"] = f"{error}; stored rows are left as they are"
        else:
            _store_record(session, record)


def _store_record(session: Session, record: Record) -> None:
    """Store the one record of a table, as a version of its own where the table keeps versions."""
    spec, number = session.spec, {}
    with session.store.commit([record]) as commit:
        if spec.versioned:
            number[VERSION.name] = number_of_version(
                commit.connection, spec, session.space_key, record
            )
        result = session.writer.merge(commit, [record], number)
    session.writer.count(result)
