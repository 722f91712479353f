"""The read side of Backlog's REST API v2, one method for each endpoint.

Holds: paths, and the check that an answer has the documented shape.

Records are plain dicts as received; code that stores or shows them masks people
(`resources/masking.py`). Lists are pages, which keep odd records apart. Source:
https://developer.nulab.com/docs/backlog/, API reference.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Self

import httpx

from resources.backlog import waits
from resources.backlog.answers import (
    ACTIVITY,
    COMMENT,
    DEEPEST,
    ISSUE,
    MOST_COUNTED,
    PLAIN,
    PROJECT,
    Kind,
    is_count,
    page_of,
    parse,
    placed,
)
from resources.backlog.client_values import IssueFilter, Params, RateLimit, Record, RequestStats
from resources.backlog.errors import BacklogError, MalformedResponse
from resources.backlog.paging import PAGE_SIZE, id_pages, offset_pages, with_an_end
from resources.backlog.ratelimit import RateLimiter, reported_limits
from resources.backlog.request_parts import given_parameters, page_parameters, path_part, space_root
from resources.backlog.transport import Transport
from resources.backlog.waits import OnWait
from resources.bounded_http import MOST_MEGABYTES, BoundedClient
from resources.conditions import Observer
from resources.records import Page
from resources.redact import protect_logs

_CONNECT_SECONDS = 5.0
#: A page of a hundred issues usually has 0.3 MB, and 10 MB with long descriptions: these arrive in
#: time at 90 kB a second.
_TOTAL_SECONDS = 120.0


class BacklogClient:
    """Reads one space. Every method raises the errors of errors.py; 403 and 404 are never an empty
    list.

    Args:
        base_url: root of the space, `https://acme.backlog.com`.
        auth: signs requests.
        reserve: share of each rate window that is left to people.
        http: for tests; it is not closed.
        sleep: for tests.
        clock: for tests; returns epoch seconds.
        on_wait: called before each wait for a rate window.
        observe: gets what requests show about the space as a whole.
        max_wait: seconds that all waits between the retries of a request may take.
        timeout: seconds until the source sends something.
        total: seconds until the answer is complete.
        megabytes: largest size of an answer.
    """

    def __init__(
        self,
        base_url: str,
        auth: httpx.Auth,
        *,
        reserve: float = 0.2,
        http: BoundedClient | httpx.Client | None = None,
        sleep: Callable[[float], None] = waits.sleep,
        clock: Callable[[], float] = time.time,
        on_wait: OnWait | None = None,
        observe: Observer | None = None,
        max_wait: float = 600.0,
        timeout: float = 60.0,
        total: float = _TOTAL_SECONDS,
        megabytes: float = MOST_MEGABYTES,
    ) -> None:
        protect_logs()
        self.base_url = space_root(base_url)
        patience = httpx.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS))
        self._owned = None if http else BoundedClient(total, timeout=patience, megabytes=megabytes)
        client = http or self._owned
        assert client is not None  # noqa: S101 - one of the two is set
        self._limiter = RateLimiter(reserve, clock, sleep)
        self._transport = Transport(
            self.base_url,
            auth,
            client,
            limiter=self._limiter,
            sleep=sleep,
            on_wait=on_wait,
            observe=observe,
            max_wait=max_wait,
        )
        self._space: Record | None = None
        self._visible: Page | None = None

    def __repr__(self) -> str:
        return f"BacklogClient({self.base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, unless they belong to the caller."""
        if self._owned is not None:
            self._owned.close()

    @property
    def stats(self) -> RequestStats:
        """Counters since the client was created, live; use `.snapshot()` to subtract later."""
        return self._transport.stats

    @property
    def server_time(self) -> datetime | None:
        """The source's clock: the `Date` header of the last answer (UTC), None before the first."""
        return self._limiter.server_time

    @property
    def quickest_answer(self) -> float:
        """Seconds that the fastest of the last answers took, 0 before the first."""
        return self._transport.quickest_answer

    @property
    def rate_limits(self) -> dict[str, RateLimit]:
        """The rate window of each bucket, from the headers of the last answer; sends no request."""
        return dict(self._limiter.limits)

    @property
    def reserve(self) -> float:
        """The share of each rate window that is left to people."""
        return self._limiter.reserve

    @property
    def on_wait(self) -> OnWait | None:
        """Called as `on_wait(bucket, seconds, until)` before each wait for a rate window."""
        return self._transport.on_wait

    @on_wait.setter
    def on_wait(self, hook: OnWait | None) -> None:
        self._transport.on_wait = hook

    # -- what the warehouse declares ---------------------------------------------------------------

    def listed(self, path: str, project: int | str | None = None) -> Page:
        """Fetch a list of the space, or of a project, whose id replaces `:id` in the path, as in
        `/projects/:id/statuses`.

        Records of a project's list may name the project in `projectId`, but old spaces omit it in
        some.
        """
        return self._list(path if project is None else path.replace(":id", path_part(project)))

    def listed_pages(self, path: str) -> Iterator[Page]:
        """Yield the pages of a list of the space, oldest first."""
        return with_an_end(
            path,
            offset_pages(
                lambda offset, count: self._list(
                    path, [("order", "asc"), *page_parameters(offset, count)]
                )
            ),
        )

    def record(self, path: str) -> Record:
        """Fetch one object, such as the space itself."""
        return self._object(path)

    # -- space and users ---------------------------------------------------------------------------

    def space(self) -> Record:
        """Fetch `/space`: key, name, zone."""
        space = self._object("/space")
        for name in ("spaceKey", "timezone"):
            if not isinstance(space.get(name), str) or not space[name]:
                raise MalformedResponse(f"GET /space: the answer has no text `{name}`")
        return space

    def space_info(self) -> Record:
        """Return `/space` as first fetched by this client, so that the assets of a run share one
        request.
        """
        if self._space is None:
            self._space = self.space()
        return self._space

    def myself(self) -> Record:
        """Fetch the user of the key."""
        return self._object("/users/myself")

    def rate_limit(self) -> dict[str, RateLimit]:
        """Fetch `/rateLimit`: the window of each bucket."""
        return reported_limits(self._object("/rateLimit"))

    def users(self) -> Page:
        """Fetch all users; PermissionDenied unless the key is an administrator's."""
        return self._list("/users")

    # -- projects ----------------------------------------------------------------------------------

    def projects(self, *, archived: bool | None = None, all_: bool | None = None) -> Page:
        """Fetch projects. `archived` None: both kinds; `all_` works for administrators only."""
        return self._list("/projects", given_parameters(archived=archived, all=all_), PROJECT)

    def visible_projects(self) -> Page:
        """Return every project that the key's user has joined, including archived ones, as first
        fetched by this client.
        """
        if self._visible is None:
            self._visible = self.projects()
        return self._visible

    def project(self, project: int | str) -> Record:
        """Fetch one project by id or key."""
        return self._object(f"/projects/{path_part(project)}")

    def project_users(self, project: int | str) -> Page:
        """Fetch the members of a project, including those who are members only through a team."""
        return self._list(f"/projects/{path_part(project)}/users")

    # -- issues ------------------------------------------------------------------------------------

    def issues_count(self, issue_filter: IssueFilter) -> int:
        """Count the issues of a filter (`/issues/count`)."""
        return self._count("/issues/count", issue_filter.params())

    def issue(self, issue: int | str) -> Record:
        """Fetch one issue by id or key."""
        return self._object(f"/issues/{path_part(issue)}")

    def issue_again(self, issue_key: str) -> Page:
        """Fetch one issue by its key, as a page because it may still be odd."""
        value, deep = self._get(f"/issues/{path_part(issue_key)}", [])
        return page_of([value], ISSUE, deep=deep, now=self.server_time)

    def issue_page(
        self, issue_filter: IssueFilter, offset: int = 0, count: int = PAGE_SIZE
    ) -> Page:
        """Fetch one page of `/issues`, at most 100 items, each as complete as a single issue."""
        return self._list(
            "/issues", [*issue_filter.params(), *page_parameters(offset, count)], ISSUE
        )

    def refusal(self, issue_filter: IssueFilter) -> BacklogError | None:
        """Return why the source does not list the issues of a filter, None if it does; one attempt
        (`/issues`).
        """
        return self._transport.refusal(
            "GET", "/issues", [*issue_filter.params(), *page_parameters(0, 1)]
        )

    def issues(self, issue_filter: IssueFilter) -> Iterator[Page]:
        """Yield pages of `/issues` as they come. An issue that changes position meanwhile may be
        missed or seen twice; scan.py is exact.
        """
        return with_an_end(
            "/issues",
            offset_pages(lambda offset, count: self.issue_page(issue_filter, offset, count)),
        )

    def comments(
        self,
        issue: int | str,
        *,
        min_id: int | None = None,
        max_id: int | None = None,
        order: str = "asc",
    ) -> Iterator[Page]:
        """Yield pages of an issue's comments with ids strictly between the bounds."""
        path = f"/issues/{path_part(issue)}/comments"
        return with_an_end(path, self._by_id(path, [], min_id, max_id, order, COMMENT))

    def activities(
        self,
        project: int | str | None = None,
        *,
        type_ids: Sequence[int] = (),
        min_id: int | None = None,
        max_id: int | None = None,
        order: str = "asc",
    ) -> Iterator[Page]:
        """Yield pages of the activities of a project, or of the space, with ids strictly between
        the bounds.
        """
        path = (
            "/space/activities" if project is None else f"/projects/{path_part(project)}/activities"
        )
        types = [("activityTypeId[]", str(type_id)) for type_id in type_ids]
        return self._by_id(path, types, min_id, max_id, order, ACTIVITY)

    # -- shapes of answers -------------------------------------------------------------------------

    def _by_id(
        self,
        path: str,
        params: Params,
        min_id: int | None,
        max_id: int | None,
        order: str,
        kind: Kind,
    ) -> Iterator[Page]:
        def fetch(low: int | None, high: int | None, count: int) -> Page:
            page = self._list(
                path,
                [*params, *given_parameters(minId=low, maxId=high, count=count, order=order)],
                kind,
            )
            return (
                placed(page, low, ascending=True)
                if order == "asc"
                else placed(page, high, ascending=False)
            )

        return id_pages(fetch, min_id=min_id, max_id=max_id, order=order)

    def _count(self, path: str, params: Params) -> int:
        count = self._object(path, params).get("count")
        if not is_count(count):
            raise MalformedResponse(
                f"GET {path}: `count` is not a number from 0 to {MOST_COUNTED}: {str(count)[:40]!r}"
            )
        return int(str(count))

    def _list(self, path: str, params: Params | None = None, kind: Kind = PLAIN) -> Page:
        value, deep = self._get(path, params or [])
        if not isinstance(value, list):
            raise MalformedResponse(
                f"GET {path}: a list of objects was expected, got {type(value).__name__}"
            )
        return page_of(value, kind, deep=deep, now=self.server_time)

    def _object(self, path: str, params: Params | None = None) -> Record:
        value, deep = self._get(path, params or [])
        if not isinstance(value, dict):
            raise MalformedResponse(
                f"GET {path}: an object was expected, got {type(value).__name__}"
            )
        if deep:
            raise MalformedResponse(
                f"GET {path}: the answer is nested deeper than {DEEPEST} levels"
            )
        return value

    def _get(self, path: str, params: Params) -> tuple[Any, bool]:
        """Return the parsed answer, and whether a part of it is nested too deeply."""
        for _ in range(2):  # JSON that was cut off in transit may arrive complete the second time
            response = self._transport.send("GET", path, params)
            kind = response.headers.get("content-type", "no content type")
            try:
                return parse(response.content)
            except ValueError:
                if "json" not in kind:
                    break
        said = f"GET {path}: {response.status_code}, but the body is not JSON ({kind})"
        error = MalformedResponse(
            f"{said}; is BACKLOG_URL the root of a Backlog space?",
            status=response.status_code,
            cause="not_a_space",
        )
        self._transport.report(error, "GET", path)
        raise error
