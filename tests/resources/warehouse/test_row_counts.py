"""How many rows a table has: exact after each write, and not counted again without one."""

from typing import Any

import pytest
from sqlalchemy import Engine, text

from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.tombstones import mark_issues_deleted
from resources.warehouse.state.row_counts import row_count
from tests.databases import execute

#: What no count would say: a count that stands is repeated as it was noted.
STANDS = 1_000
NOTED = f"UPDATE ops.row_counts SET rows = {STANDS}"


@pytest.fixture
def counted(warehouse: Engine, load: Any, issue: Any) -> Engine:
    """Return a warehouse in which three issues were counted, with a count that shows that it
    stands.
    """
    load("issues", *(issue(number) for number in (1, 2, 3)))
    load("issues", issue(9), space_key="other")
    assert of_issues(warehouse) == 3
    execute(warehouse, NOTED)
    return warehouse


def of_issues(warehouse: Engine, space_key: str = "acme") -> int:
    return row_count(warehouse, SPECS["issues"], space_key)


def test_a_count_stands_for_its_space_until_rows_are_written(
    counted: Engine, load: Any, issue: Any
) -> None:
    assert of_issues(counted) == STANDS
    assert of_issues(counted, "other") == 1
    load("issues", issue(1))  # as it is stored
    assert of_issues(counted) == STANDS
    load("issues", issue(4))
    assert of_issues(counted) == 4


def test_marks_of_deletion_and_rows_that_come_back_are_counted(
    counted: Engine, load: Any, issue: Any
) -> None:
    with counted.begin() as connection:
        mark_issues_deleted(connection, [90_001], space_key="acme", evidence="feed", run_id="2")
    assert of_issues(counted) == 2
    load("issues", issue(1))
    assert of_issues(counted) == 3


def test_a_row_of_a_transaction_at_work_is_counted_when_it_is_there(counted: Engine) -> None:
    with counted.begin() as at_work:
        at_work.execute(
            text(
                "UPDATE raw.issues SET deleted_at = now(), loaded_at = statement_timestamp() "
                "WHERE id = 90001"
            )
        )
        execute(counted, "DELETE FROM ops.row_counts")
        assert of_issues(counted) == 3
        assert of_issues(counted) == 3
    assert of_issues(counted) == 2


@pytest.mark.parametrize("moved", ["- interval '25 hours'", "+ interval '1 hour'"])
def test_what_was_changed_by_hand_is_counted_after_a_day_or_a_clock_set_back(
    counted: Engine, moved: str
) -> None:
    execute(counted, "DELETE FROM raw.issues WHERE id = 90001")
    assert of_issues(counted) == STANDS
    execute(counted, f"UPDATE ops.row_counts SET counted_until = counted_until {moved}")
    assert of_issues(counted) == 2
    execute(counted, NOTED)
    assert of_issues(counted) == STANDS


def test_small_tables_are_counted_each_time(warehouse: Engine, load: Any, user: Any) -> None:
    load("users", user(1), user(2))
    assert row_count(warehouse, SPECS["users"], "acme") == 2
    execute(warehouse, "DELETE FROM raw.users WHERE id = 5001")
    assert row_count(warehouse, SPECS["users"], "acme") == 1
