"""Exact reading: everything that is there is read, whatever happens meanwhile, with few
requests.
"""

import math
from datetime import datetime, timedelta
from itertools import pairwise

import httpx
import pytest

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient
from resources.backlog.errors import MalformedResponse, NotFound
from resources.backlog.scan import scan_changes, scan_window
from resources.backlog.window import COUNTED, ONE_PAGE, Window
from tests.resources.backlog.conftest import Wire, error
from tests.resources.backlog.hostile import START, HostileSpace, ids, read

ALL = Window((1,))
DAY = timedelta(days=1)


# -- what it costs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1, 99, 100, 101, 195, 1000, 2500])
def test_a_first_load_costs_a_tenth_more_than_its_pages_and_a_few_requests(number: int) -> None:
    space = HostileSpace().history(number)
    scan = scan_window(space.client(), ALL)
    rows = read(scan)
    assert sorted(row["id"] for row in rows) == sorted(space.issues)
    assert len(space.asked) <= (1 if number < 100 else math.ceil(number / 100) * 1.1 + 2)
    assert (scan.proof.how, scan.proof.count) == (
        (ONE_PAGE, None) if number < 100 else (COUNTED, number)
    )
    assert scan.seen_ids == set(space.issues)


def test_a_quiet_source_of_twenty_projects_costs_one_request() -> None:
    space = HostileSpace()
    for project in range(1, 21):
        space.history(40, every=timedelta(days=3), project=project)
    for row in space.issues.values():
        row.updated = min(row.updated, START - timedelta(hours=1))
    scan = scan_changes(space.client(), range(1, 21), START - timedelta(minutes=30))
    assert read(scan) == []
    assert len(space.asked) == 1


@pytest.mark.parametrize(
    ("number", "requests"), [(0, 1), (19, 1), (20, 3), (99, 3), (100, 6), (1000, 22), (2500, 38)]
)
def test_changes_cost_a_request_a_hundred_and_a_few_more_on_a_busy_day_too(
    number: int, requests: int
) -> None:
    space = HostileSpace().history(3000, every=timedelta(seconds=40))
    for row in space.issues.values():
        row.updated = min(row.updated, START - timedelta(minutes=90))
    changed = set(list(space.issues)[:number])
    for second, issue_id in enumerate(changed):
        space.edit(issue_id, START - timedelta(seconds=3000 - second))
    scan = scan_changes(space.client(), (1,), START - timedelta(minutes=60))
    assert ids(read(scan)) == changed
    assert len(space.asked) <= requests
    assert (
        int(space.asked[0].url.params["count"]) == 20
    )  # a tick that finds nothing moves few rows over the wire


def test_projects_beyond_a_hundred_are_asked_for_in_several_requests() -> None:
    space = HostileSpace()
    for project in range(1, 251):
        space.create(project=project)
    scan = scan_changes(space.client(), range(1, 251), START - DAY)
    assert len(read(scan)) == 250
    assert [len(request.url.params.get_list("projectId[]")) for request in space.asked[:1]] == [100]
    assert scan.seen_ids == set(space.issues)
    window = scan_window(space.client(), Window(tuple(range(1, 251))))
    assert len(read(window)) == 250
    assert window.proof.rows == 250


def test_no_projects_cost_no_request_and_leave_the_watermark() -> None:
    space = HostileSpace()
    scan = scan_changes(space.client(), (), START)
    assert read(scan) == []
    assert scan.next_watermark == START
    assert space.asked == []


# -- windows ---------------------------------------------------------------------------------------


def test_a_whole_backfill_sends_no_date_filter() -> None:
    space = HostileSpace().history(250)
    read(scan_window(space.client(), ALL))
    assert not [
        name
        for request in space.asked
        for name in request.url.params
        if "Since" in name or "Until" in name
    ]


@pytest.mark.parametrize("zone", [-12, -8, 0, 9, 14])
@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("hour", [0, 11, 23])
def test_a_window_is_exact_to_the_second_in_whatever_zone_the_days_are_read(
    zone: int, inclusive: bool, hour: int
) -> None:
    space = HostileSpace(zone=zone, inclusive=inclusive)
    since, until = (
        datetime.fromisoformat(f"2026-03-01T{hour:02}:30:00Z"),
        datetime.fromisoformat(f"2026-03-02T{hour:02}:30:00Z"),
    )
    second = timedelta(seconds=1)
    for moment in (since - second, since, until - second, until):
        space.create(at=moment)
    assert sorted(ids(read(scan_window(space.client(), Window((1,), since, until))))) == [2, 3]
    assert sorted(ids(read(scan_window(space.client(), Window((1,), since, None))))) == [2, 3, 4]
    assert sorted(ids(read(scan_window(space.client(), Window((1,), None, until))))) == [1, 2, 3]
    changes = scan_changes(space.client(), (1,), since, lookback=timedelta(0))
    assert sorted(ids(read(changes))) == [2, 3, 4]


