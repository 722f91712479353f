"""The log of deletions, read: newest first, with readable keys, without rows deleted together with
another.
"""

from typing import Any

from sqlalchemy import Engine

from resources.warehouse.raw.deletion_log import count_deletions, latest_deletions
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.tombstones import (
    mark_comments_deleted,
    mark_issues_deleted,
    mark_missing,
)

BY = {"space_key": "acme", "run_id": "r"}


def filled(warehouse: Engine, load: Any, user: Any, issue: Any) -> None:
    """Mark an issue with its comment, a comment of another one, a membership and two users, one of
    another space.
    """
    load("users", user(1), user(2))
    load("users", user(1), space_key="other")
    load("project_members", {"id": 5001}, extra={"project_id": 300})
    load("issues", issue(1), issue(2))
    for number in (1, 2):
        load("comments", {"id": number, "issueId": 90_000 + number, "projectId": 300})
        load(
            "issue_changes",
            {"commentId": number, "position": 0, "issueId": 90_000 + number, "projectId": 300},
        )
    with warehouse.begin() as conn:
        mark_issues_deleted(conn, [90_001], evidence="feed", **BY)
        mark_comments_deleted(conn, [2], evidence="re-read", **BY)
        mark_missing(
            conn, SPECS["project_members"], {"project_id": 300}, [], reason="no longer listed", **BY
        )
        mark_missing(conn, SPECS["users"], {}, [5001], reason="no longer listed", **BY)
        mark_missing(conn, SPECS["users"], {}, [], reason="x", space_key="other", run_id="r")


def test_the_newest_come_first_named_as_people_know_them_without_what_came_back(
    warehouse: Engine, load: Any, user: Any, issue: Any
) -> None:
    filled(warehouse, load, user, issue)
    with warehouse.connect() as conn:
        latest, counted = latest_deletions(conn, "acme", 50), count_deletions(conn, "acme")
        assert len(latest_deletions(conn, "acme", 2)) == 2
    assert [(one.table, one.key, one.label, one.project_id) for one in latest] == [
        ("users", "5002", "user2", None),
        ("project_members", "300/5001", "森 1", 300),
        ("comments", "2", "OPS-2", 300),
        ("issues", "90001", "OPS-1", 300),
    ]
    assert counted == {
        None: {"users": 1},
        300: {"comments": 2, "issue_changes": 2, "issues": 1, "project_members": 1},
    }
    load("users", user(2))
    load("issues", issue(1))
    with warehouse.connect() as conn:
        latest, counted = latest_deletions(conn, "acme", 50), count_deletions(conn, "acme")
    assert [one.table for one in latest] == ["project_members", "comments"]
    assert counted == {300: {"comments": 2, "issue_changes": 2, "project_members": 1}}
