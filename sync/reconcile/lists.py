"""The tables that are read whole: which list of the source each holds, and the rows that belong to
it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import Record
from resources.backlog.errors import NotInPlan, PermissionDenied
from sync import listings


@dataclass(frozen=True)
class Listed:
    """A list as the source gave it; when it is not `whole`, a row that is not in it may still be
    there.
    """

    records: Sequence[Record]
    whole: bool = True


#: Lists of the space that are not read like the others.
_READ_OTHERWISE: Final[dict[str, Callable[[BacklogClient], list[Record]]]] = {
    "space": lambda client: [client.space()],
    "users": lambda client: client.users().everything,
    "projects": lambda client: client.projects().everything,
    "teams": lambda client: [team for page in client.teams() for team in page.everything],
}
#: What the client has read for its own use already.
_COPIES: Final[dict[str, Callable[[BacklogClient], list[Record]]]] = {
    "space": lambda client: [client.space_info()],
    "projects": lambda client: client.visible_projects().everything,
}
#: What an ordinary key sees of the lists that it may not read: the same of each project.
_SEEN: Final[dict[str, Callable[[BacklogClient, int], list[Record]]]] = {
    "users": lambda client, project: client.project_users(project).everything,
    "teams": lambda client, project: client.project_teams(project).everything,
}
#: Lists of the space, in the order in which they are read.
OF_SPACE: Final = (*_READ_OTHERWISE, *listings.OF_SPACE)
#: Lists that each project has.
OF_PROJECT: Final = tuple(listings.OF_PROJECT)


def read_list(
    client: BacklogClient, table: str, project_id: int | None, *, fresh: bool
) -> Listed | None:
    """Return a list of the source, None when the plan of the space has no such thing; stored rows
    then stay as they are.

    Not `fresh`: what the client has read before will do.

    Raises:
        BacklogError: the list is refused or the source is not available.
    """
    if project_id is not None:
        try:
            return Listed(listings.OF_PROJECT[table](client, project_id).everything)
        except NotInPlan:
            return None
    if table in listings.OF_SPACE:
        return Listed(listings.OF_SPACE[table](client).everything)
    try:
        return Listed((_READ_OTHERWISE if fresh else _READ_OTHERWISE | _COPIES)[table](client))
    except PermissionDenied:
        if table not in _SEEN:
            raise
        projects = [int(project["id"]) for project in client.visible_projects()]
        seen = {
            str(record.get("id") if isinstance(record, dict) else record): record
            for project in projects
            for record in _SEEN[table](client, project)
        }
        return Listed(list(seen.values()), whole=False)
