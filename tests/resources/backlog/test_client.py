"""Paths, parameters, records as received, and what the client remembers."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import IssueFilter, RateLimit, RequestStats
from resources.backlog.errors import MalformedResponse, NotFound
from resources.backlog.ratelimit import bucket_of
from tests.resources.backlog.conftest import EPOCH, KEY, Wire, error, limits

Ask = Callable[[BacklogClient], Any]
ASKED: list[tuple[Ask, str]] = [
    (lambda c: c.users(), "/users"),
    (lambda c: c.projects(archived=False, all_=True), "/projects?archived=false&all=true"),
    (lambda c: c.projects(), "/projects"),
    (lambda c: c.project_users("OPS"), "/projects/OPS/users"),
    (lambda c: c.listed("/projects/:id/teams", 300), "/projects/300/teams"),
    (lambda c: c.listed("/projects/:id/statuses", "OPS"), "/projects/OPS/statuses"),
    (lambda c: c.listed("/priorities"), "/priorities"),
    (lambda c: list(c.listed_pages("/teams")), "/teams?order=asc&offset=0&count=100"),
    (lambda c: list(c.comments(7, min_id=5)), "/issues/7/comments?minId=5&count=100&order=asc"),
    (
        lambda c: list(c.activities(type_ids=(1, 4))),
        "/space/activities?activityTypeId[]=1&activityTypeId[]=4&count=100&order=asc",
    ),
    (
        lambda c: list(c.activities("OPS", max_id=9, order="desc")),
        "/projects/OPS/activities?maxId=9&count=100&order=desc",
    ),
    (
        lambda c: c.issue_page(IssueFilter(project_id=(1, 2)), 97),
        "/issues?projectId[]=1&projectId[]=2&offset=97&count=100",
    ),
    (lambda c: list(c.issues(IssueFilter(id=(0,)))), "/issues?id[]=0&offset=0&count=100"),
]


@pytest.mark.parametrize(("ask", "expected"), ASKED, ids=[expected for _, expected in ASKED])
def test_each_list_asks_its_own_path(
    client: BacklogClient, wire: Wire, ask: Ask, expected: str
) -> None:
    wire.answers = [httpx.Response(200, json=[])]
    assert ask(client) == []
    [request] = wire.requests
    assert request.url.params["apiKey"] == KEY
    query = "&".join(
        f"{name}={value}" for name, value in request.url.params.multi_items() if name != "apiKey"
    )
    path = request.url.path.removeprefix("/api/v2")
    assert (f"{path}?{query}" if query else path) == expected


def test_a_filter_sends_what_is_set_and_nothing_else() -> None:
    assert IssueFilter().params() == []
    assert IssueFilter(
        resolution_id=(0,),
        parent_child=0,
        attachment=False,
        keyword="",
        updated_since=date(2026, 8, 1),
        sort="created",
    ).params() == [
        ("resolutionId[]", "0"),
        ("parentChild", "0"),
        ("attachment", "false"),
        ("keyword", ""),
        ("updatedSince", "2026-08-01"),
        ("sort", "created"),
    ]


def test_a_key_with_odd_characters_stays_one_part_of_the_path(
    client: BacklogClient, wire: Wire
) -> None:
    wire.answers = [httpx.Response(200, json=[])]
    client.listed("/projects/:id/statuses", "a/b?c#d")
    assert wire.requests[0].url.raw_path.startswith(b"/api/v2/projects/a%2Fb%3Fc%23d/statuses")


def test_records_come_as_they_were_received_with_lone_surrogates_and_big_numbers(
    client: BacklogClient, wire: Wire
) -> None:
    body = (
        '[{"id":9007199254740993,"name":"\\ud83d半分","full":"😀\\u0000","hours":2.5,'
        '"resolution":{"id":0},"projectKey":"OPS"}]'
    )
    kind = {"Content-Type": "application/json; charset=latin-1"}  # it is UTF-8 whatever is said
    wire.answers = [httpx.Response(200, content=body.encode(), headers=kind)]
    assert client.projects() == [
        {
            "id": 9007199254740993,
            "name": "\ud83d半分",
            "full": "😀\x00",
            "hours": 2.5,
            "resolution": {"id": 0},
            "projectKey": "OPS",
        }
    ]


@pytest.mark.parametrize(
    ("ask", "answer", "said"),
    [
        (lambda c: c.issues_count(IssueFilter()), {"n": 3}, "count"),
        (lambda c: c.rate_limit(), {"n": 3}, "rateLimit"),
        (lambda c: c.space(), [], "an object was expected"),
        (lambda c: c.myself(), [], "an object was expected"),
    ],
)
def test_a_count_and_an_object_that_have_another_shape_are_malformed(
    client: BacklogClient, wire: Wire, ask: Ask, answer: Any, said: str
) -> None:
    wire.answers = [httpx.Response(200, json=answer)]
    with pytest.raises(MalformedResponse, match=said):
        ask(client)


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: list(c.issues(IssueFilter(project_id=(1,)))),
        lambda c: list(c.comments(1)),
        lambda c: c.visible_projects(),
    ],
)
def test_a_project_without_access_is_never_an_empty_list(
    client: BacklogClient, wire: Wire, ask: Ask
) -> None:
    wire.answers = [error(404, 6)]
    with pytest.raises(NotFound):
        ask(client)


def test_the_space_and_the_projects_are_fetched_once_for_all_who_ask(
    client: BacklogClient, wire: Wire
) -> None:
    space, project = {"spaceKey": "acme", "timezone": "Asia/Tokyo"}, {"id": 1, "projectKey": "OPS"}
    wire.answers = [httpx.Response(200, json=space), httpx.Response(200, json=[project])]
    assert client.space_info() == client.space_info() == space
    assert client.visible_projects() == client.visible_projects() == [project]
    assert len(wire.requests) == 2


def test_the_rate_limits_are_known_from_the_endpoint_and_from_any_answer(
    client: BacklogClient, wire: Wire
) -> None:
    body = {"rateLimit": {"search": {"limit": 150, "remaining": 149, "reset": int(EPOCH)}}}
    wire.answers = [httpx.Response(200, json=body, headers=limits(600, 588, int(EPOCH) + 9))]
    assert client.rate_limit() == {
        "search": RateLimit(150, 149, datetime.fromtimestamp(EPOCH, UTC))
    }
    assert client.rate_limits == {
        "read": RateLimit(600, 588, datetime.fromtimestamp(EPOCH + 9, UTC))
    }
    assert client.stats.remaining == {"read": 588}


def test_what_was_spent_between_two_moments_is_their_difference(
    client: BacklogClient, wire: Wire
) -> None:
    wire.answers = [httpx.Response(200, json=[], headers=limits(600, 500, int(EPOCH) + 9))]
    client.users()
    before = client.stats.snapshot()
    client.users()
    client.issue_page(IssueFilter())
    spent = client.stats - before
    assert spent == RequestStats(Counter(read=1, search=1), remaining={"read": 500, "search": 500})
    assert (spent.total, before.total) == (2, 1)


@pytest.mark.parametrize(
    ("method", "path", "bucket"),
    [
        ("GET", "/issues", "search"),
        ("GET", "/issues/count", "search"),
        ("GET", "/wikis/count", "search"),
        ("GET", "/documents", "search"),
        ("GET", "/issues/7", "read"),
        ("GET", "/issues/7/comments", "read"),
        ("GET", "/rateLimit", "read"),
        ("GET", "/users/3/icon", "icon"),
        ("GET", "/space/image", "icon"),
        ("POST", "/issues", "update"),
    ],
)
def test_each_request_is_counted_in_the_bucket_that_backlog_counts_it_in(
    method: str, path: str, bucket: str
) -> None:
    assert bucket_of(method, path) == bucket


def test_an_http_client_of_the_caller_is_left_open(clock: Any, wire: Wire) -> None:
    wire.answers = [httpx.Response(200, json=[])]
    with httpx.Client(transport=httpx.MockTransport(wire)) as http:
        with BacklogClient("https://acme.backlog.test", httpx.Auth(), http=http) as client:
            client.projects()
        assert not http.is_closed
