"""What nothing explains in a number of issues, what a person reads of it, and when a comparison has
failed.
"""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from pipelines.cli.verify_command import verify_exit_code
from sync.holdings import Holdings
from sync.numbers import ProjectCount
from sync.reconcile.count_reconciliation import compared
from sync.reconcile.verdict import (
    MISSING,
    TOO_FAST,
    Difference,
    ProjectReconciliation,
    Reconciliation,
)
from sync.results.verify_json import LISTED, verify_result

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
COUNT = ProjectCount("OPS", 10, 10, 300)
PROJECT = ProjectReconciliation(300, "OPS", 10, 10, 0)


def row(number: int = 7, outcome: str = "different", table: str = "issues") -> Difference:
    return Difference(
        table,
        300,
        0,
        str(number),
        MISSING,
        "s",
        "w",
        outcome,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("counted", "difference"),
    [
        ({}, 0),
        ({"warehouse": 9}, -1),
        ({"warehouse": 11}, 1),
        ({"source": 9}, 1),
        ({"source": 11}, -1),
        ({"warehouse": 8, "refused": 2}, 0),
        ({"happened": {"created": 3}}, 3),
        ({"happened": {"moved here": 3}}, 3),
        ({"happened": {"deleted": 3}}, -3),
        ({"happened": {"moved away": 3}}, -3),
        (
            {
                "source": 12,
                "happened": {"created": 4, "moved here": 1, "deleted": 2, "moved away": 1},
            },
            0,
        ),
    ],
)
def test_a_difference_is_what_nothing_explains(counted: dict[str, Any], difference: int) -> None:
    assert replace(COUNT, **counted).difference == difference


def test_the_source_has_what_is_stored_and_what_is_refused() -> None:
    held = Holdings(Counter({300: 10, 301: 5, 302: 7}), Counter({300: 2, 301: -1}), Counter())
    assert held.total([300, 301]) == 16
    assert held.total([303]) == 0


def test_a_count_is_reported_without_its_sign_and_an_unknown_one_as_none() -> None:
    short = replace(COUNT, warehouse=7, quarantined=2, happened={"created": 1, "deleted": 0})
    found = compared(short, NOON)
    assert (found.id, found.key, found.source, found.warehouse) == (300, "OPS", 10, 7)
    assert (found.differences, found.behind, found.quarantined, found.conclusive) == (2, 1, 2, True)
    assert (found.loaded_until, found.note) == ("2026-06-01T12:00:00+00:00", "2 in quarantine")
    assert found.remark == "1 created since the last load; 2 in quarantine"
    fast = compared(replace(short, conclusive=False), None)
    assert (fast.differences, fast.conclusive, fast.loaded_until) == (0, False, None)
    assert fast.note == f"{TOO_FAST}; 2 in quarantine"
    assert (compared(COUNT, None).note, compared(COUNT, None).remark) == (None, "")


def test_a_difference_counts_more_than_what_is_behind() -> None:
    behind, different = (
        replace(PROJECT, since_load={"changed": 2}),
        replace(PROJECT, differences=1, since_load={"changed": 2}),
    )
    assert [one.status for one in (PROJECT, behind, different)] == ["equal", "behind", "different"]

    def status(*projects: ProjectReconciliation, differences: tuple[Difference, ...] = ()) -> str:
        return Reconciliation("rows", projects, {}, differences).status

    assert (status(PROJECT), status(PROJECT, behind), status(behind, different, PROJECT)) == (
        "equal",
        "behind",
        "different",
    )
    # Rows of lists are of no project.
    assert status(PROJECT, differences=(row(outcome="quarantined"),)) == "equal"
    assert status(PROJECT, differences=(row(outcome="behind"),)) == "behind"
    assert status(behind, differences=(row(), row(outcome="behind"))) == "different"


def test_a_comparison_fails_where_rows_differ_or_could_not_be_read() -> None:
    behind = Reconciliation("count", [replace(PROJECT, since_load={"created": 1})], {})
    different = Reconciliation("count", [replace(PROJECT, differences=1)], {})
    equal = Reconciliation("count", [PROJECT], {})
    found = (equal, behind, different)
    assert [verify_exit_code(one) for one in found] == [0, 0, 1]
    assert [verify_exit_code(one, strict=True) for one in found] == [0, 1, 1]
    assert verify_exit_code(replace(equal, errors=["OPS: refused"])) == 1


def test_programs_are_given_a_thousand_rows_and_the_numbers_of_all() -> None:
    rows = [row(number, "behind") for number in range(LISTED)] + [
        row(LISTED),
        row(LISTED + 1, "quarantined", "users"),
    ]
    tables = {"issues": (3, 4), "users": (5, 6)}
    found = verify_result(
        Reconciliation("rows", [PROJECT], tables, rows, repaired_rows=rows), {}, 0
    )
    assert (len(found["differences"]), len(found["repaired_rows"])) == (LISTED, LISTED)
    assert [one["key"] for one in found["differences"][:2]] == [str(LISTED), "0"]
    assert found["tables"] == {
        "issues": {
            "source": 3,
            "warehouse": 4,
            "differences": 1,
            "behind": LISTED,
            "quarantined": 0,
            "partial": False,
        },
        "users": {
            "source": 5,
            "warehouse": 6,
            "differences": 0,
            "behind": 0,
            "quarantined": 1,
            "partial": False,
        },
    }
    assert found["repaired"] == {"issues": LISTED + 1, "users": 1}


def test_of_numbers_the_table_of_issues_has_the_sums() -> None:
    projects = [
        replace(PROJECT, differences=1, since_load={"created": 2}, quarantined=3),
        replace(PROJECT, differences=2),
    ]
    found = verify_result(Reconciliation("count", projects, {"issues": (20, 20)}), {}, 0)
    assert found["tables"] == {
        "issues": {
            "source": 20,
            "warehouse": 20,
            "differences": 3,
            "behind": 2,
            "quarantined": 3,
            "partial": False,
        }
    }


def test_a_row_without_a_key_of_its_own_has_no_ids() -> None:
    keys = {"7": (7,), "300/5": (300, 5), "?abc": (), "": ()}
    assert {key: replace(row(), key=key).ids for key in keys} == keys
