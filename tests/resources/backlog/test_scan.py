"""Exact reading: everything that is there is read, whatever happens meanwhile, with few
requests.
"""

import math
from datetime import datetime, timedelta

import httpx
import pytest

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient
from resources.backlog.errors import MalformedResponse
from resources.backlog.position import Position, Resume
from resources.backlog.scan import LOOKBACK, scan_changes, scan_window
from resources.backlog.window import COUNTED, ONE_PAGE, SEAMS, Window
from tests.resources.backlog.conftest import Wire
from tests.resources.backlog.hostile import START, HostileSpace, ids, read

ALL = Window((1,))
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


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
    assert len(space.asked[0].url.params.get_list("projectId[]")) == 100
    assert scan.seen_ids == set(space.issues)
    window = scan_window(space.client(), Window(tuple(range(1, 251))))
    assert len(read(window)) == window.proof.rows == 250


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
    since = datetime.fromisoformat(f"2026-03-01T{hour:02}:30:00Z")
    until = since + DAY
    for moment in (since - SECOND, since, until - SECOND, until):
        space.create(at=moment)
    for first, last, inside in (
        (since, until, {2, 3}),
        (since, None, {2, 3, 4}),
        (None, until, {1, 2, 3}),
    ):
        assert ids(read(scan_window(space.client(), Window((1,), first, last)))) == inside
    changes = scan_changes(space.client(), (1,), since, lookback=timedelta(0))
    assert ids(read(changes)) == {2, 3, 4}


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


# -- a source that is wrong ------------------------------------------------------------------------


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


# -- what another scan goes on from ----------------------------------------------------------------


def test_a_scan_can_be_resumed_where_its_projects_fit_one_request() -> None:
    client, at = HostileSpace().history(250).client(), Resume(Position(0, START), START)
    few, many = tuple(range(1, 101)), tuple(range(1, 102))
    for projects, known in ((few, True), (many, False)):
        scan = scan_window(client, Window(projects))
        next(scan)
        assert (scan.checkpoint is not None) is known
    scan_window(client, Window(few), resume=at)
    scan_changes(client, few, START, resume=at)
    with pytest.raises(ValueError, match="no position to continue from"):
        scan_window(client, Window(many), resume=at)
    with pytest.raises(ValueError, match="no position to continue from"):
        scan_changes(client, many, START, resume=at)


def test_a_resumed_scan_keeps_its_start_and_repeats_only_rows_at_its_position() -> None:
    space = HostileSpace().history(450)
    first = scan_window(space.client(), Window((1,)))
    given = [row["id"] for _ in range(2) for row in next(first)]
    resume = first.checkpoint
    assert resume is not None
    assert resume.started_at == START
    space.now += DAY
    second = scan_window(space.client(), Window((1,)), resume=resume)
    rest = [row["id"] for row in read(second)]
    assert {*given, *rest} == set(space.issues)
    assert [space.issues[row].created for row in {*given} & {*rest}] == [resume.position.key]
    assert (second.next_watermark, second.started_at) == (START, START + DAY)
    assert (second.proof.how, second.proof.resumed, second.proof.passes) == (SEAMS, True, 1)


@pytest.mark.parametrize(("seconds", "times"), [(0, 2), (1, 1)])
def test_a_row_of_two_pages_comes_again_where_it_may_have_changed(seconds: int, times: int) -> None:
    """From a minute before the start on: an answer may be older than it says."""
    space = HostileSpace().history(250)
    scan = scan_window(space.client(), Window((1,)))
    rows = [row["id"] for row in next(scan)]
    edited = rows[-2]
    space.edit(edited, START - LOOKBACK - seconds * SECOND)
    rows += [row["id"] for page in scan for row in page]
    assert rows.count(edited) == times
    assert len(rows) == 249 + times


def test_changes_from_the_very_second_of_the_window_on_are_read_and_none_before() -> None:
    space = HostileSpace().history(300, every=timedelta(hours=1))
    since = START - timedelta(minutes=10)
    inside, outside = space.create(at=since - LOOKBACK), space.create(at=since - LOOKBACK - SECOND)
    found = ids(read(scan_changes(space.client(), (1,), since)))
    assert found & {inside, outside} == {inside}


@pytest.mark.parametrize(("odd", "fails"), [(49, False), (50, True), (100, True)])
def test_a_full_page_of_which_half_is_odd_is_an_error(odd: int, fails: bool) -> None:
    space = HostileSpace().history(150)
    for number in range(101 - odd, 101):
        # The last ones of the first page.
        record = {"id": number, "projectId": 1, "created": "odd"}
        space.issues[number].json = lambda record=record: record  # type: ignore[method-assign,misc]
    scan = scan_window(space.client(), Window((1,)))
    if fails:
        with pytest.raises(
            MalformedResponse, match=f"{odd} of 100 issues are odd: created is no time"
        ):
            read(scan)
    else:
        assert ids(read(scan)) == set(space.issues)
