"""Issues that are requested by id: how many fit one request, and which of them the source does not
return.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import IssueFilter
from resources.backlog.scan import PROJECTS_PER_REQUEST
from resources.records import Page

#: Ids in one request of `GET /issues?id[]=`; a page holds as many.
IDS_PER_REQUEST = 100

_Item = TypeVar("_Item")


def chunks(values: Iterable[_Item], size: int) -> Iterator[tuple[_Item, ...]]:
    """Yield the values in tuples of at most `size`."""
    iterator = iter(values)
    while chunk := tuple(islice(iterator, size)):
        yield chunk


class IssuesById:
    """Asks for issues of projects by id: iterate over `pages()` to the end, then `absent` has the
    ids that no page had, sorted.

    Where a page has a record without an id, that may be any of those that were asked for, and none
    of them is absent.
    """

    def __init__(
        self, client: BacklogClient, ids: Collection[int], project_ids: Collection[int]
    ) -> None:
        self.absent: list[int] = []
        self._client, self._ids, self._project_ids = client, sorted(ids), tuple(project_ids)

    def pages(self) -> Iterator[Page]:
        """Yield a page for each request: a hundred ids in a hundred projects."""
        for asked in chunks(self._ids, IDS_PER_REQUEST):
            missing = set(asked)
            for projects in chunks(self._project_ids, PROJECTS_PER_REQUEST):
                if missing:
                    page = self._client.issue_page(
                        IssueFilter(project_id=projects, id=tuple(sorted(missing)))
                    )
                    yield page
                    missing = set() if page.lacks_id else missing - page.ids
            self.absent += sorted(missing)
