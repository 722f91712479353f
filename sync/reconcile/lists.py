"""The tables that are read whole: which list of the source each holds, and the rows that belong to
it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import Record
from resources.backlog.errors import NotInPlan, PermissionDenied
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.spec import TableSpec


@dataclass(frozen=True)
class Listed:
    """A list as the source gave it; when it is not `whole`, a row that is not in it may still be
    there.
    """

    records: Sequence[Record]
    whole: bool = True


#: What the client reads for its own use, too; its copy does where the list need not be fresh.
_COPIES: Final[dict[str, Callable[[BacklogClient], list[Record]]]] = {
    "space": lambda client: [client.space_info()],
    "projects": lambda client: client.visible_projects().everything,
}
#: Tables that hold a list of the space, in the order in which they are read.
OF_SPACE: Final = tuple(
    spec.name
    for spec in SPECS.values()
    if spec.listing and not spec.daily and not spec.of_each_project
)
#: Tables that hold a list of each project.
OF_PROJECT: Final = tuple(spec.name for spec in SPECS.values() if spec.of_each_project)


def read_list(
    client: BacklogClient, table: str, project_id: int | None, *, fresh: bool
) -> Listed | None:
    """Return a list of the source, None when the plan of the space has no such thing; stored rows
    then stay as they are.

    Not `fresh`: what the client has read before will do.

    Raises:
        BacklogError: the list is refused or the source is not available.
    """
    spec = SPECS[table]
    if project_id is not None:
        try:
            return Listed(client.listed(spec.path, project_id).everything)
        except NotInPlan:
            return None
    if table in _COPIES and not fresh:
        return Listed(_COPIES[table](client))
    if table == "space":
        return Listed([client.space()])
    seen_at = spec.listing.seen_at if spec.listing else None
    try:
        return Listed(_all_of(client, spec))
    except PermissionDenied:
        if seen_at is None:
            raise
        projects = [int(project["id"]) for project in client.visible_projects()]
        seen = {
            str(record.get("id") if isinstance(record, dict) else record): record
            for project in projects
            for record in client.listed(seen_at.removeprefix("GET "), project).everything
        }
        return Listed(list(seen.values()), whole=False)


def _all_of(client: BacklogClient, spec: TableSpec) -> list[Record]:
    if spec.listing and spec.listing.paged:
        return [one for page in client.listed_pages(spec.path) for one in page.everything]
    return client.listed(spec.path).everything
