"""What a person at a terminal sees of a comparison."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from pipelines.cli.console_verify import SHOWN, WIDEST, verified_table
from sync.reconcile.verdict import (
    CONTENT,
    MISSING,
    Difference,
    ProjectReconciliation,
    Reconciliation,
)
from sync.results.verify_json import VerifyResult, verify_result
from tests.shapes import misfits

UNTIL = "2026-06-30T23:59:58+00:00"


def row(number: int, **values: Any) -> Difference:
    return Difference(
        **{
            "table": "issues", "project_id": 300, "issue_id": 0, "key": str(number),
            "kind": CONTENT, "source": "summary=\"a\"",
            "warehouse": "summary=\"b\"", "label": f"OPS-{number}", **values,
        }
    )  # fmt: skip


def shown(
    *differences: Difference,
    repaired: tuple[Difference, ...] = (),
    how: str = "rows",
    projects: Any = None,
) -> list[str]:
    """Return the lines for a comparison of one project with these differences."""
    different = [one for one in differences if one.outcome != "behind"]
    verdict = ProjectReconciliation(
        300,
        "OPS",
        1_200,
        1_199,
        len(different),
        {"changed": len(differences) - len(different)},
        UNTIL,
    )
    found = Reconciliation(
        how,  # type: ignore[arg-type]
        projects or [verdict],
        {"issues": (1_200, 1_199)},
        differences,
        (),
        repaired,
    )
    as_json = verify_result(
        found, {"read": 20, "search": 13, "retries": 2, "rate_limited": 1}, 1.234
    )
    assert misfits(as_json, VerifyResult) == []
    return verified_table(json.loads(json.dumps(as_json))).splitlines()


def test_rows_that_differ_are_shown_as_people_know_them_with_both_sides() -> None:
    lines = shown(
        row(7),
        row(8, kind=MISSING, source="changed 2026-01-01T00:00:00Z", warehouse="no row", label=""),
    )
    first = lines.index("2 rows differ:") + 1
    seven, eight = (re.split("  +", line) for line in lines[first + 2 : first + 4])
    assert seven == [
        "issues", "OPS", "OPS-7 (7)", "content differs", 'summary="a"', 'summary="b"'
    ]  # fmt: skip
    assert eight[:3] == ["issues", "OPS", "8"]
    assert lines[-1] == "different: repair it with --repair (rows, 1.2 s, 33 requests)"


@pytest.mark.parametrize(
    ("differs", "repaired", "heads", "verdict"),
    [
        (
            [row(7, outcome="behind")],
            [],
            ["1 row differs:"],
            "behind: only changes since the last load",
        ),
        ([], [row(7)], ["1 row was different and repaired:"], "equal ("),
        (
            [row(8)],
            [row(7), row(9)],
            ["2 rows were different and repaired:", "1 row differs still:"],
            "different still (",
        ),
    ],
    ids=["behind", "repaired", "not repaired whole"],
)
def test_the_verdict_says_what_helps_and_what_was_repaired(
    differs: list[Difference], repaired: list[Difference], heads: list[str], verdict: str
) -> None:
    lines = shown(*differs, repaired=tuple(repaired))
    assert {*heads} <= {*lines}
    assert [one.label for one in repaired if f"{one.label} ({one.key})" not in "".join(lines)] == []
    assert lines[-1].startswith(verdict)


def test_of_many_rows_the_first_are_shown_and_all_are_counted() -> None:
    lines = shown(*map(row, range(1, SHOWN + 12)))
    assert f"{SHOWN + 11} rows differ, the first {SHOWN} of them:" in lines
    assert len([line for line in lines if "OPS-" in line]) == SHOWN


def test_wide_characters_and_long_values_keep_the_columns_apart() -> None:
    long = "件名" * 60
    lines = shown(row(7, source=long, warehouse="x\r\n\ty"), row(8, source="short", warehouse="z"))
    first, second = (next(line for line in lines if f"OPS-{number}" in line) for number in (7, 8))
    assert first.endswith("…  x y")
    assert len(first.split("  ")[-2]) <= WIDEST // 2 + 1
    wide = sum(character in "件名" for character in first)
    assert first.index("x y") + wide == second.index("z")


def test_a_project_says_how_far_it_is_equal_and_why_no_further() -> None:
    never = ProjectReconciliation(1, "NEW", 3, 0, 3, {}, None)
    noted = ProjectReconciliation(2, "OLD", 0, 9, 0, {}, UNTIL, "it is archived")
    partial = replace(noted, note="not compared whole", conclusive=False)
    refused = ProjectReconciliation(3, "B", 12, 11, 0, {}, UNTIL, "1 in quarantine", quarantined=1)
    lines = shown(how="count", projects=[never, noted, partial, refused])
    for line, said in zip(
        lines[2:6],
        ("never fully loaded$", "23:59:58; it is archived$", "not compared whole", "equal but for"),
        strict=True,
    ):
        assert re.search(said, line), line
    lines = shown(how="count", projects=[partial, refused])
    assert lines[-1].startswith("equal as far as it could be compared, but for 1 in quarantine")


def test_a_table_says_why_its_numbers_differ_where_no_row_of_it_does() -> None:
    tables = {"users": (5, 30), "comments": (100, 105), "issues": (10, 10)}
    found = Reconciliation("rows", [], tables, partial={"users", "issues"})
    shown = verified_table(verify_result(found, {}, 1.0))
    assert re.search("^users .*the source did not show all of it$", shown, re.MULTILINE)
    assert re.search("^comments .*with the issues that are gone$", shown, re.MULTILINE)
    assert len(re.findall("did not show", shown)) == 1
