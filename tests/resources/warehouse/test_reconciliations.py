"""Stored reconciliations: the status of a project, since when, and what a count cannot clear."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from resources.warehouse.state.reconciliations import Level, Proof, Reconciled, latest, record
from tests.databases import execute

DAYS = [datetime(2026, 11, day, tzinfo=UTC) for day in range(1, 9)]


def compared(
    warehouse: Engine, checks: str, project: int = 300, space_key: str = "acme"
) -> dict[int, Proof]:
    """Keep a comparison a day: `c` counts equal, `C` counts differ, `d` rows equal, `D` rows
    differ; return what is known of the projects of acme.
    """
    last = "SELECT max(id) FROM ops.reconciliations"
    for number, one in enumerate(checks):
        how: Level = "count" if one in "cC" else "rows"
        found = Reconciled(project, 10, 10 + one.isupper(), int(one.isupper()))
        with warehouse.begin() as conn:
            record(conn, space_key, how, [found])
        execute(
            warehouse,
            f"UPDATE ops.reconciliations SET checked_at = '{DAYS[number]}' WHERE id = ({last})",
        )
    with warehouse.connect() as conn:
        return latest(conn, "acme")


@pytest.mark.parametrize(
    ("checks", "equal", "since"),
    [
        ("c", True, 0),
        ("C", False, 0),
        ("ccc", True, 0),
        ("Ccc", True, 1),
        ("cCC", False, 1),
        ("cCcCc", True, 4),
        ("dcc", True, 0),
        ("cD", False, 1),
        ("cDcc", False, 1),  # by number only: what differed row by row may still differ
        ("cDcd", True, 3),
        ("cDCd", True, 3),
        ("DcDc", False, 0),
    ],
)
def test_a_project_has_the_status_of_its_last_comparisons_since_the_first_of_them(
    warehouse: Engine, checks: str, equal: bool, since: int
) -> None:
    found = compared(warehouse, checks)[300]
    assert (found.equal, found.since) == (equal, DAYS[since])
    assert found.checked_at == DAYS[len(checks) - 1]


def test_the_last_comparison_and_the_last_row_reconciliation_are_distinguished(
    warehouse: Engine,
) -> None:
    found = compared(warehouse, "Dc")[300]
    assert (found.level, found.source_rows, found.warehouse_rows, found.differences) == (
        "count",
        10,
        10,
        0,
    )
    assert (found.rows_compared_at, found.row_differences) == (DAYS[0], 1)
    assert compared(warehouse, "c", project=301)[301].rows_compared_at is None


def test_projects_and_spaces_do_not_mix(warehouse: Engine) -> None:
    compared(warehouse, "cc")
    compared(warehouse, "C", project=301)
    found = compared(warehouse, "C", space_key="other")
    assert {project: one.equal for project, one in found.items()} == {300: True, 301: False}
    with warehouse.connect() as conn:
        assert latest(conn, "nobody") == {}


def test_nothing_compared_keeps_nothing(warehouse: Engine) -> None:
    with warehouse.begin() as conn:
        record(conn, "acme", "count", [])
        assert latest(conn, "acme") == {}