def test_the_windows_of_all_months_together_are_the_whole_project() -> None:
    space = HostileSpace().history(900, every=timedelta(hours=3))
    client = space.client()
    months = [
        datetime.fromisoformat(f"{month}-01T00:00:00+09:00")
        for month in ("2025-12", "2026-01", "2026-02", "2026-03")
    ]
    bounds = [None, *months, None]
    found = [
        row["id"]
        for since, until in pairwise(bounds)
        for row in read(scan_window(client, Window((1,), since, until)))
    ]
    assert sorted(found) == sorted(space.issues)


def test_a_batch_is_a_page_and_is_read_only_when_it_is_asked_for() -> None:
    space = HostileSpace().history(1000)
    scan = scan_window(space.client(), ALL)
    assert space.asked == []
    assert scan.checkpoint is None
    for pages in range(1, 11):
        assert 90 < len(next(scan)) <= 100
        assert len(space.asked) == pages
    with pytest.raises(RuntimeError, match="not read to its end"):
        _ = scan.proof
    assert [len(batch) for batch in scan] == [1000 - 100 - 9 * 97]


def test_instants_without_a_zone_are_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        Window((1,), datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


# -- the watermark ---------------------------------------------------------------------------------


def test_the_next_watermark_is_the_servers_clock_at_the_start_of_the_pass() -> None:
    space = HostileSpace(
        meanwhile=lambda space: setattr(space, "now", space.now + timedelta(minutes=7))
    )
    space.history(450, every=timedelta(minutes=1))
    scan = scan_changes(space.client(), (1,), START - DAY)
    with pytest.raises(RuntimeError, match="not asked"):
        _ = scan.started_at
    read(scan)
    assert len(space.asked) > 3
    assert scan.next_watermark == scan.started_at == START + timedelta(minutes=7)


def test_a_source_without_a_date_header_is_refused() -> None:
    space = HostileSpace()
    space.create()

    def dateless(request: httpx.Request) -> httpx.Response:
        answer = space.answer(request)
        del answer.headers["Date"]
        return answer

    http = httpx.Client(transport=httpx.MockTransport(dateless))
    client = BacklogClient("https://acme.backlog.test", ApiKeyQuery("hostile-key"), http=http)
    with pytest.raises(MalformedResponse, match="Date header"):
        read(scan_window(client, ALL))


def test_changes_within_the_lookback_are_read_again() -> None:
    space = HostileSpace()
    for second in range(100):
        space.create(at=START - timedelta(seconds=second))
    rows = read(scan_changes(space.client(), (1,), START, lookback=timedelta(seconds=30)))
    assert len(rows) == 31


# -- a source that is wrong ------------------------------------------------------------------------


def test_a_project_that_cannot_be_seen_fails_the_scan(client: BacklogClient, wire: Wire) -> None:
    wire.answers = [error(404, 6)]
    with pytest.raises(NotFound):
        read(scan_changes(client, (1, 2, 3), START))


def test_records_without_an_id_or_dates_are_passed_on_and_spoil_no_window(
    client: BacklogClient, wire: Wire
) -> None:
    good = {"id": 1, "created": "2026-03-01T00:00:00Z"}
    odd = [
        {"id": 2, "created": "yesterday"},
        {"created": "2026-03-02T00:00:00Z", "summary": "no id"},
    ]
    wire.answers = [httpx.Response(200, json=[good, *odd])]
    assert read(scan_window(client, ALL)) == [good, *odd]


def test_a_page_of_records_that_are_no_issues_is_an_error(
    client: BacklogClient, wire: Wire
) -> None:
    wire.answers = [
        httpx.Response(200, json=[{"id": number, "created": "yesterday"} for number in range(100)])
    ]
    with pytest.raises(
        MalformedResponse, match="100 of 100 issues are odd: created is no time at which"
    ):
        read(scan_window(client, ALL))


def test_what_came_in_meanwhile_is_looked_for_among_the_newest_changes_only() -> None:
    space = HostileSpace()
    moving = space.create(project=2, at=START - timedelta(days=9))
    space.history(400, every=timedelta(minutes=5))
    for row in space.issues.values():
        row.updated = START - timedelta(hours=8)

    def meanwhile(space: HostileSpace) -> None:
        if len(space.asked) == 3:
            space.move(moving, 1)

    space.meanwhile = meanwhile
    scan = scan_window(space.client(), ALL)
    assert ids(read(scan)) == set(space.issues)
    assert len(space.asked) == 7  # five pages, the count, and one look


def test_a_pass_ends_where_issues_begin_that_were_created_meanwhile() -> None:
    space = HostileSpace().history(250)

    def meanwhile(space: HostileSpace) -> None:
        space.now += timedelta(seconds=30)
        for _ in range(20):
            space.create()

    there, space.meanwhile = set(space.issues), meanwhile
    scan = scan_window(space.client(), ALL)
    assert ids(read(scan)) >= there
    # Two passes of three pages, though there are more pages by then.
    assert (
        scan.proof.passes,
        [request.url.params.get("order") for request in space.asked].count("asc"),
    ) == (2, 6)
