"""Exact reading: everything that is there is read, whatever happens meanwhile, and at few requests."""

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise

import httpx
import pytest

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient
from resources.backlog.errors import IncompleteScan, MalformedResponse, NotFound
from resources.backlog.models import Record
from resources.backlog.scan import Scan, scan_changes, scan_window
from resources.backlog.window import COUNTED, ONE_PAGE, SEAMS, Window
from tests.resources.backlog.conftest import Wire, error
from tests.resources.backlog.hostile import START, HostileSpace

ALL = Window((1,))
DAY = timedelta(days=1)


def read(scan: Scan) -> list[Record]:
    return [row for batch in scan for row in batch]


def ids(rows: list[Record]) -> set[int]:
    return {row["id"] for row in rows}


# -- what it costs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1, 99, 100, 101, 195, 1000, 2500])
def test_a_first_load_costs_a_tenth_more_than_its_pages_and_a_few_requests(number: int) -> None:
    space = HostileSpace()
    space.history(number)
    scan = scan_window(space.client(), ALL)
    rows = read(scan)
    assert sorted(row["id"] for row in rows) == sorted(space.issues)
    assert len(space.asked) <= math.ceil(number / 100) * 1.1 + 3
    assert scan.proof.how == (ONE_PAGE if number < 100 else COUNTED)
    assert scan.seen_ids == set(space.issues)


def test_a_window_that_fits_one_page_costs_one_request() -> None:
    space = HostileSpace()
    space.history(60)
    scan = scan_window(space.client(), ALL)
    read(scan)
    assert space.paths() == ["/issues"]
    assert (scan.proof.pages, scan.proof.count_before, scan.proof.count_after) == (1, None, None)


def test_a_quiet_source_of_twenty_projects_costs_one_request() -> None:
    space = HostileSpace()
    for project in range(1, 21):
        space.history(40, every=timedelta(days=3), project=project)
    for row in space.issues.values():
        row.updated = min(row.updated, START - timedelta(hours=1))
    scan = scan_changes(space.client(), range(1, 21), START - timedelta(minutes=30))
    assert read(scan) == []
    assert len(space.asked) == 1


def test_a_hundred_changes_cost_two_requests_also_on_a_busy_day() -> None:
    space = HostileSpace()
    space.history(3000, every=timedelta(seconds=40))
    for row in space.issues.values():
        row.updated = min(row.updated, START - timedelta(minutes=30))
    changed = set(list(space.issues)[:100])
    for second, issue_id in enumerate(changed):
        space.edit(issue_id, START - timedelta(seconds=300 - second))
    scan = scan_changes(space.client(), (1,), START - timedelta(minutes=10))
    assert ids(read(scan)) == changed
    assert len(space.asked) == 2


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


# -- windows ------------------------------------------------------------------------------------------------------


def test_a_whole_backfill_sends_no_date_filter() -> None:
    space = HostileSpace()
    space.history(250)
    read(scan_window(space.client(), ALL))
    assert not [name for request in space.asked for name in request.url.params if "Since" in name or "Until" in name]


@pytest.mark.parametrize("zone", [-12, -8, 0, 9, 14])
@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("hour", [0, 11, 23])
def test_a_window_is_exact_to_the_second_in_whatever_zone_the_days_are_read(zone: int, inclusive: bool, hour: int) -> None:
    space = HostileSpace(zone=zone, inclusive=inclusive)
    since, until = datetime.fromisoformat(f"2026-03-01T{hour:02}:30:00Z"), datetime.fromisoformat(f"2026-03-02T{hour:02}:30:00Z")
    second = timedelta(seconds=1)
    for moment in (since - second, since, until - second, until):
        space.create(at=moment)
    assert sorted(ids(read(scan_window(space.client(), Window((1,), since, until))))) == [2, 3]
    assert sorted(ids(read(scan_window(space.client(), Window((1,), since, None))))) == [2, 3, 4]
    assert sorted(ids(read(scan_window(space.client(), Window((1,), None, until))))) == [1, 2, 3]
    changes = scan_changes(space.client(), (1,), since, lookback=timedelta(0))
    assert sorted(ids(read(changes))) == [2, 3, 4]


def test_the_windows_of_all_months_together_are_the_whole_project() -> None:
    space = HostileSpace()
    space.history(900, every=timedelta(hours=3))
    client = space.client()
    months = [datetime.fromisoformat(f"{month}-01T00:00:00+09:00") for month in ("2025-12", "2026-01", "2026-02", "2026-03")]
    bounds = [None, *months, None]
    found = [row["id"] for since, until in pairwise(bounds) for row in read(scan_window(client, Window((1,), since, until)))]
    assert sorted(found) == sorted(space.issues)


def test_batches_have_the_size_that_was_asked_for_and_pages_are_read_as_needed() -> None:
    space = HostileSpace()
    space.history(1000)
    scan = scan_window(space.client(), ALL, batch=150)
    assert space.asked == []
    assert len(next(scan)) == 150
    assert len(space.asked) == 3
    assert scan.expected == 1000
    with pytest.raises(RuntimeError, match="not read to its end"):
        _ = scan.proof
    assert [len(batch) for batch in scan] == [150] * 5 + [100]


