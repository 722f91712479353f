"""Tombstones: what is gone is marked, once, and only within what was read whole."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from resources.warehouse.deletes import mark_deleted, mark_missing, stored_ids
from resources.warehouse.schema import SPECS

WHO = {"space_key": "acme", "reason": "not listed", "run_id": "run-2"}


def test_rows_that_are_no_longer_listed_are_marked_once(warehouse: Engine, load: Any, rows: Any, user: Any) -> None:
    load("users", user(1), user(2), user(3))
    load("users", user(1), space_key="other")
    with warehouse.begin() as conn:
        assert mark_missing(conn, SPECS["users"], {}, [5002], **WHO) == (5001, 5003)
        assert mark_missing(conn, SPECS["users"], {}, [5002], **WHO) == ()
    marked = {(row["space_key"], row["id"]): row["deleted_reason"] for row in rows("users")}
    assert marked == {
        ("acme", 5001): "not listed",
        ("acme", 5002): None,
        ("acme", 5003): "not listed",
        ("other", 5001): None,
    }


def test_a_tombstone_counts_as_written_by_the_run_that_set_it(warehouse: Engine, load: Any, rows: Any, user: Any) -> None:
    load("users", user(1))
    before = rows("users")[0]
    with warehouse.begin() as conn:
        mark_missing(conn, SPECS["users"], {}, [], **WHO)
    after = rows("users")[0]
    assert after["loaded_at"] > before["loaded_at"]
    assert after["deleted_at"] == after["loaded_at"]
    assert after["run_id"] == "run-2"


def test_only_the_project_that_was_listed_loses_rows(warehouse: Engine, load: Any, rows: Any) -> None:
    for project in (300, 301):
        load("statuses", {"id": 1, "name": "Open"}, {"id": 2, "name": "Doing"}, extra={"project_id": project})
        load("categories", {"id": project, "name": "Infra"}, extra={"project_id": project})
    with warehouse.begin() as conn:
        assert mark_missing(conn, SPECS["statuses"], {"project_id": 300}, [1], **WHO) == (2,)
        assert mark_missing(conn, SPECS["categories"], {"project_id": 301}, [], **WHO) == (301,)
    gone = [(row["project_id"], row["id"]) for row in rows("statuses") if row["deleted_at"]]
    assert gone == [(300, 2)]


def test_a_scope_that_leaves_the_key_open_is_refused(warehouse: Engine) -> None:
    with warehouse.begin() as conn:
        with pytest.raises(ValueError, match="statuses: the scope must fix project_id"):
            mark_missing(conn, SPECS["statuses"], {}, [1], **WHO)
        with pytest.raises(ValueError, match="space"):
            mark_missing(conn, SPECS["space"], {}, [], **WHO)


def test_issues_are_marked_by_id(warehouse: Engine, load: Any, rows: Any, issue: Any) -> None:
    load("issues", issue(1), issue(2))
    with warehouse.begin() as conn:
        assert mark_deleted(conn, SPECS["issues"], [90_001, 4711], **WHO) == (90_001,)
        assert mark_deleted(conn, SPECS["issues"], [90_001], **WHO) == ()
        assert mark_deleted(conn, SPECS["issues"], [], **WHO) == ()
    assert [row["deleted_at"] is not None for row in rows("issues")] == [True, False]


def test_stored_ids_are_those_of_a_window_that_are_not_marked(warehouse: Engine, load: Any, issue: Any) -> None:
    load("issues", *(issue(n, updated=f"2026-08-0{n}T00:00:00Z") for n in range(1, 6)), issue(6, projectId=301))
    with warehouse.begin() as conn:
        mark_deleted(conn, SPECS["issues"], [90_003], **WHO)

        def ids(**window: datetime) -> set[int]:
            return stored_ids(conn, SPECS["issues"], {"project_id": 300}, space_key="acme", **window)

        day = {number: datetime(2026, 8, number, tzinfo=UTC) for number in range(1, 6)}
        assert ids() == {90_001, 90_002, 90_004, 90_005}
        assert ids(since=day[2], until=day[5]) == {90_002, 90_004}
        assert ids(until=day[2]) == {90_001}
        assert ids(since=day[5]) == {90_005}
        assert stored_ids(conn, SPECS["issues"], {"project_id": 300}, space_key="other") == set()
