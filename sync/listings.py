"""Tables that are always read whole: a list of the space, what an ordinary key sees of it, one of
each project, or what the space says of itself.
"""

from resources.backlog.client_values import Record
from resources.backlog.errors import NotFound, NotInPlan, PermanentError, PermissionDenied
from resources.warehouse.history.history_reader import synced_today
from resources.warehouse.raw.record_versions import number_of_version
from resources.warehouse.raw.spec import VERSION
from sync.ahead import Ahead
from sync.list_reads import read_list, read_lists_of_projects, read_shown_by_projects
from sync.projects import sync_projects
from sync.session import Session


def sync_listing(session: Session) -> None:
    """Load a table that is read whole, as it is declared.

    Raises:
        BacklogError: the list cannot be read; the stored rows are left as they are.
        WarehouseError: the warehouse cannot be used.
    """
    spec = session.spec
    if spec.daily and synced_today(
        session.engine, session.space_key, spec.name, session.calendar.timezone
    ):
        session.reporter.notes["not_read"] = "it is read once a day, and was today"
        return
    with session.events.reading("full"):
        match spec.name:
            case "space":
                session.writer.write([session.space])
            case "projects":
                sync_projects(session)
            case _ if spec.daily:
                _sync_record(session)
            case _ if spec.of_each_project:
                _sync_list_of_each_project(session)
            case _ if spec.listing and spec.listing.seen_at:
                _sync_list_or_seen(session, spec.listing.seen_at, spec.listing.seen)
            case _:
                session.writer.store_listing(read_list(session.client, spec))


def _sync_list_of_each_project(session: Session) -> None:
    """Load a list that each project has; a project that refuses does not keep the others from
    loading.

    Each is stored while the next one is under way.
    """
    spec, without = session.spec, list[str]()
    lists = read_lists_of_projects(session.client, spec.path)
    with Ahead(session.client, session.events, lists) as read:
        for found in read:
            if isinstance(found.listed, NotInPlan):
                without.append(found.key)
            elif isinstance(found.listed, PermanentError):
                session.reporter.failed(found.key, found.listed)
            else:
                evidence = f"{spec.endpoint.replace(':id', found.key)} no longer lists it"
                with read.meanwhile():
                    session.writer.store_listing(
                        found.listed, evidence=evidence, project_id=found.project_id
                    )
    if without:
        session.reporter.notes["not_in_plan"] = (
            f"the plan of the space has none of this for {', '.join(without)}; stored "
            "rows are left as they are"
        )


def _sync_list_or_seen(session: Session, seen_at: str, seen: str) -> None:
    """Load a list of the space that only those who administer something may read; with another key,
    what the projects show of it.

    Args:
        session: the load of the table.
        seen_at: the endpoint of a project that shows what it has of the list.
        seen: what that is called, for people.
    """
    name, notes = session.spec.name, session.reporter.notes
    try:
        listed = read_list(session.client, session.spec)
    except PermissionDenied as error:
        session.log.warning(f"{error} Using the {seen} of all visible projects instead.")
        notes[f"source_of_{name}"] = (
            f"{seen} of all visible projects: the API key may not list {name}"
        )
        _sync_seen(session, seen_at.removeprefix("GET "))
    else:
        session.writer.store_listing(listed)
        notes[f"source_of_{name}"] = f"{session.spec.endpoint}: all {name} of the space"


def _sync_seen(session: Session, path: str) -> None:
    """Load what the projects show. What is in no visible project may still be there, so nothing is
    marked deleted.
    """
    found, refused = read_shown_by_projects(session.client, path)
    for key, refusal in refused.items():
        session.reporter.failed(key, refusal)
    with session.writer.storing(found) as (commit, _):
        session.writer.note_names(commit, found)


def _sync_record(session: Session) -> None:
    """Load what the space says of itself; a space or key that refuses it loses nothing."""
    try:
        record = session.client.record(session.spec.path)
    except (NotFound, NotInPlan, PermissionDenied) as error:
        session.log.warning(f"{error} Stored rows are left as they are.")
        session.reporter.notes["not_read"] = f"{error}; stored rows are left as they are"
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
