"""Tables that are always read whole: a list of the space, or one of each project.

Add here: another way to read a whole list. Keep out: lists that are read by window (`issue_windows.py`).
"""

from collections.abc import Callable, Iterable

import dagster as dg

from assets.metadata import load_metadata, preview
from assets.raw.table_load import TableLoad, in_history
from resources.backlog.client import BacklogClient
from resources.backlog.errors import AuthenticationError, NotInPlan, PermanentError
from resources.backlog.models import Record


def load_whole(load: TableLoad, read: Callable[[], list[Record]]) -> None:
    """Load a list that the space has; a failed read is never an empty list, it leaves the rows as they are.

    Raises:
        BacklogError: the list cannot be read.
    """
    with in_history(load, "full"):
        load.store_listing(read())


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


def whole_table_result(load: TableLoad, checks: Iterable[dg.AssetCheckResult] = ()) -> "dg.MaterializeResult[None]":
    """Return what the UI shows of a table that is always read whole, and of the checks that its asset evaluates itself."""
    return dg.MaterializeResult(
        check_results=list(checks),
        metadata={
            **load_metadata(load.counts, load.requests, started_at=load.started_at),
            "dagster/row_count": load.row_count(),
            "preview": preview(load.first_rows()),
            **load.notes,
        },
    )