def test_instants_without_a_zone_are_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        Window((1,), datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


# -- the watermark ------------------------------------------------------------------------------------------------


def test_the_next_watermark_is_the_servers_clock_at_the_start_of_the_pass() -> None:
    space = HostileSpace(meanwhile=lambda space: setattr(space, "now", space.now + timedelta(minutes=7)))
    space.history(450, every=timedelta(minutes=1))
    scan = scan_changes(space.client(), (1,), START - DAY)
    with pytest.raises(RuntimeError, match="not asked"):
        _ = scan.started_at
    read(scan)
    assert len(space.asked) > 3
    assert scan.next_watermark == scan.started_at == START + timedelta(minutes=7)


def test_a_source_without_a_date_header_is_refused_instead_of_trusting_the_local_clock() -> None:
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


# -- ties ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [90, 99, 100, 150, 500, 1234])
def test_a_bulk_import_in_one_second_is_read_whole_though_ties_come_in_any_order(number: int) -> None:
    space = HostileSpace()
    space.history(300)
    imported = START - timedelta(days=3)
    for _ in range(number):
        space.create(at=imported)
    scan = scan_window(space.client(), ALL)
    rows = read(scan)
    assert sorted(row["id"] for row in rows) == sorted(space.issues)
    assert scan.proof.how == COUNTED
    assert scan.proof.passes == 1
    assert len(space.asked) <= math.ceil((number + 300) / 100) * 1.1 + 9


@pytest.mark.parametrize("number", [100, 500])
def test_a_bulk_edit_in_one_second_is_read_whole(number: int) -> None:
    space = HostileSpace()
    space.history(1000)
    edited = set(list(space.issues)[100 : 100 + number])
    for issue_id in edited:
        space.edit(issue_id, START - timedelta(seconds=5))
    scan = scan_changes(space.client(), (1,), START - timedelta(minutes=1), lookback=timedelta(0))
    assert ids(read(scan)) == edited | {row.id for row in space.issues.values() if row.updated >= START - timedelta(minutes=1)}
    assert len(space.asked) <= number / 100 * 1.1 + 7


def test_several_bulk_imports_on_one_day_are_read_once() -> None:
    space = HostileSpace()
    for hour in range(8):
        for _ in range(250):
            space.create(at=START - DAY + timedelta(hours=hour))
    rows = read(scan_window(space.client(), ALL))
    assert sorted(row["id"] for row in rows) == sorted(space.issues)
    assert len(space.asked) <= 20 * 1.1 + 9


def test_issues_that_are_equal_in_every_order_are_read_until_all_are_seen() -> None:
    space = HostileSpace(seed=4)
    for _ in range(130):
        space.create(at=START - DAY, summary="imported")
    scan = scan_window(space.client(), ALL)
    assert ids(read(scan)) == set(space.issues)
    assert scan.proof.how == COUNTED


def test_a_source_that_counts_more_than_it_lists_is_an_error() -> None:
    space = HostileSpace(unlisted=1)
    space.history(200)
    with pytest.raises(IncompleteScan, match=r"5 passes disagree with /issues/count .*200 read, 201 counted"):
        read(scan_window(space.client(), ALL))


# -- what changes meanwhile ---------------------------------------------------------------------------------------

Change = Callable[[HostileSpace], None]


def passing(*changes: Change) -> Change:
    """Let some seconds pass before each request and make all the changes."""

    def meanwhile(space: HostileSpace) -> None:
        space.now += timedelta(seconds=3)
        for change in changes:
            change(space)

    return meanwhile


def creates(space: HostileSpace) -> None:
    space.create()


def edits(space: HostileSpace) -> None:
    for _ in range(5):
        space.edit(space.any())


def deletes(space: HostileSpace) -> None:
    space.delete(space.any())


def deletes_the_oldest(space: HostileSpace) -> None:
    for _ in range(7):
        space.delete(min(space.issues))


def edits_in_bulk(space: HostileSpace) -> None:
    if len(space.asked) == 4:
        for issue_id in list(space.issues)[200:700]:
            space.edit(issue_id)


CHANGES = [(creates,), (edits,), (deletes,), (deletes_the_oldest,), (edits_in_bulk,), (creates, edits, deletes, edits_in_bulk)]


@pytest.mark.parametrize("changes", CHANGES, ids=lambda changes: " and ".join(change.__name__ for change in changes))
def test_a_window_read_while_it_changes_misses_nothing_that_the_next_changes_do_not_bring(changes: tuple[Change, ...]) -> None:
    space = HostileSpace(seed=7)
    space.history(2000)
    before = set(space.issues)
    space.meanwhile = passing(*changes)
    scan = scan_window(space.client(), ALL)
    stored = {row["id"]: row["updated"] for row in read(scan)}
    stayed = before & set(space.issues)
    assert stayed <= set(stored)
    assert scan.proof.passes == 1
    space.meanwhile = None
    for row in read(scan_changes(space.client(), (1,), scan.started_at)):
        stored[row["id"]] = max(row["updated"], stored.get(row["id"], ""))
    alive = {row.id: row.json()["updated"] for row in space.issues.values()}
    assert {issue_id: at for issue_id, at in stored.items() if issue_id in alive} == alive


@pytest.mark.parametrize("changes", CHANGES, ids=lambda changes: " and ".join(change.__name__ for change in changes))
def test_changes_read_while_more_happen_miss_nothing_that_the_next_pass_does_not_bring(changes: tuple[Change, ...]) -> None:
    space = HostileSpace(seed=8)
    space.history(2000, every=timedelta(minutes=3))
    before = dict(space.issues)
    watermark = START - 2 * DAY
    expected = {row.id for row in before.values() if row.updated >= watermark}
    space.meanwhile = passing(*changes)
    scan = scan_changes(space.client(), (1,), watermark)
    found = ids(read(scan))
    space.meanwhile = None
    later = ids(read(scan_changes(space.client(), (1,), scan.next_watermark)))
    assert expected & set(space.issues) <= found | later


def test_an_issue_that_is_deleted_after_it_was_read_is_not_among_those_seen() -> None:
    space = HostileSpace()
    space.history(2000)

    def meanwhile(space: HostileSpace) -> None:
        if len(space.asked) == 12:
            space.delete(5)
            space.delete(700)

    space.meanwhile = meanwhile
    scan = scan_window(space.client(), ALL)
    assert {5, 700} <= ids(read(scan))
    assert scan.seen_ids == set(space.issues)
    assert scan.proof.how == SEAMS
    assert space.paths().count("/space/activities") == 1
    assert len(space.asked) <= 20 * 1.1 + 5


def test_a_small_window_is_read_again_when_nobody_says_what_was_deleted() -> None:
    space = HostileSpace(refuse_activities=True)
    space.history(400)
    space.meanwhile = lambda space: space.delete(5) if len(space.asked) == 5 else None
    scan = scan_window(space.client(), ALL)
    read(scan)
    assert scan.seen_ids == set(space.issues)
    assert scan.proof.how == COUNTED
    assert scan.proof.passes == 2


def test_an_issue_that_leaves_a_past_window_while_it_is_read_does_not_make_it_fail() -> None:
    space = HostileSpace()
    space.history(1500, every=timedelta(hours=1))
    until = START - timedelta(days=10)
    window = Window((1,), None, until)
    inside = {row.id for row in space.issues.values() if row.updated < until}
    space.meanwhile = passing(edits)
    scan = scan_window(space.client(), window)
    found = ids(read(scan))
    still = {row.id for row in space.issues.values() if row.updated < until}
    assert still <= found <= inside


def test_an_issue_comes_again_only_when_it_changed_during_the_pass() -> None:
    space = HostileSpace()
    space.history(1000)
    space.meanwhile = passing(edits, creates)
    rows = read(scan_window(space.client(), ALL))
    assert len({(row["id"], row["updated"]) for row in rows}) == len(rows)
    twice = {row["id"] for row in rows if sum(other["id"] == row["id"] for other in rows) > 1}
    assert all(space.issues[issue_id].updated > START for issue_id in twice)


def test_issues_that_vanish_faster_than_they_are_read_are_an_error_and_not_a_loop() -> None:
    space = HostileSpace()
    space.history(9000, every=timedelta(minutes=5))

    def meanwhile(space: HostileSpace) -> None:
        for _ in range(95):
            space.delete(min(space.issues))
        for _ in range(95):
            space.create()

    space.meanwhile = meanwhile
    with pytest.raises(IncompleteScan, match="vanishing"):
        read(scan_window(space.client(), ALL))
    assert len(space.asked) < 100


def test_a_server_that_does_not_sort_is_found_out() -> None:
    space = HostileSpace()
    space.history(50)
    unsorted = list(space.issues.values())
    space.random.shuffle(unsorted)

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=[row.json() for row in unsorted], headers={"Date": "Tue, 10 Mar 2026 12:00:00 GMT"})

    http = httpx.Client(transport=httpx.MockTransport(answer))
    client = BacklogClient("https://acme.backlog.test", ApiKeyQuery("hostile-key"), http=http)
    with pytest.raises(MalformedResponse, match="not in the order"):
        read(scan_window(client, ALL))


def test_a_project_that_cannot_be_seen_fails_the_scan(client: BacklogClient, wire: Wire) -> None:
    wire.answers = [error(404, 6)]
    with pytest.raises(NotFound):
        read(scan_changes(client, (1, 2, 3), START))


def test_an_issue_without_updated_counts_as_changed_when_it_was_created(client: BacklogClient, wire: Wire) -> None:
    rows = [{"id": 1, "created": "2026-03-01T00:00:00Z", "updated": None}, {"id": 2, "created": "2026-03-02T00:00:00Z"}]
    wire.answers = [httpx.Response(200, json=rows)]
    since = datetime.fromisoformat("2026-03-01T12:00:00Z")
    assert read(scan_window(client, Window((1,), since))) == [rows[1]]
    wire.answers = [httpx.Response(200, json=[{"id": 1, "created": "yesterday"}])]
    with pytest.raises(MalformedResponse, match="issue 1: created is 'yesterday'"):
        read(scan_window(client, ALL))
