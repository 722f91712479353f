"""How rows are counted by project and month."""

from datetime import UTC, datetime

import pytest

from resources.records import Odd, Page
from resources.warehouse.raw.loader import MergeResult
from sync.counts import Counts
from sync.tally import Tally, changed_at
from tests.syncs import CALENDAR


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
