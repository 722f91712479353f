"""What explains a difference, to the second and to the id: changed since the load, deleted in the
feed, unread, or refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from sqlalchemy import Engine

from resources.backlog.client import BacklogClient
from resources.backlog.errors import PermissionDenied
from resources.backlog.feed import DeletionFeed
from resources.backlog.scan import LOOKBACK
from resources.records import Odd, Page
from resources.warehouse.state.issue_sync_state import CommentRead
from sync.reconcile.explanations import LoadedUntil, in_quarantine
from sync.reconcile.verdict import COLUMN, CONTENT, EXTRA, MISSING, STALE, Difference
from tests.databases import execute

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def at(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def issue(number: int = 7, kind: str = STALE, **fields: Any) -> Difference:
    return Difference(**{"table": "issues", "project_id": 300, "issue_id": 0, "key": str(number),
        "kind": kind, "source": "s",
                         "warehouse": "w", **fields})  # fmt: skip


def comment(number: int, kind: str = MISSING, **fields: Any) -> Difference:
    return issue(number, kind, **{"table": "comments", "issue_id": 7, **fields})


def deletion(number: int, issue: object, moment: datetime, project: object = 300) -> dict[str, Any]:
    return {
        "id": number,
        "type": 4,
        "created": at(moment),
        "project": {"id": project},
        "content": {"id": issue},
    }


class Source:
    """Serves the deletions of a feed, two a page, newest first, as the client does, and `odd` rows
    on each page; counts the pages and remembers the requests.
    """

    def __init__(
        self, *deletions: dict[str, Any], refused: bool = False, odd: Sequence[Odd] = ()
    ) -> None:
        self.deletions, self.refused, self.odd = list(deletions), refused, odd
        self.pages = 0
        self.asked: list[tuple[int | None, int | None]] = []

    def activities(
        self, project: int | None, *, type_ids: tuple[int, ...], min_id: int | None, order: str
    ) -> Iterator[Page]:
        """Yield pages of what is newer than `min_id`."""
        assert (type_ids, order) == ((4,), "desc")
        self.asked.append((project, min_id))
        if self.refused:
            raise PermissionDenied("refused")
        found = sorted(
            (one for one in self.deletions if one["id"] > (min_id or 0)), key=lambda one: -one["id"]
        )
        for start in range(0, len(found), 2):
            self.pages += 1
            yield Page(found[start : start + 2], self.odd)


def feed(source: Source, project: int | None = 300, since: datetime = NOON) -> DeletionFeed:
    return DeletionFeed(cast(BacklogClient, source), project, since)


# -- the feed --------------------------------------------------------------------------------------


def test_deletions_count_from_the_very_second_on_and_no_page_is_read_beyond_it() -> None:
    old = [deletion(number, number + 100, NOON - SECOND) for number in range(1, 8)]
    source = Source(*old, deletion(8, 21, NOON), deletion(9, 22, NOON + SECOND))
    found = feed(source)
    assert found.look()
    assert (found.deleted, found.latest) == ({21: 300, 22: 300}, NOON + SECOND)
    assert source.pages == 2


def test_a_later_look_asks_for_what_is_new_and_says_whether_there_was_any() -> None:
    source = Source(deletion(5, 21, NOON))
    found = feed(source)
    assert [found.look(), found.look()] == [True, False]
    source.deletions.append(deletion(6, 22, NOON + SECOND))
    assert found.look()
    assert source.asked == [(300, None), (300, 5), (300, 5)]
    # The same issue once more is nothing new, and a late row of an earlier time does not take the
    # newest moment back.
    source.deletions.append(deletion(7, 22, NOON))
    assert not found.look()
    assert (set(found.deleted), found.latest) == ({21, 22}, NOON + SECOND)


def test_an_activity_without_an_issue_deletes_none() -> None:
    odd = [
        deletion(1, None, NOON),
        deletion(2, 0, NOON),
        {**deletion(3, 21, NOON), "content": None},
    ]
    source = Source(
        *odd, {**deletion(4, 22, NOON), "project": None}, deletion(5, 23, NOON, project=301)
    )
    here, everywhere = feed(source), feed(source, None)
    here.look()
    assert here.deleted == {22: 300, 23: 301}
    everywhere.look()
    assert everywhere.deleted == {22: 0, 23: 301}


def test_a_feed_that_is_refused_is_remembered_as_such_and_reports_nothing() -> None:
    found = feed(Source(deletion(1, 21, NOON), refused=True))
    assert not found.look()
    assert (found.refused, found.deleted, found.latest) == (True, {}, None)
    assert not feed(Source()).refused


# -- behind ----------------------------------------------------------------------------------------


def explained(
    warehouse: Engine,
    *found: tuple[Difference, Any],
    source: Source | None = None,
    read: tuple[int, int] = (0, 0),
    loaded: datetime | None = None,
) -> list[str]:
    """Return the outcome of each difference where project 300 was loaded until noon; `read`:
    comments of issue 7 to be read.
    """
    pending = {7: CommentRead(7, 300, NOON, 0, read[1], 0, 0)} if read[0] else {}
    until = LoadedUntil({300: NOON}, pending, {"users": loaded} if loaded else {})
    client = cast(BacklogClient, source or Source())
    return [one.outcome for one in until.explain(client, warehouse, "acme", found)]


#: A record, and what the difference of its issue is called.
RECORDS: list[tuple[Any, str]] = [
    ({"updated": at(NOON - LOOKBACK)}, "behind"),
    ({"updated": at(NOON - LOOKBACK - SECOND)}, "different"),
    ({"created": at(NOON - LOOKBACK)}, "behind"),
    ({"created": at(NOON - LOOKBACK - SECOND)}, "different"),
    # A time without a zone is read as UTC.
    ({"updated": "2026-06-01T11:59:00"}, "behind"),
    ({"updated": "2026-06-01T11:58:59"}, "different"),
    # A record that says no time explains nothing.
    *(
        (record, "different")
        for record in (None, "no object", {}, {"updated": 7}, {"updated": "today"})
    ),
]


def test_an_issue_is_behind_when_it_changed_around_the_watermark_or_later(
    warehouse: Engine,
) -> None:
    for kind in (MISSING, STALE, CONTENT, COLUMN):
        for record, outcome in RECORDS:
            assert explained(warehouse, (issue(kind=kind), record)) == [outcome], (kind, record)


def test_a_project_that_was_never_read_whole_is_not_behind(warehouse: Engine) -> None:
    new = {"updated": at(NOON + SECOND)}
    assert (
        explained(
            warehouse, (issue(project_id=301), new), (comment(8, project_id=301), new), read=(1, 0)
        )
        == ["different"] * 2
    )


def test_an_issue_too_many_is_behind_when_the_feed_has_its_deletion(warehouse: Engine) -> None:
    source = Source(deletion(5, 8, NOON - LOOKBACK), deletion(4, 9, NOON - LOOKBACK - SECOND))
    extra = [(issue(number, EXTRA), None) for number in (7, 8, 9)]
    assert explained(warehouse, *extra, source=source) == ["different", "behind", "different"]
    assert source.asked == [(300, None)]
    # A record that came with it does not make it one of the present.
    assert explained(warehouse, (issue(7, EXTRA), {"updated": at(NOON)})) == ["different"]


@pytest.mark.parametrize("table", ["comments", "issue_changes"])
def test_a_comment_is_behind_where_it_is_to_be_read_anyway(warehouse: Engine, table: str) -> None:
    key = "/3" if table == "issue_changes" else ""
    for number, kind, read, outcome in (
        (50, MISSING, (0, 0), "different"),
        (49, MISSING, (1, 50), "different"),
        (50, MISSING, (1, 50), "different"),
        (51, MISSING, (1, 50), "behind"),
        (1, COLUMN, (1, 0), "behind"),
        (51, COLUMN, (1, 0), "behind"),
        # One too many is found only when all are read.
        (51, EXTRA, (1, 0), "behind"),
        (51, EXTRA, (1, 1), "different"),
        (51, EXTRA, (1, 50), "different"),
    ):
        one = replace(comment(number, kind), table=table, key=f"{number}{key}")
        assert explained(warehouse, (one, None), read=read) == [outcome], (number, kind, read)


def test_a_comment_made_since_the_load_is_behind_and_one_without_an_id_is_not(
    warehouse: Engine,
) -> None:
    new, old = {"created": at(NOON)}, {"created": at(NOON - timedelta(hours=1))}
    assert explained(warehouse, (comment(8), new), (comment(9), old)) == ["behind", "different"]
    assert explained(warehouse, (comment(0, key="?abc"), old), read=(1, 0)) == ["different"]


def test_a_comment_may_differ_because_its_issue_has_moved_since_the_load(warehouse: Engine) -> None:
    moved = (issue(7), {"updated": at(NOON)})
    found = [
        (comment(8, CONTENT), None),
        (comment(9, COLUMN), None),
        (comment(10, CONTENT, issue_id=11), None),
    ]
    assert explained(warehouse, *found, moved) == ["behind", "behind", "different", "different"]
    assert explained(warehouse, *found, (issue(7), None)) == ["different"] * 4


def test_a_row_of_a_list_is_behind_when_it_changed_since_the_list_was_loaded(
    warehouse: Engine,
) -> None:
    user = issue(5, table="users", project_id=0)
    new = {"updated": at(NOON)}
    assert explained(warehouse, (user, new), loaded=NOON) == ["behind"]
    assert explained(warehouse, (user, new), loaded=NOON + LOOKBACK + SECOND) == ["different"]
    assert explained(warehouse, (user, new)) == ["different"]
    assert explained(warehouse, (replace(user, table="teams"), new), loaded=NOON) == ["different"]


# -- in quarantine ---------------------------------------------------------------------------------


def refuse(
    warehouse: Engine, key: str, *, reason: str = "rejected", resolved: str = "NULL"
) -> None:
    execute(
        warehouse,
        "INSERT INTO ops.rejected_records (space_key, table_name, record_key, project_id, payload, "
        "reason, error, run_id, resolved_at) VALUES ('acme', 'issues', "
        f"'{key}', 300, '', '{reason}', 'no date', 'r', {resolved})",
    )


def test_a_row_whose_record_is_refused_is_in_quarantine(warehouse: Engine) -> None:
    for key in ("7", "8", "?abc"):
        refuse(warehouse, key)
    refuse(warehouse, "9", resolved="now()")
    refuse(warehouse, "10", reason="characters_replaced")
    found = in_quarantine(
        warehouse,
        "acme",
        [
            issue(7), issue(8, EXTRA), issue(9), issue(10), issue(7, table="users"), issue(11),
            issue(7, outcome="behind"), issue(0, MISSING, key="?xyz"), issue(0, MISSING, key="?xyz",
                project_id=301),
        ],
    )  # fmt: skip
    assert [one.outcome for one in found] == [
        "quarantined", "different", "different", "different", "different", "different", "behind",
        "quarantined", "different",
    ]  # fmt: skip
    said = "in ops.rejected_records: no date"
    assert [one.warehouse for one in found] == [said, "w", "w", "w", "w", "w", said, said, "w"]
    assert in_quarantine(warehouse, "other", [issue(7)])[0].outcome == "different"
    assert in_quarantine(warehouse, "acme", []) == []


def test_odd_rows_of_a_feed_count_for_how_far_it_was_read() -> None:
    source = Source(deletion(5, 21, NOON), odd=[Odd({"id": 6}, "odd", 6)])
    found = feed(source)
    found.look()
    found.look()
    assert source.asked == [(300, None), (300, 6)]
