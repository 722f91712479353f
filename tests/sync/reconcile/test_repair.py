"""`--repair` repairs each kind of difference, reads no more than that, and writes nothing else."""

from collections import Counter

import pytest

from pipelines.cli.verify_command import verify_exit_code
from tests.sync.reconcile.looking import database_now, present, reported, written_since
from tests.sync.reconcile.tamperings import HISTORY, ISSUES, LISTS, Tampering, chosen, together
from tests.syncs import Syncs

pytestmark = pytest.mark.long


TAMPERINGS = [*ISSUES, *HISTORY, *LISTS]


@pytest.mark.parametrize(
    "tampering",
    [*together(TAMPERINGS), *(pytest.param(one, marks=pytest.mark.full) for one in TAMPERINGS)],
    ids=lambda one: one.name,
)
def test_everything_is_as_before_after_a_repair(synced: Syncs, tampering: Tampering) -> None:
    before = present(synced)
    tampering.do(synced)
    found = synced.compare(repair=True)
    assert found.status == "equal"
    assert verify_exit_code(found, strict=True) == 0
    assert {table for table, _ in tampering.reported} == set(found.repaired)
    assert present(synced) == before
    assert synced.compare().status == "equal"


def test_a_repair_writes_only_what_differed(synced: Syncs) -> None:
    for tampering in (ISSUES[0], ISSUES[2], HISTORY[2]):
        tampering.do(synced)
    synced.change("UPDATE raw.statuses SET name = 'x' WHERE id = 1")
    at = database_now(synced)
    comment = chosen(synced)["comment"]
    changes = [row for row in synced.rows("issue_changes") if row["comment_id"] == comment]
    assert synced.compare(repair=True).status == "equal"
    assert written_since(synced, at) == {
        "issues": 1,
        "comments": 1,
        "issue_changes": len(changes),
        "statuses": 3,
    }


def test_a_repair_reads_what_differed_once_and_it_is_compared_before_and_after(
    synced: Syncs,
) -> None:
    synced.compare()
    plain = Counter(synced.sim.requests.by_route())
    synced.change(
        "UPDATE raw.issues SET summary = 'x' WHERE id IN (SELECT id FROM "
        "raw.issues ORDER BY id LIMIT 50)"
    )
    synced.sim.requests.clear()
    assert synced.compare(repair=True).repaired == {"issues": 50}
    # Looked at again before it is reported, loaded, and looked at again; each time a page for all
    # of them.
    cost = Counter(synced.sim.requests.by_route()) - plain
    assert cost["/issues"] == 3
    # Beyond that, what each of three loads asks first, and the feed.
    assert cost.total() <= 12, cost


def test_nothing_is_loaded_where_nothing_differs(synced: Syncs) -> None:
    loads = synced.query("SELECT count(*) FROM ops.sync_history")
    synced.compare()
    plain = synced.sim.requests.by_route()
    synced.sim.requests.clear()
    assert synced.compare(repair=True).repaired == {}
    assert synced.sim.requests.by_route() == plain
    assert synced.query("SELECT count(*) FROM ops.sync_history") == loads


def test_a_repair_also_brings_what_is_behind(synced: Syncs) -> None:
    synced.sim.clock.advance(7_200)
    edited, lost = sorted(synced.stored_issues())[:2]
    synced.sim.space.edit_issue(edited, summary="edited since the load")
    synced.change(f"DELETE FROM raw.issues WHERE id = {lost}")
    assert {("issues", "stale"), ("comments", "missing in warehouse")} <= reported(
        synced.compare(), behind=True
    )
    found = synced.compare(repair=True)
    assert found.repaired["issues"] == 2
    assert found.repaired["comments"] >= 1
    assert (found.differences, found.status, verify_exit_code(found)) == ([], "equal", 0)
    assert synced.row("issues", lost)["deleted_at"] is None
    assert synced.row("issues", edited)["summary"] == "edited since the load"


def test_a_row_of_a_deleted_issue_that_was_brought_back_is_marked_again(synced: Syncs) -> None:
    issue = chosen(synced)["issue"]
    synced.sim.space.delete_issue(issue)
    assert synced.run(mode="incremental").success
    synced.sim.clock.advance(7_200)
    assert synced.run(mode="incremental").success
    for table, column in (
        ("issues", "id"),
        ("comments", "issue_id"),
        ("issue_changes", "issue_id"),
    ):
        synced.change(
            f"UPDATE raw.{table} SET deleted_at = NULL, deleted_reason = NULL "
            f"WHERE {column} = {issue}"
        )
    found = synced.compare()
    assert reported(found) == {("issues", "not at source")}
    assert synced.compare(repair=True).differences == []
    assert synced.row("issues", issue)["deleted_at"] is not None
    assert [row for row in synced.rows("comments") if row["issue_id"] == issue] == []
    evidence = synced.query(
        f"SELECT evidence FROM ops.deletions WHERE record_key = '{issue}' AND table_name = "
        "'issues' ORDER BY id DESC LIMIT 1"
    )
    assert "verify" in evidence[0]["evidence"]
