"""Two spaces with the very same ids in one warehouse: whatever is loaded, repaired or deleted in
one leaves the other as it is.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from simulator import Simulator
from tests.sync.reconcile.tamperings import HISTORY, ISSUES, LISTS
from tests.syncs import SMALL, Syncs

pytestmark = pytest.mark.full

HERE, THERE = "acme", "elsewhere"
TAMPERINGS = {one.name: one for one in (*ISSUES, *HISTORY, *LISTS)}
CHOSEN = (
    ("a lost row", "a lost comment", "a lost user"),
    ("another project", "a row too many", "a changed value"),
    ("a comment of no issue", "a change too many", "a member too many", "renamed statuses"),
)


@pytest.fixture
def there(synced: Syncs) -> Iterator[Syncs]:
    """Return the engine on a second space, loaded whole into the warehouse of `synced`."""
    with Simulator(replace(SMALL, space_key=THERE)) as sim:
        yield Syncs(sim, synced.engine).load()


def of_space(view: Syncs, space_key: str) -> dict[str, list[Any]]:
    """Return all that the warehouse has of a space, in `raw` and `ops`."""
    tables = view.query(
        "SELECT table_schema || '.' || table_name AS name FROM information_schema.columns JOIN "
        "information_schema.tables "
        "USING (table_schema, table_name) WHERE column_name = 'space_key' AND "
        "table_schema IN ('raw', 'ops') "
        "AND table_type = 'BASE TABLE' ORDER BY 1"
    )
    rows = "SELECT to_jsonb(t) AS row FROM {} t WHERE space_key = '{}' ORDER BY 1"
    return {
        table["name"]: [one["row"] for one in view.query(rows.format(table["name"], space_key))]
        for table in tables
    }


def test_loads_of_one_space_do_not_touch_the_other(synced: Syncs, there: Syncs) -> None:
    before = of_space(there, THERE)
    assert len(before["raw.issues"]) == SMALL.issues
    deleted, moved, edited, *_ = sorted(synced.space.project("WEB").issues)
    synced.space.delete_issue(deleted)
    synced.space.move_issue(moved, "OPS")
    synced.space.edit_issue(edited, summary="edited")
    synced.space.create_issue("OPS", summary="new")
    for mode in ("incremental", "backfill", "refresh"):
        synced.sim.clock.advance(7_200)
        assert synced.run(mode=mode).success
        assert synced.listing().success
    assert of_space(there, THERE) == before
    assert [synced.compare().status, there.compare().status] == ["equal", "equal"]
    assert synced.query("SELECT id, space_key FROM raw.issues WHERE deleted_at IS NOT NULL") == [
        {"id": deleted, "space_key": HERE}
    ]


def test_a_repair_of_one_space_does_not_touch_the_other(synced: Syncs, there: Syncs) -> None:
    """Both are spoilt in the same way; the one is repaired, then the other."""
    for names in CHOSEN:
        for name in names:
            TAMPERINGS[name].do(synced)
        spoilt = of_space(there, THERE)
        assert (names, synced.compare(repair=True).status) == (names, "equal")
        now = of_space(there, THERE)
        assert [table for table in spoilt if spoilt[table] != now[table]] == [], names
        assert (names, there.compare(repair=True).status) == (names, "equal")


def test_comments_of_a_deleted_issue_that_somebody_brought_back_are_marked_again(
    synced: Syncs, there: Syncs
) -> None:
    """The other space still has the issue, and a comment in each space comes back at once."""
    issue = min(row["issue_id"] for row in synced.rows("issue_changes"))
    synced.space.delete_issue(issue)
    assert synced.run(mode="incremental").success
    gone = [row["id"] for row in synced.rows("comments", deleted=True)]
    assert gone
    before = of_space(there, THERE)
    synced.change(
        f"UPDATE raw.comments SET deleted_at = NULL, deleted_reason = NULL WHERE id = {gone[0]}"
    )
    assert [(one.table, one.kind, one.ids) for one in synced.compare().differences] == [
        ("comments", "not at source", (gone[0],))
    ]
    assert synced.compare(repair=True).status == "equal"
    assert [row["id"] for row in synced.rows("comments", deleted=True)] == gone
    assert synced.query(
        "SELECT 1 FROM ops.deletions WHERE table_name = 'comments' "
        f"AND record_key = '{gone[0]}' AND evidence LIKE 'verify%'"
    )
    assert of_space(there, THERE) == before


def test_a_load_does_not_wait_for_another_one_of_its_process(synced: Syncs, there: Syncs) -> None:
    with (
        synced.session("issues", locks="projects") as here,
        there.session("issues", locks="projects") as other,
        ThreadPoolExecutor(2) as pool,
        synced.space.lock,  # the source of one does not answer
    ):
        waiting = pool.submit(lambda: here.visible)
        assert len(pool.submit(lambda: other.visible).result(timeout=60)) == SMALL.projects
        assert not waiting.done()
