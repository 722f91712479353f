"""Issues that are requested by id: how many fit one request, which of them the source does not
return, and which projects refuse to be asked.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import IssueFilter
from resources.backlog.errors import (
    AuthenticationError,
    BacklogError,
    PermanentError,
    Unavailable,
)
from resources.backlog.scan import PROJECTS_PER_REQUEST
from resources.records import Page

#: Ids in one request of `GET /issues?id[]=`; a page holds as many.
IDS_PER_REQUEST = 100
#: So many groups of projects may wait to be asked while none is answered for.
MOST_GROUPS = 8

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

    A project that refuses, or that the source cannot serve, while it answers for another one, is
    left out from then on: `refused` has it, with the error. An absent issue may be in it.
    """

    def __init__(
        self, client: BacklogClient, ids: Collection[int], project_ids: Collection[int]
    ) -> None:
        self.absent: list[int] = []
        self.refused: dict[int, BacklogError] = {}
        self._client, self._ids, self._project_ids = client, sorted(ids), tuple(project_ids)

    def pages(self) -> Iterator[Page]:
        """Yield a page for each request: a hundred ids in a hundred projects.

        Raises:
            BacklogError: no project is answered for, or the key is not accepted.
        """
        for asked in chunks(self._ids, IDS_PER_REQUEST):
            missing = set(asked)
            for projects in chunks(self._project_ids, PROJECTS_PER_REQUEST):
                if missing:
                    page = self._page(projects, missing)
                    yield page
                    missing = set() if page.lacks_id else missing - page.ids
            self.absent += sorted(missing)

    def _page(self, projects: Iterable[int], missing: Collection[int]) -> Page:
        """Return the answer of those of the projects that do not refuse."""
        while asked := tuple(one for one in projects if one not in self.refused):
            try:
                return self._client.issue_page(
                    IssueFilter(project_id=asked, id=tuple(sorted(missing)))
                )
            except AuthenticationError:
                raise
            except (PermanentError, Unavailable) as error:
                found = {asked[0]: error} if len(asked) == 1 else self._refusing(asked)
                if not found or self.refused.keys() | found >= {*self._project_ids}:
                    raise
                self.refused |= found
        return Page()

    def _refusing(self, projects: Sequence[int]) -> dict[int, BacklogError]:
        """Return which of several projects refuse, each with its error: halves of what is refused
        are asked by one attempt each. None where no half is answered for: then it is not because of
        a project.
        """
        found: dict[int, BacklogError] = {}
        groups, answered = deque(chunks(projects, (len(projects) + 1) // 2)), False
        while groups and (answered or len(groups) <= MOST_GROUPS):
            some = groups.popleft()
            error = self._client.refusal(IssueFilter(project_id=some))
            if not isinstance(error, PermanentError | Unavailable):
                answered = True
            elif len(some) == 1:
                found[some[0]] = error
            else:
                groups += chunks(some, (len(some) + 1) // 2)
        return found if answered else {}
