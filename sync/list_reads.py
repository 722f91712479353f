"""Lists as the source gives them: of the space, of each project, and the part that projects show of
a list that only administrators may read.
"""

from collections.abc import Generator
from dataclasses import dataclass

from resources.backlog.client import BacklogClient
from resources.backlog.errors import AuthenticationError, IncompleteScan, PermanentError
from resources.backlog.paging import PAGE_SIZE
from resources.records import Page
from resources.warehouse.raw.spec import TableSpec

#: Reads of a list that takes several pages, at most; two that agree are enough.
PASSES = 4


@dataclass(frozen=True)
class ListOfProject:
    """The list of a project, or why it refuses it."""

    project_id: int
    key: str
    listed: Page | PermanentError


def read_list(client: BacklogClient, spec: TableSpec) -> Page:
    """Return the list of the space that a table holds.

    Raises:
        BacklogError: the list cannot be read, or has changed during each read of its pages.
    """
    if spec.listing and spec.listing.paged:
        return _all_pages(client, spec)
    return client.listed(spec.path)


def read_lists_of_projects(
    client: BacklogClient, path: str
) -> Generator[ListOfProject, None, None]:
    """Yield the list of each project that the key can see.

    Raises:
        BacklogError: the key is refused or the source is not available, which is so for every
            project.
    """
    for project in client.visible_projects():
        key = str(project["projectKey"])
        try:
            listed: Page | PermanentError = client.listed(path, key)
        except AuthenticationError:
            raise
        except PermanentError as error:
            listed = error
        yield ListOfProject(int(project["id"]), key, listed)


def read_shown_by_projects(
    client: BacklogClient, path: str
) -> tuple[Page, dict[str, PermanentError]]:
    """Return what the lists of all projects show together, each record once, and key -> why a
    project refuses its list.

    Raises:
        BacklogError: all projects refuse, the key is refused or the source is not available.
    """
    lists = list(read_lists_of_projects(client, path))
    pages = [one.listed for one in lists if isinstance(one.listed, Page)]
    refused = {one.key: one.listed for one in lists if isinstance(one.listed, PermanentError)}
    if refused and not pages:
        raise next(iter(refused.values()))
    records = {record["id"]: record for page in pages for record in page}
    return Page(records.values(), (odd for page in pages for odd in page.odd)), refused


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
