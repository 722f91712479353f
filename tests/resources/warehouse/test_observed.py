"""What a merge records of the issues that it overwrites: which values changed, when, and by which
evidence.
"""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.tombstones import mark_missing

Noted = Callable[[], list[tuple[Any, ...]]]
LATER, STILL_LATER = "2026-08-03T00:00:00Z", "2026-08-04T00:00:00Z"


@pytest.fixture
def noted(warehouse: Engine) -> Noted:
    """Read what was noted since the last look: field, values, the kind of evidence, and the day
    where that is of the source.
    """

    def read() -> list[tuple[Any, ...]]:
        query = (
            "DELETE FROM ops.observed_changes RETURNING field, old_value, new_value, "
            "split_part(evidence, ' ', 1), "
            "CASE WHEN evidence LIKE 'activity%' THEN to_char(changed_at AT TIME ZONE "
            "'UTC', 'YYYY-MM-DD') END"
        )
        with warehouse.begin() as conn:
            return sorted(tuple(row) for row in conn.execute(text(query)))

    return read


def test_new_and_unchanged_issues_leave_no_note(load: Any, noted: Noted, issue: Any) -> None:
    load("issues", issue(1), issue(2))
    load("issues", issue(1), issue(2))
    assert noted() == []


def test_the_first_version_is_noted_when_it_is_replaced_and_no_later_one(
    warehouse: Engine, load: Any, issue: Any
) -> None:
    for day, summary in enumerate("abc", 3):
        load("issues", issue(1, summary=summary, updated=f"2026-08-0{day}T00:00:00Z"))
    with warehouse.connect() as conn:
        found = conn.execute(
            text("SELECT field, updated_before, updated_at FROM ops.observed_changes")
        ).all()
    assert [(field, before.day, after.day) for field, before, after in found] == [
        ("updated_at", 3, 4)
    ]


def test_each_value_that_is_replaced_is_noted_by_the_sync_that_saw_it(
    load: Any, noted: Noted, issue: Any
) -> None:
    load("issues", issue(1), issue(2))
    moved = {
        "status": {"id": 7},
        "assignee": None,
        "dueDate": "2026-09-01T00:00:00Z",
        "actualHours": 1.5,
        "estimatedHours": 3,
    }
    load("issues", issue(1, **moved), issue(2, summary="another", updated="2026-08-02T01:00:00Z"))
    assert noted() == [
        ("actual_hours", None, "1.5", "sync", None),
        ("assignee", "5001", None, "sync", None),
        ("due_date", None, "2026-09-01", "sync", None),
        ("estimated_hours", "2.5", "3", "sync", None),
        ("status", "2", "7", "sync", None),
    ]


def test_an_activity_dates_what_a_deleted_status_or_milestone_changes(
    load: Any, noted: Noted, issue: Any
) -> None:
    project = {"id": 300, "projectKey": "OPS"}
    link = [{"id": 90_001, "key_id": 1, "title": "t"}]
    load("issues", issue(1), issue(2))
    load(
        "activities",
        {
            "id": 1,
            "type": 34,
            "project": project,
            "created": "2026-07-01T00:00:00Z",
            "content": {"link": link},
        },
        {
            "id": 2,
            "type": 34,
            "project": project,
            "created": "2026-08-02T03:00:00Z",
            "content": {"link": link},
        },
        {
            "id": 3,
            "type": 24,
            "project": project,
            "created": "2026-08-02T02:00:00Z",
            "content": {"id": 31, "name": "Q3"},
        },
    )
    load(
        "issues",
        *(issue(number, status={"id": 4}, milestone=[], updated=LATER) for number in (1, 2)),
    )
    assert [row for row in noted() if row[0] != "updated_at"] == [
        ("milestone", "{31}", "{}", "activity", "2026-08-02"),
        ("milestone", "{31}", "{}", "activity", "2026-08-02"),
        ("status", "2", "4", "activity", "2026-08-02"),
        # The activity does not name this one.
        ("status", "2", "4", "sync", None),
    ]


def test_a_deletion_that_was_found_dates_what_it_changes(
    warehouse: Engine, load: Any, noted: Noted, issue: Any
) -> None:
    load("versions", {"id": 31, "projectId": 300, "name": "Q3"})
    load("issues", issue(1))
    with warehouse.begin() as conn:
        mark_missing(
            conn,
            SPECS["versions"],
            {"project_id": 300},
            [],
            space_key="acme",
            run_id="r",
            reason="deleted",
        )
    load("issues", issue(1, milestone=[]))
    load("issues", issue(1, milestone=[], summary="another", updated=STILL_LATER))
    assert noted() == [("milestone", "{31}", "{}", "deletion", None)]


def test_a_move_is_noted_with_what_only_the_old_project_knows(
    load: Any, noted: Noted, issue: Any
) -> None:
    load("issues", issue(1), issue(2), issue(3))
    load(
        "activities",
        *(
            {
                "id": number,
                "type": 2,
                "project": {"id": project, "projectKey": key},
                "created": f"2026-08-0{day}T05:00:00Z",
                "content": {"id": 90_001},
            }
            for number, project, key, day in (
                (1, 300, "OPS", 2), (2, 400, "WEB", 3), (3, 400, "WEB", 4),
            )
        ),
    )  # fmt: skip
    gone = {"projectId": 400, "milestone": [], "category": [], "updated": STILL_LATER}
    kind = {"id": 1401, "projectId": 400, "name": "Task", "color": "#7ea800", "displayOrder": 0}
    load("issues", *(issue(number, **gone, issueType=kind) for number in (1, 2)))
    # In the same project these are in the log.
    load("issues", issue(3, issueType={**kind, "id": 1202, "projectId": 300}, updated=LATER))
    moves = [row for row in noted() if row[0] != "updated_at"]
    assert {row[0] for row in moves} == {"project", "milestone", "issue_type", "category"}
    assert [row for row in moves if row[0] == "project"] == [
        # The first activity of the issue in its new project; of the other issue there is none.
        ("project", "300", "400", "activity", "2026-08-03"),
        ("project", "300", "400", "sync", None),
    ]
    assert [row[3:] for row in moves if row[0] == "milestone"] == [
        ("activity", "2026-08-03"),
        ("sync", None),
    ]
    assert [row[1:3] for row in moves if row[0] == "issue_type"] == [("1201", "1401")] * 2
