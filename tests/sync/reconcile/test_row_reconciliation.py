"""The deep comparison finds each kind of difference in each table, and nothing that is none."""

from typing import Any

import pytest

from pipelines.cli.verify_command import verify_exit_code
from simulator import RequestInfo
from sync.reconcile.pairs import Parts
from sync.reconcile.row_reconciliation import RowReconciliation
from sync.results.verify_json import verify_result
from tests.databases import execute
from tests.sync.reconcile.looking import reported
from tests.sync.reconcile.tamperings import HISTORY, ISSUES, LISTS, Tampering
from tests.syncs import Syncs

ALL = [*ISSUES, *HISTORY, *LISTS]


def test_a_loaded_quiet_space_is_equal_in_every_table(synced: Syncs) -> None:
    found: Any = verify_result(synced.compare(), {}, 0)
    assert [found[name] for name in ("status", "how", "differences", "errors")] == [
        "equal", "rows", [], [],
    ]  # fmt: skip
    assert [
        table
        for table, counts in found["tables"].items()
        if not 0 < counts["source"] == counts["warehouse"]
    ] == []
    names = ("project", "status", "source", "warehouse")
    assert [tuple(one[name] for name in names) for one in found["projects"]] == [
        (key, "equal", len(synced.source_issues(key)), len(synced.source_issues(key)))
        for key in ("OPS", "WEB", "APP")
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
    assert (len(found.errors), verify_exit_code(found)) == (1, 1)
    tables = verify_result(found, {}, 0)["tables"]
    assert {table for table, one in tables.items() if one["partial"]} == {
        "issues", "comments", "issue_changes",
    }  # fmt: skip


@pytest.mark.parametrize("tampering", ALL, ids=lambda one: one.name)
def test_a_row_that_somebody_has_spoilt_is_reported(synced: Syncs, tampering: Tampering) -> None:
    tampering.do(synced)
    found = synced.compare()
    assert reported(found) == tampering.reported
    assert reported(found, behind=True) == set()
    assert verify_exit_code(found) == 1


def test_a_comparison_in_small_parts_finds_the_same_as_in_one(synced: Syncs) -> None:
    newest = "SELECT max(id) FROM raw.comments WHERE issue_id % 5 = 0 GROUP BY issue_id"
    execute(
        synced.engine,
        "UPDATE raw.issues SET summary = 'x' WHERE id % 3 = 0",
        "DELETE FROM raw.issues WHERE id = (SELECT max(id) FROM raw.issues)",
        "UPDATE raw.comments SET content = 'x' WHERE id IN (SELECT min(id) FROM "
        "raw.comments GROUP BY issue_id)",
        f"DELETE FROM raw.comments WHERE id IN ({newest})",
    )
    with synced.client() as client:
        whole, parts = (
            RowReconciliation(
                client,
                synced.engine,
                None,
                synced.progress,
                mask=synced.mask,
                comments=True,
                parts=parts,
            ).run()
            for parts in (Parts(), Parts(rows=7, issues=3, ids=10, projects=2))
        )
    assert len({one.issue_id for one in whole.differences if one.table == "comments"}) > 20
    assert sorted(map(repr, parts.differences)) == sorted(map(repr, whole.differences))
    assert len(parts.differences) == len({(one.table, one.key) for one in parts.differences})
    assert (parts.tables, parts.projects) == (whole.tables, whole.projects)
