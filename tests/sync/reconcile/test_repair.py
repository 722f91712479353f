"""`--repair` repairs each kind of difference, reads no more than that, and writes nothing else."""

from collections.abc import Mapping

import pytest

from tests.deployment import Deployment
from tests.sync.reconcile.tamperings import HISTORY, ISSUES, LISTS, Tampering, chosen
from tests.sync.reconcile.verifying import database_now, deep, present, told, verify, written_since

pytestmark = pytest.mark.long


def more(deployment: Deployment, before: Mapping[str, int]) -> dict[str, int]:
    """Return the requests of each route beyond those that a comparison of the same space makes."""
    routes = deployment.sim.requests.by_route()
    return {route: count - before.get(route, 0) for route, count in routes.items() if count != before.get(route, 0)}


@pytest.mark.parametrize("tampering", [*ISSUES, *HISTORY, *LISTS], ids=lambda one: one.name)
def test_everything_is_as_before_after_a_repair(loaded: Deployment, tampering: Tampering) -> None:
    before = present(loaded)
    tampering.do(loaded)
    found = verify(loaded, repair=True)
    assert found.found.status == "equal"
    assert not found.found.failed(strict=True)
    assert {table for table, _ in tampering.told} == set(found.found.repaired)
    assert present(loaded) == before
    assert deep(loaded).found.status == "equal"


def test_a_repair_writes_only_what_differed(loaded: Deployment) -> None:
    for tampering in (ISSUES[0], ISSUES[2], HISTORY[2]):
        tampering.do(loaded)
    at = database_now(loaded)
    [changes] = loaded.query(f"SELECT count(*) AS rows FROM raw.issue_changes WHERE comment_id = {chosen(loaded)['comment']}")
    assert verify(loaded, repair=True).found.status == "equal"
    assert written_since(loaded, at) == {"issues": 1, "comments": 1, "issue_changes": changes["rows"]}


def test_a_repair_of_a_list_loads_only_that_list(loaded: Deployment) -> None:
    loaded.change("UPDATE raw.statuses SET name = 'x' WHERE id = 1")
    at = database_now(loaded)
    assert verify(loaded, repair=True).found.status == "equal"
    assert written_since(loaded, at) == {"statuses": 3}


def test_a_repair_costs_a_few_requests_besides_those_of_the_comparison(loaded: Deployment) -> None:
    deep(loaded)
    plain = loaded.sim.requests.by_route()
    loaded.change("UPDATE raw.issues SET summary = 'x' WHERE id IN (SELECT id FROM raw.issues ORDER BY id LIMIT 50)")
    verified = verify(loaded, repair=True)
    assert verified.found.repaired == {"issues": 50}
    # Looked at again before it is told, loaded, and looked at again; each time a page for all of them.
    cost = more(loaded, plain)
    assert cost["/issues"] == 3
    assert sum(cost.values()) <= 8, cost
    assert {name: count for name, count in verified.requests.items() if name not in {"retries", "rate_limited"}} == (
        loaded.sim.requests.by_bucket()
    )


def test_nothing_is_loaded_where_nothing_differs(loaded: Deployment) -> None:
    deep(loaded)
    plain = loaded.sim.requests.by_route()
    assert verify(loaded, repair=True).found.repaired == {}
    assert loaded.sim.requests.by_route() == plain
    assert loaded.instance.get_runs() == []


def test_a_repair_also_brings_what_is_behind(loaded: Deployment) -> None:
    loaded.sim.clock.advance(7_200)
    edited, lost = sorted(loaded.stored_issues())[:2]
    loaded.sim.space.edit_issue(edited, summary="edited since the load")
    loaded.change(f"DELETE FROM raw.issues WHERE id = {lost}")
    assert {("issues", "stale"), ("comments", "missing in warehouse")} <= told(deep(loaded), behind=True)
    found = verify(loaded, repair=True).found
    assert found.repaired["issues"] == 2
    assert found.repaired["comments"] >= 1
    assert (found.differences, found.status, found.failed()) == ([], "equal", False)
    assert loaded.row("issues", lost)["deleted_at"] is None
    assert loaded.row("issues", edited)["summary"] == "edited since the load"


def test_a_row_of_a_deleted_issue_that_somebody_brought_back_is_marked_again_with_the_evidence(loaded: Deployment) -> None:
    issue = chosen(loaded)["issue"]
    loaded.sim.space.delete_issue(issue)
    assert loaded.run_issues(mode="incremental").success
    loaded.sim.clock.advance(7_200)
    assert loaded.run_issues(mode="incremental").success
    for table, column in (("issues", "id"), ("comments", "issue_id"), ("issue_changes", "issue_id")):
        loaded.change(f"UPDATE raw.{table} SET deleted_at = NULL, deleted_reason = NULL WHERE {column} = {issue}")
    found = deep(loaded)
    assert told(found) == {("issues", "not at source")}
    assert verify(loaded, repair=True).found.differences == []
    assert loaded.row("issues", issue)["deleted_at"] is not None
    assert [row for row in loaded.rows("comments") if row["issue_id"] == issue] == []
    evidence = loaded.query(
        f"SELECT evidence FROM ops.deletions WHERE record_key = '{issue}' AND table_name = 'issues' ORDER BY id DESC LIMIT 1"
    )
    assert "verify" in evidence[0]["evidence"]
