"""Tables that are always read whole: a list of the space, what an ordinary key sees of it, or one of each project."""

from collections.abc import Callable, Iterable

import dagster as dg

from assets.data_versions import version_of
from assets.metadata import load_metadata, preview
from resources.backlog.client import BacklogClient
from resources.backlog.errors import AuthenticationError, NotInPlan, PermanentError, PermissionDenied
from resources.backlog.models import Record
from resources.odd import Page
from sync.session import TableLoad, in_history


def load_whole(load: TableLoad, read: Callable[[], list[Record]]) -> None:
    """Load a list that the space has; a failed read is never an empty list, it leaves the rows as they are.

    Raises:
        BacklogError: the list cannot be read.
    """
    with in_history(load, "full"):
        load.store_listing(read())


def load_whole_or_seen(load: TableLoad, read: Callable[[], list[Record]], of_project: Callable[[str], Page], seen: str) -> None:
    """Load a list of the space that only those who administer something may read; with another key, what the projects show of it.

    Args:
        load: the load of the table.
        read: reads the list of the space.
        of_project: reads what a project, given by its key, has of it.
        seen: what that is called, for people.

    Raises:
        BacklogError: neither can be read.
    """
    name = load.spec.name
    with in_history(load, "full"):
        try:
            load.store_listing(read())
            load.notes[f"source_of_{name}"] = f"{load.spec.endpoint}: all {name} of the space"
        except PermissionDenied as error:
            load.context.log.warning(f"{error} Using the {seen} of all visible projects instead.")
            load.notes[f"source_of_{name}"] = f"{seen} of all visible projects: the API key may not list {name}"
            projects = [str(project["projectKey"]) for project in load.client.visible_projects()]
            pages = [of_project(project) for project in projects]
            found = Page(
                {record["id"]: record for page in pages for record in page}.values(), (odd for page in pages for odd in page.odd)
            )
            # Not a whole listing: what is in no visible project may still be there, so nothing is marked deleted.
            load.store(found, lambda connection, _result: load.note_names(connection, found))


def load_each_project(load: TableLoad, read: Callable[[BacklogClient, str], list[Record]]) -> None:
    """Load a list that each project has; a project that refuses does not keep the others from loading.

    Raises:
        BacklogError: the key is refused or the source is not available, which is so for every project.
    """
    without: list[str] = []
    with in_history(load, "full"):
        for project in load.client.visible_projects():
            key = str(project["projectKey"])
            try:
                evidence = f"{load.spec.endpoint.replace(':id', key)} no longer lists it"
                load.store_listing(read(load.client, key), evidence=evidence, project_id=int(project["id"]))
            except NotInPlan:
                without.append(key)
            except AuthenticationError:
                raise
            except PermanentError as error:
                load.failed(key, error)
    if without:
        load.notes["not_in_plan"] = (
            f"the plan of the space has none of this for {', '.join(without)}; stored rows are left as they are"
        )


def whole_table_result(
    load: TableLoad, checks: Iterable[dg.AssetCheckResult] = (), version: dg.DataVersion | None = None
) -> "dg.MaterializeResult[None]":
    """Return what the UI shows of a table that is always read whole, and of the checks that its asset evaluates itself."""
    return dg.MaterializeResult(
        check_results=list(checks),
        data_version=version or version_of(load),
        metadata={
            "preview": preview(load.first_rows()),
            "dagster/row_count": load.row_count(),
            **load_metadata(load.counts, load.requests, started_at=load.started_at),
            **load.notes,
        },
    )
