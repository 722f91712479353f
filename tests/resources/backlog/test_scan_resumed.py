"""What a scan remembers for another one to continue from, to the second and to the project."""

from datetime import timedelta

import pytest

from resources.backlog.errors import MalformedResponse
from resources.backlog.position import Position, Resume
from resources.backlog.scan import LOOKBACK, scan_changes, scan_window
from resources.backlog.window import SEAMS, Window
from tests.resources.backlog.hostile import START, HostileSpace, ids, read

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def project_ids(number: int) -> tuple[int, ...]:
    return tuple(range(1, number + 1))


def test_a_scan_can_be_resumed_where_its_projects_fit_one_request() -> None:
    space = HostileSpace().history(250)
    for number, known in ((100, True), (101, False)):
        scan = scan_window(space.client(), Window(project_ids(number)))
        next(scan)
        assert (scan.checkpoint is not None) is known
    at = Resume(Position(0, START), START)
    scan_window(space.client(), Window(project_ids(100)), resume=at)
    scan_changes(space.client(), project_ids(100), START, resume=at)
    with pytest.raises(ValueError, match="no position to continue from"):
        scan_window(space.client(), Window(project_ids(101)), resume=at)
    with pytest.raises(ValueError, match="no position to continue from"):
        scan_changes(space.client(), project_ids(101), START, resume=at)


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
    found = {row["id"] for row in read(scan_changes(space.client(), (1,), since))}
    assert inside in found
    assert outside not in found


@pytest.mark.parametrize(("odd", "fails"), [(49, False), (50, True)])
def test_a_full_page_of_which_half_is_odd_is_an_error(odd: int, fails: bool) -> None:
    space = HostileSpace().history(150)
    for number in range(101 - odd, 101):
        # The last ones of the first page.
        record = {"id": number, "projectId": 1, "created": "odd"}
        space.issues[number].json = lambda record=record: record  # type: ignore[method-assign,misc]
    scan = scan_window(space.client(), Window((1,)))
    if fails:
        with pytest.raises(MalformedResponse, match="50 of 100 issues are odd"):
            read(scan)
    else:
        assert ids(read(scan)) == set(space.issues)
