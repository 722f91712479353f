"""The space that the tests of the marts share, and the issue in it whose numbers were worked out by
hand (`docs/metrics.md`).
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from simulator import SpaceSpec
from tests.deployment import Deployment

ONE_PROJECT = SpaceSpec(seed=5, users=4, projects=1, issues=12, history_days=90)
#: Asia/Tokyo is nine hours ahead: 2026-06-30T16:00Z is the first of July there.
STEPS = {
    "made": datetime(2026, 6, 30, 16, 0, tzinfo=UTC),
    "started": datetime(2026, 7, 1, 1, 0, tzinfo=UTC),
    "answered": datetime(2026, 7, 1, 2, 30, tzinfo=UTC),
    "reviewed": datetime(2026, 7, 2, 1, 0, 30, tzinfo=UTC),
    "closed": datetime(2026, 7, 2, 4, 0, tzinfo=UTC),
    "reopened": datetime(2026, 7, 3, 4, 0, tzinfo=UTC),
    "closed again": datetime(2026, 7, 31, 15, 30, tzinfo=UTC),
}
PEER = "比 ける子"
GONE = "去 りゆく"
OPEN, IN_PROGRESS, RESOLVED, CLOSED = 1, 2, 3, 4


def work_an_issue(deployment: Deployment) -> int:
    """Make an issue that goes the whole way, is reopened and closed again, with hours; return its
    id.
    """
    space = deployment.sim.space
    author, other = sorted(space.users)[:2]
    milestone = space.add_version("OPS", "夏", due="2026-07-31", at=STEPS["made"])
    issue = space.create_issue(
        "OPS", by=author, at=STEPS["made"], estimated_hours=8, actual_hours=1.5, assignee_id=author
    )
    steps: dict[str, dict[str, Any]] = {
        "started": {
            "status_id": IN_PROGRESS,
            "actual_hours": 2.25,
            "assignee_id": other,
            "milestone_ids": [milestone.id],
        },
        "answered": {"comment": "On it", "by": other},
        "reviewed": {"status_id": RESOLVED, "actual_hours": 6},
        "closed": {"status_id": CLOSED},
        "reopened": {"status_id": IN_PROGRESS, "due_date": "2026-07-31"},
        "closed again": {"status_id": CLOSED, "actual_hours": 5.5},
    }
    for step, fields in steps.items():
        space.edit_issue(issue, at=STEPS[step], **{"by": author, **fields})
    return issue.id


def work_beside_peers(deployment: Deployment) -> None:
    """Make ten issues of a project of their own that took 1 to 10 days, and one in progress for
    five and a half.

    All are made and done by one user, who does nothing else.
    """
    space = deployment.sim.space
    space.add_project("PEER", "Peers")
    begin = STEPS["closed again"] - timedelta(days=20)
    who = space.add_user(PEER).id
    space.add_member("PEER", who, at=begin)
    for days in range(1, 11):
        peer = space.create_issue("PEER", at=begin, by=who, assignee_id=who)
        space.edit_issue(peer, status_id=IN_PROGRESS, at=begin, by=who)
        space.edit_issue(peer, status_id=CLOSED, at=begin + timedelta(days=days), by=who)
    ageing = space.create_issue("PEER", at=begin, by=who, assignee_id=who)
    since = STEPS["closed again"] - timedelta(days=5.5)
    space.edit_issue(
        ageing, status_id=IN_PROGRESS, actual_hours=3, comment="始めます", at=since, by=who
    )


def work_on_numbers(deployment: Deployment) -> None:
    """Make a project whose issues do what is easily counted wrongly.

    `moved` changes its status within the stages too, `reopened` was first started two years before
    it was reopened, `shifted` has a due date that goes both ways, `listed` has milestones and
    categories in another order than that of their ids, `early` is done.
    """
    space = deployment.sim.space
    space.add_project("NUM", "Numbers")
    who, other = sorted(space.users)[:2]
    space.add_member("NUM", other, at=STEPS["made"])
    on_hold, at_work, refused = (
        space.add_status("NUM", name).id for name in ("保留", "対応中", "却下")
    )
    late, early = (
        space.add_version("NUM", name, due="2026-07-10", at=STEPS["made"]).id
        for name in ("遅", "早")
    )
    categories = tuple(space.add_category("NUM", name).id for name in ("後", "先"))
    begin = STEPS["made"]

    def made(at: datetime = begin, **fields: Any) -> int:
        return space.create_issue("NUM", by=who, at=at, assignee_id=who, **fields).id

    def edited(issue: int, days: float, **fields: Any) -> None:
        space.edit_issue(issue, by=who, at=begin + timedelta(days=days), **fields)

    moved = made(milestone_ids=(late,))
    for day, status in enumerate(
        (on_hold, IN_PROGRESS, at_work, RESOLVED, CLOSED, refused, IN_PROGRESS, at_work), 1
    ):
        edited(moved, day + 0.1, status_id=status)
    edited(moved, 9, actual_hours=5, estimated_hours=3)
    edited(moved, 10, actual_hours=None, estimated_hours=None, assignee_id=other)

    ages_ago = begin - timedelta(days=800)
    reopened = made(ages_ago, actual_hours=0, estimated_hours=0)
    edited(reopened, -799, status_id=IN_PROGRESS)
    edited(reopened, -790, status_id=CLOSED)
    edited(reopened, 24, status_id=IN_PROGRESS)
    edited(reopened, 26, status_id=RESOLVED)

    shifted = made()
    for day, due in enumerate(
        ("2026-07-10", "2026-07-15", "2026-07-12", "2026-07-20", None, "2026-08-01"), 1
    ):
        edited(shifted, day, due_date=due)

    listed = made(milestone_ids=(early, late), category_ids=categories[::-1])
    edited(listed, 2, status_id=CLOSED)
    early_one = made(milestone_ids=(early,), estimated_hours=2)
    edited(early_one, 3, status_id=CLOSED, assignee_id=other)
    edited(early_one, 20, assignee_id=who)


def leave_before_the_load(deployment: Deployment) -> None:
    """Let somebody make an issue, enter hours, comment, and be deleted before the list of users was
    read.
    """
    space = deployment.sim.space
    who, begin = space.add_user(GONE).id, STEPS["made"] - timedelta(days=20)
    space.add_member("OPS", who, at=begin)
    issue = space.create_issue("OPS", at=begin, by=who, assignee_id=who, actual_hours=1)
    space.edit_issue(
        issue, actual_hours=4.5, comment="お世話になりました", at=begin + timedelta(days=1), by=who
    )
    space.delete_user(who)


def work_a_day_of_syncs(connection: Connection) -> None:
    """Enter the syncs of one day of the space HAND: a run of 60 s, one of 120 s, and one that
    failed while it goes on.
    """
    insert = text(
        "INSERT INTO ops.sync_history "
        "(space_key, sync_type, mode, status, started_at, ended_at, "
        "items_synced, requests, run_id) "
        "VALUES ('HAND', 'issues', 'backfill', :status, :began, :began + make_interval(secs => "
        ":took), :items, 2, :run)"
    )
    syncs = [
        ("completed", 60, 100, "a"),
        ("completed", 120, 200, "b"),
        ("failed", 30, 10, "c"),
        ("in_progress", None, 0, "c"),
    ]
    for status, took, items, run in syncs:
        connection.execute(
            insert,
            {"status": status, "began": STEPS["made"], "took": took, "items": items, "run": run},
        )
