"""The deep comparison finds each kind of difference in each table, and nothing that is none."""

from typing import Any

import pytest

from simulator import RequestInfo
from sync.reconcile import pairs, row_reconciliation
from sync.results.verify_result import verify_result
from tests.sync.reconcile.looking import reported
from tests.sync.reconcile.tamperings import HISTORY, ISSUES, LISTS, Tampering
from tests.syncs import Syncs

ALL = [*ISSUES, *HISTORY, *LISTS]


def test_a_loaded_quiet_space_is_equal_in_every_table(synced: Syncs) -> None:
    found = verify_result(synced.compare(), {}, 0)
    assert (found["status"], found["how"], found["differences"], found["errors"]) == (
        "equal",
        "rows",
        [],
        [],
    )
    assert {
        table
        for table, counts in found["tables"].items()
        if counts["source"] != counts["warehouse"]
    } == set()
    assert {table for table, counts in found["tables"].items() if not counts["source"]} == set()
    assert [(one["project"], one["status"]) for one in found["projects"]] == [
        ("OPS", "equal"),
        ("WEB", "equal"),
        ("APP", "equal"),
    ]
    issues = [len(synced.source_issues(one["project"])) for one in found["projects"]]
    assert [(one["source"], one["warehouse"]) for one in found["projects"]] == [
        (number, number) for number in issues
    ]


def test_a_project_whose_issues_cannot_be_read_is_not_compared_whole(synced: Syncs) -> None:
    web = synced.sim.space.project("WEB").id

    def spoil(request: RequestInfo, body: Any) -> Any:
        return (
            {"not": "a list"}
            if request.route == "/issues" and request.param("projectId[]") == str(web)
            else body
        )

    synced.sim.rewrite_response(spoil)
    found = synced.compare()
    assert [(one.key, one.conclusive, one.note) for one in found.projects] == [
        ("OPS", True, None),
        ("WEB", False, "not compared whole"),
        ("APP", True, None),
    ]
    assert len(found.errors) == 1
    assert found.failed()
    assert {table for table, one in verify_result(found, {},
        0)["tables"].items() if one["partial"]} == {
        "issues", "comments", "issue_changes",
    }  # fmt: skip


@pytest.mark.parametrize("tampering", ALL, ids=lambda one: one.name)
def test_a_row_that_somebody_has_spoilt_is_reported(synced: Syncs, tampering: Tampering) -> None:
    tampering.do(synced)
    found = synced.compare()
    assert reported(found) == tampering.reported
    assert reported(found, behind=True) == set()
    assert found.failed()


def test_a_comparison_in_small_parts_finds_the_same_as_in_one(
    synced: Syncs, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced.change("UPDATE raw.issues SET summary = 'x' WHERE id % 3 = 0")
    synced.change("DELETE FROM raw.issues WHERE id = (SELECT max(id) FROM raw.issues)")
    synced.change(
        "UPDATE raw.comments SET content = 'x' WHERE id IN (SELECT min(id) FROM "
        "raw.comments GROUP BY issue_id)"
    )
    newest = "SELECT max(id) FROM raw.comments WHERE issue_id % 5 = 0 GROUP BY issue_id"
    synced.change(f"DELETE FROM raw.comments WHERE id IN ({newest})")
    whole = synced.compare()
    monkeypatch.setattr(row_reconciliation, "AT_ONCE", 7)
    monkeypatch.setattr(pairs, "ISSUES_AT_ONCE", 3)
    monkeypatch.setattr(pairs, "IDS_PER_REQUEST", 10)
    monkeypatch.setattr(pairs, "PROJECTS_PER_REQUEST", 2)
    parts = synced.compare()
    assert len({one.issue_id for one in whole.differences if one.table == "comments"}) > 20
    assert sorted(map(repr, parts.differences)) == sorted(map(repr, whole.differences))
    assert len(parts.differences) == len({(one.table, one.key) for one in parts.differences})
    assert parts.tables == whole.tables
    assert parts.projects == whole.projects
