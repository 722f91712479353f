"""Tombstones: what is gone is marked and logged, once, and only within what was read whole."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text

from resources.warehouse.raw.quarantine import pending_rejections
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.tombstones import (
    hold_issues,
    mark_comments_deleted,
    mark_issues_deleted,
    mark_missing,
    mark_project_deleted,
    stored_ids,
)
from tests.databases import execute

WHO = {"space_key": "acme", "reason": "not listed", "run_id": "run-2"}
BY_ID = {"space_key": "acme", "evidence": "feed; asked for by id", "run_id": "run-2"}
LOG = (
    "SELECT space_key, table_name, record_key, project_id, reason, evidence, run_id FROM "
    "ops.deletions ORDER BY 2, 3"
)


def test_rows_that_are_no_longer_listed_are_marked_once_by_the_run_that_missed_them(
    warehouse: Engine, load: Any, rows: Any, user: Any
) -> None:
    load("users", user(1), user(2), user(3))
    load("users", user(1), space_key="other")
    before = rows("users")[0]
    with warehouse.begin() as conn:
        assert mark_missing(conn, SPECS["users"], {}, [5002], **WHO) == (5001, 5003)
        assert mark_missing(conn, SPECS["users"], {}, [5002], **WHO) == ()
    marked = rows("users")
    assert [(row["space_key"], row["id"], row["deleted_reason"]) for row in marked] == [
        ("acme", 5001, "not listed"),
        ("acme", 5002, None),
        ("acme", 5003, "not listed"),
        ("other", 5001, None),
    ]
    assert marked[0]["deleted_at"] == marked[0]["loaded_at"] > before["loaded_at"]
    assert marked[0]["run_id"] == "run-2"


def test_only_the_project_that_was_listed_loses_rows(
    warehouse: Engine, load: Any, rows: Any
) -> None:
    for project in (300, 301):
        of_project = {"project_id": project}
        load("statuses", {"id": 1, "name": "Open"}, {"id": 2, "name": "Doing"}, extra=of_project)
        load("categories", {"id": project, "name": "Infra"}, extra=of_project)
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


def test_stored_ids_are_those_of_a_window_that_are_not_marked(
    warehouse: Engine, load: Any, issue: Any
) -> None:
    load(
        "issues",
        *(issue(n, updated=f"2026-08-0{n}T00:00:00Z") for n in range(1, 6)),
        issue(6, projectId=301),
    )
    with warehouse.begin() as conn:
        mark_issues_deleted(conn, [90_003], evidence="looked", **WHO)

        def ids(**window: datetime) -> set[int]:
            return stored_ids(
                conn, SPECS["issues"], {"project_id": 300}, space_key="acme", **window
            )

        day = {number: datetime(2026, 8, number, tzinfo=UTC) for number in range(1, 6)}
        assert ids() == {90_001, 90_002, 90_004, 90_005}
        assert ids(since=day[2], until=day[5]) == {90_002, 90_004}
        assert ids(until=day[2]) == {90_001}
        assert ids(since=day[5]) == {90_005}
        assert stored_ids(conn, SPECS["issues"], {"project_id": 300}, space_key="other") == set()


# -- the log ---------------------------------------------------------------------------------------


def log(warehouse: Engine, sql: str = LOG) -> list[tuple[Any, ...]]:
    with warehouse.connect() as conn:
        return [tuple(row) for row in conn.execute(text(sql))]


def history(load: Any, *numbers: int, project: int = 300) -> None:
    """Store a comment with one change for each of these issues."""
    for number in numbers:
        comment = {
            "id": 640_000 + number,
            "issueId": 90_000 + number,
            "projectId": project,
            "created": "2026-08-01T00:00:00Z",
        }
        load("comments", comment)
        load(
            "issue_changes",
            {
                "commentId": comment["id"],
                "position": 0,
                "issueId": comment["issueId"],
                "projectId": project,
            },
        )


def test_each_mark_is_logged_with_key_project_reason_and_evidence(
    warehouse: Engine, load: Any, user: Any
) -> None:
    load("users", user(1), user(2))
    load(
        "statuses", {"id": 1, "name": "Open"}, {"id": 77, "name": "Own"}, extra={"project_id": 300}
    )
    with warehouse.begin() as conn:
        for _ in range(2):
            mark_missing(conn, SPECS["users"], {}, [5002], **WHO)
            mark_missing(
                conn,
                SPECS["statuses"],
                {"project_id": 300},
                [1],
                evidence="GET /projects/OPS/statuses",
                **WHO,
            )
    assert log(warehouse) == [
        ("acme", "statuses", "300/77", 300, "not listed", "GET /projects/OPS/statuses", "run-2"),
        ("acme", "users", "5001", None, "not listed", "GET /users no longer lists it", "run-2"),
    ]
    assert log(
        warehouse,
        "SELECT u.deleted_at = d.found_at FROM raw.users u JOIN ops.deletions d ON "
        "d.record_key = u.id::text",
    ) == [(True,)]


def test_a_row_that_comes_back_closes_its_entry_and_going_again_opens_another(
    warehouse: Engine, load: Any, user: Any
) -> None:
    load("users", user(1), user(2))
    for _ in range(2):
        with warehouse.begin() as conn:
            mark_missing(conn, SPECS["users"], {}, [], **WHO)
        load("users", user(1))
    kept = "SELECT record_key, restored_at >= found_at FROM ops.deletions ORDER BY 1, id"
    assert log(warehouse, kept) == [("5001", True), ("5001", True), ("5002", None)]


def test_a_deleted_issue_takes_its_comments_changes_and_read_state_with_it(
    warehouse: Engine, load: Any, rows: Any, issue: Any
) -> None:
    load("issues", issue(1), issue(2))
    history(load, 1, 2)
    execute(
        warehouse,
        "INSERT INTO ops.issue_sync_state (space_key, issue_id, project_id) SELECT "
        "'acme', id, 300 FROM raw.issues",
    )
    with warehouse.begin() as conn:
        assert mark_issues_deleted(conn, [90_001, 4711], **BY_ID) == (90_001,)
        assert mark_issues_deleted(conn, [90_001], **BY_ID) == ()
        assert mark_issues_deleted(conn, [], **BY_ID) == ()
        free = "SELECT issue_id FROM ops.issue_sync_state FOR UPDATE SKIP LOCKED"
        assert log(warehouse, free) == [(90_002,)], "no other issue is held up"
    assert log(
        warehouse, "SELECT table_name, record_key, reason, evidence FROM ops.deletions ORDER BY 1"
    ) == [
        ("comments", "640001", "issue deleted", "feed; asked for by id"),
        ("issue_changes", "640001/0", "issue deleted", "feed; asked for by id"),
        ("issues", "90001", "deleted", "feed; asked for by id"),
    ]
    assert log(warehouse, "SELECT issue_id FROM ops.issue_sync_state") == [(90_002,)]
    assert [row["deleted_reason"] for row in rows("comments")] == ["issue deleted", None]

    load("issues", issue(1))
    history(load, 1)
    assert not [
        row
        for table in ("issues", "comments", "issue_changes")
        for row in rows(table)
        if row["deleted_at"]
    ]
    assert log(warehouse, "SELECT count(*) FROM ops.deletions WHERE restored_at IS NULL") == [(0,)]


def test_a_comment_takes_its_changes_with_it(
    warehouse: Engine, load: Any, rows: Any, issue: Any
) -> None:
    load("issues", issue(1), issue(2))
    history(load, 1, 2)
    with warehouse.begin() as conn:
        assert mark_comments_deleted(conn, [640_001], **BY_ID) == (640_001,)
    assert [row["deleted_reason"] for row in rows("comments")] == ["deleted", None]
    assert [row["deleted_reason"] for row in rows("issue_changes")] == ["comment deleted", None]
    assert not [row for row in rows("issues") if row["deleted_at"]]


def test_a_project_takes_every_row_with_it_and_leaves_the_others_alone(
    warehouse: Engine, load: Any, rows: Any, issue: Any
) -> None:
    for project, number in ((300, 1), (301, 2)):
        load("projects", {"id": project, "projectKey": f"P{project}", "name": "P"})
        load("project_members", {"id": 5001}, extra={"project_id": project})
        load("statuses", {"id": 1, "name": "Open"}, extra={"project_id": project})
        load("issues", issue(number, projectId=project))
        load("issues", issue(number + 10, projectId=project, estimatedHours="many"))
        history(load, number, project=project)
    execute(
        warehouse,
        "INSERT INTO ops.issue_sync_state (space_key, issue_id, project_id) SELECT "
        "'acme', id, project_id FROM raw.issues",
        "INSERT INTO ops.sync_state (space_key, scope, project_id) VALUES ('acme', "
        "'issues', 300), ('acme', 'issues', 301)",
    )
    with warehouse.begin() as conn:
        marked = mark_project_deleted(conn, [300], **BY_ID)
        assert mark_project_deleted(conn, [300], **BY_ID) == {}
        assert pending_rejections(conn, "acme", "issues") == ["90012"]
    assert marked == dict.fromkeys(
        ("projects", "project_members", "statuses", "issues", "comments", "issue_changes"), 1
    )
    for table in marked:
        assert [bool(row["deleted_at"]) for row in rows(table)] == [True, False]
    assert set(
        log(warehouse, "SELECT reason, project_id, table_name = 'projects' FROM ops.deletions")
    ) == {("project deleted", 300, False), ("deleted", 300, True)}
    kept = (
        "SELECT project_id FROM ops.issue_sync_state UNION ALL SELECT project_id FROM "
        "ops.sync_state"
    )
    assert log(warehouse, kept) == [(301,), (301,)]


def test_a_bad_record_that_is_no_longer_listed_leaves_the_quarantine(
    warehouse: Engine, load: Any
) -> None:
    bad = [{"id": number, "name": "x", "displayOrder": "first"} for number in (1, 2)]
    for project in (300, 301):
        load("statuses", *bad, {"name": "no id"}, extra={"project_id": project})
    with warehouse.begin() as conn:
        mark_missing(conn, SPECS["statuses"], {"project_id": 300}, [2], **WHO)
        left = pending_rejections(conn, "acme", "statuses")
    assert sorted(key for key in left if "/" in key) == ["300/2", "301/1", "301/2"]


def test_a_writer_of_comments_locks_their_issues_so_that_none_is_marked_in_between(
    warehouse: Engine, load: Any, issue: Any
) -> None:
    def mark(number: int) -> None:
        with warehouse.begin() as conn:
            mark_issues_deleted(conn, [number], **BY_ID)

    load("issues", issue(1), issue(2))
    mark(90_002)
    with ThreadPoolExecutor(1) as pool, warehouse.begin() as conn:
        assert hold_issues(conn, [90_001, 90_002, 4711], space_key="acme") == {90_001}
        other = pool.submit(mark, 90_001)
        with pytest.raises(TimeoutError):
            other.result(0.3)
        conn.execute(
            text(
                "INSERT INTO raw.comments (space_key, id, issue_id, project_id, payload, "
                "content_hash, loaded_at, run_id) "
                "VALUES ('acme', 1, 90001, 300, '{}', '', now(), 'r')"
            )
        )
    assert log(warehouse, "SELECT deleted_reason FROM raw.comments") == [("issue deleted",)]
