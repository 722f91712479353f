"""Stored reconciliations: the status of a project, since when, and what a count cannot clear."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from resources.warehouse.state.reconciliations import Level, Proof, Reconciled, latest, record

START = datetime(2026, 11, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def compared(warehouse: Engine, checks: str, project: int = 300, space_key: str = "acme") -> None:
    """Keep a comparison a day: `c` counts equal, `C` counts differ, `d` rows equal, `D` rows
    differ.
    """
    for number, one in enumerate(checks):
        how: Level = "count" if one in "cC" else "rows"
        with warehouse.begin() as conn:
            record(
                conn,
                space_key,
                how,
                [Reconciled(project, 10, 10 + one.isupper(), int(one.isupper()))],
            )
            conn.execute(
                text(
                    "UPDATE ops.reconciliations SET checked_at = :day WHERE id = (SELECT max(id) "
                    "FROM ops.reconciliations)"
                ),
                {"day": day(number)},
            )


def reconciliation_status(warehouse: Engine, project: int = 300) -> Proof:
    with warehouse.connect() as conn:
        return latest(conn, "acme")[project]


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
    compared(warehouse, checks)
    found = reconciliation_status(warehouse)
    assert (found.equal, found.since, found.checked_at) == (equal, day(since), day(len(checks) - 1))


def test_the_last_comparison_and_the_last_row_reconciliation_are_distinguished(
    warehouse: Engine,
) -> None:
    compared(warehouse, "Dc")
    found = reconciliation_status(warehouse)
    assert (found.level, found.source_rows, found.warehouse_rows, found.differences) == (
        "count",
        10,
        10,
        0,
    )
    assert (found.rows_compared_at, found.row_differences) == (day(0), 1)
    compared(warehouse, "c", project=301)
    assert reconciliation_status(warehouse, 301).rows_compared_at is None


def test_projects_and_spaces_do_not_mix(warehouse: Engine) -> None:
    compared(warehouse, "cc")
    compared(warehouse, "C", project=301)
    compared(warehouse, "C", space_key="other")
    assert reconciliation_status(warehouse).equal
    assert not reconciliation_status(warehouse, 301).equal
    with warehouse.connect() as conn:
        assert set(latest(conn, "acme")) == {300, 301}
        assert latest(conn, "nobody") == {}


def test_nothing_compared_keeps_nothing(warehouse: Engine) -> None:
    with warehouse.begin() as conn:
        record(conn, "acme", "count", [])
        assert latest(conn, "acme") == {}
