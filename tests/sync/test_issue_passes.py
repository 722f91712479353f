"""Which projects are read in one pass, and how rows are counted by project and month: the rules
alone.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from resources.backlog.scan import LOOKBACK
from resources.records import Odd, Page
from resources.warehouse.loader import MergeResult
from resources.warehouse.sync_state import Checkpoint
from sync.counts import Counts
from sync.issue_passes import FEW_ROWS, known_rows, passes
from sync.tally import Tally, changed_at
from sync.visible_projects import Project
from tests.syncs import CALENDAR, Syncs

A, B, C, D = (Project(number, name, archived=False) for number, name in enumerate("ABCD", start=1))
TIMES = [datetime(2026, 6, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(4)]
BEHIND = dict(zip((1, 2, 3, 4), TIMES, strict=True))


def refuse(_project: Project, _since: datetime, _until: datetime) -> int:
    raise AssertionError("nothing needs to be counted")


def counting(
    **rows: int,
) -> tuple[Callable[[Project, datetime, datetime], int], list[tuple[str, datetime, datetime]]]:
    """Return a count of stored rows by project key, and what it was asked."""
    asked: list[tuple[str, datetime, datetime]] = []

    def known(project: Project, since: datetime, until: datetime) -> int:
        asked.append((project.key, since, until))
        return rows[project.key]

    return known, asked


def test_projects_with_one_watermark_are_read_in_one_pass() -> None:
    assert passes([A, B, C], dict.fromkeys((1, 2, 3), TIMES[0]), {}, refuse) == [[A, B, C]]
    assert passes([], {}, {}, refuse) == []


def test_a_project_joins_a_pass_that_is_behind_when_few_rows_come_again() -> None:
    known, asked = counting(B=FEW_ROWS, C=FEW_ROWS + 1, D=0)
    assert passes([D, C, B, A], BEHIND, {}, known) == [[A, B], [C, D]]
    first, second, third, fourth = (moment - LOOKBACK for moment in TIMES)
    assert asked == [("B", first, second), ("C", first, third), ("D", third, fourth)]


def test_projects_of_a_broken_off_pass_stay_together_and_apart_from_others() -> None:
    place, other = (Checkpoint("updated", {"offset": offset}, TIMES[0]) for offset in (1, 2))
    assert passes([A, B, C, D], BEHIND, {1: place, 3: place, 2: other}, refuse) == [
        [A, C],
        [B],
        [D],
    ]
    known, asked = counting(D=FEW_ROWS + 1)
    assert passes([A, B, C, D], BEHIND, {1: place, 2: place}, counting(D=0)[0]) == [[A, B], [C, D]]
    assert passes([A, B, C, D], BEHIND, {1: place, 2: place}, known) == [[A, B], [C], [D]]
    assert asked == [("D", TIMES[2] - LOOKBACK, TIMES[3] - LOOKBACK)]


def test_rows_that_come_again_are_those_between_the_watermarks(
    synced: Syncs,
) -> None:
    ops, web = (synced.sim.space.project(key) for key in ("OPS", "WEB"))
    since, until = TIMES[0], TIMES[1]
    second = timedelta(seconds=1)
    first, last, early, late, gone, *more = sorted(ops.issues)
    synced.change("UPDATE raw.issues SET updated_at = '2020-01-01'")

    def changed(moment: datetime, *issues: int) -> None:
        chosen = ", ".join(map(str, issues))
        synced.change(
            f"UPDATE raw.issues SET updated_at = '{moment.isoformat()}' WHERE id IN ({chosen})"
        )

    changed(since, first)
    changed(until - second, last)
    changed(since - second, early)
    changed(until, late)
    changed(since, gone, min(web.issues))
    synced.change(f"UPDATE raw.issues SET deleted_at = now() WHERE id = {gone}")
    project = Project(ops.id, "OPS", archived=False)
    with synced.session("issues", locks="projects") as session:
        assert known_rows(session, project, since, until) == 2
        changed(since, *more)
        assert len(more) > FEW_ROWS
        assert known_rows(session, project, since, until) == FEW_ROWS + 1
    synced.change("UPDATE raw.issues SET space_key = 'other'")
    with synced.session("issues", locks="projects") as session:
        assert known_rows(session, project, since, until) == 0


def issue(number: int, project: int, updated: str | None, **fields: object) -> dict[str, object]:
    return {"id": number, "projectId": project, "updated": updated} | fields


def test_rows_are_counted_by_what_became_of_them_where_their_last_change_lies() -> None:
    page = Page(
        [
            issue(1, 7, "2026-02-10T00:00:00Z"),
            issue(2, 7, "2026-02-20T00:00:00Z"),
            issue(3, 7, "2026-03-05T00:00:00Z"),
            issue(4, 8, "2026-03-06T00:00:00Z"),
            issue(5, 8, "2026-03-07T00:00:00Z"),
        ],
        [Odd({"projectId": 8}, "no id"), Odd("not even an object", "no object")],
    )
    result = MergeResult(7, ((1,),), ((3,),), 2, 1, (4,), (), (1, 2, 3, 4, 5), ())
    tally = Tally.of(page, result, CALENDAR)
    assert dict(tally.counts) == {
        (7, "2026-02"): Counts(read=2, inserted=1, unchanged=1),
        (7, "2026-03"): Counts(read=1, updated=1),
        (8, "2026-03"): Counts(read=2, unchanged=1, rejected=1),
        (8, None): Counts(read=1, rejected=1),
        (None, None): Counts(read=1, rejected=1),
    }
    assert tally.newest == datetime(2026, 3, 5, tzinfo=UTC), (
        "the newest that was inserted or updated"
    )


def test_a_record_that_came_twice_was_written_once() -> None:
    twice = [issue(1, 7, "2026-02-10T00:00:00Z")] * 2
    result = MergeResult(2, ((1,),), (), 1, 0, (), (), (1,), ())
    assert Tally.of(twice, result, CALENDAR).counts == {
        (7, "2026-02"): Counts(read=2, inserted=1, unchanged=1)
    }


def test_the_newest_change_is_the_latest_in_any_order_and_of_any_part() -> None:
    times = [f"2026-02-{day}T00:00:00Z" for day in (10, 20, 15)]
    page = [issue(number, 7, moment) for number, moment in enumerate(times)]
    result = MergeResult(3, ((0,), (1,), (2,)), (), 0, 0, (), (), (0, 1, 2), ())
    tally = Tally.of(page, result, CALENDAR)
    newest = datetime(2026, 2, 20, tzinfo=UTC)
    assert tally.newest == (Tally() + tally).newest == (tally + Tally()).newest == newest
    older = Tally.of(page[:1], result, CALENDAR)
    assert (older + tally).newest == (tally + older).newest == newest
    assert (older + tally).counts == {(7, "2026-02"): Counts(read=4, inserted=4)}
    assert (Tally() + Tally()).newest is None


def test_deleted_rows_count_where_they_were_last_seen() -> None:
    rows = [
        (7, datetime(2026, 2, 10, tzinfo=UTC)),
        (7, datetime(2026, 2, 11, tzinfo=UTC)),
        (8, None),
    ]
    assert dict(Tally.of_deleted(rows, CALENDAR).counts) == {
        (7, "2026-02"): Counts(deleted=2),
        (8, None): Counts(deleted=1),
    }


def test_rows_outside_of_what_a_read_covers_count_at_its_nearer_end() -> None:
    one = Counts(read=1)
    cells = [
        (7, "2026-01"),
        (7, "2026-02"),
        (7, "2026-03"),
        (7, "2026-04"),
        (7, "2026-05"),
        (7, None),
        (9, "2026-03"),
        (None, None),
    ]
    found = Tally(dict.fromkeys(cells, one)).within({7}, ["2026-02", "2026-03", "2026-04"], 7)
    assert found == {
        (7, "2026-02"): Counts(read=2),
        (7, "2026-03"): Counts(read=2),
        (7, "2026-04"): Counts(read=4),
    }
    found = Tally(dict.fromkeys(cells, one)).within({7, 9}, ["2026-02", "2026-03", "2026-04"], 9)
    assert found[9, "2026-03"] == one
    assert found[9, "2026-04"] == one, "whose project is not known"


@pytest.mark.parametrize(
    ("record", "moment"),
    [
        (
            {"updated": "2026-02-10T00:00:00Z", "created": "2026-01-01T00:00:00Z"},
            datetime(2026, 2, 10, tzinfo=UTC),
        ),
        ({"updated": None, "created": "2026-01-01T00:00:00Z"}, datetime(2026, 1, 1, tzinfo=UTC)),
        ({"created": "2026-01-01T00:00:00Z"}, datetime(2026, 1, 1, tzinfo=UTC)),
        ({"updated": "some day", "created": "2026-01-01T00:00:00Z"}, None),
        ({}, None),
    ],
)
def test_an_issue_was_last_changed_when_it_says_so_or_when_it_was_created(
    record: dict[str, object], moment: datetime | None
) -> None:
    assert changed_at(record) == moment
