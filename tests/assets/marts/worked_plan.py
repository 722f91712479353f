"""The projects whose plan, hours and milestones, and whose velocity and forecasts, were worked out
by hand (`docs/metrics.md`).
"""

from datetime import UTC, datetime
from typing import Any

from tests.assets.marts.worked import CLOSED, IN_PROGRESS
from tests.deployment import Deployment

FIRST, SECOND = "計画 一子", "計画 二郎"


def july(day: int) -> datetime:
    """Return noon of a day of July in Tokyo; the first is a Wednesday, and the newest change of the
    space is of 1 August.
    """
    return datetime(2026, 7, day, 3, tzinfo=UTC)


def work_to_a_plan(deployment: Deployment) -> None:
    """Make the project PLAN: two people, two milestones, seven issues."""
    space = deployment.sim.space
    space.add_project("PLAN", "Plan")
    first, second = (space.add_user(name).id for name in (FIRST, SECOND))
    for who in (first, second):
        space.add_member("PLAN", who, at=july(1))
    sprint = space.add_version("PLAN", "計", start="2026-07-06", due="2026-07-17", at=july(1)).id
    dateless = space.add_version("PLAN", "画", at=july(1)).id

    def made(who: int, day: int = 1, **fields: Any) -> int:
        return space.create_issue("PLAN", by=who, at=july(day), assignee_id=who, **fields).id

    def edited(issue: int, who: int, day: int, **fields: Any) -> None:
        space.edit_issue(issue, by=who, at=july(day), **fields)

    in_sprint: dict[str, Any] = {"milestone_ids": (sprint,)}
    done = made(
        first, estimated_hours=8, start_date="2026-07-06", due_date="2026-07-09", **in_sprint
    )
    edited(done, first, 8, status_id=CLOSED, actual_hours=6)
    across = made(
        first, estimated_hours=10, start_date="2026-07-29", due_date="2026-08-04", **in_sprint
    )
    edited(across, first, 30, actual_hours=4)
    added = made(first, 8, estimated_hours=4, **in_sprint)
    edited(added, first, 16, status_id=CLOSED, actual_hours=5)
    removed = made(second, estimated_hours=5, **in_sprint)
    edited(removed, second, 10, milestone_ids=[])
    overdue = made(second, estimated_hours=20, start_date="2026-07-20", due_date="2026-07-22")
    edited(overdue, second, 2, due_date="2026-07-24")
    unestimated = made(second)
    edited(unestimated, second, 3, status_id=CLOSED, actual_hours=2)
    both = made(first, estimated_hours=6, start_date="2026-07-21", milestone_ids=(sprint, dateless))
    edited(both, first, 13, estimated_hours=9)


def work_to_a_baseline(deployment: Deployment) -> None:
    """Make the project BASE: due dates and estimates that change, an estimate of 0, a day far away,
    work without a date and work without hours.
    """
    space = deployment.sim.space
    space.add_project("BASE", "Baseline")
    who = space.add_user("基準 守").id
    space.add_member("BASE", who, at=july(1))

    def made(**fields: Any) -> int:
        return space.create_issue("BASE", by=who, at=july(1), assignee_id=who, **fields).id

    def edited(issue: int, day: int, **fields: Any) -> None:
        space.edit_issue(issue, by=who, at=july(day), **fields)

    moved = made(estimated_hours=8, due_date="2026-07-10")
    edited(moved, 6, due_date="2026-07-20")
    edited(moved, 17, status_id=CLOSED, actual_hours=10)
    grown = made(estimated_hours=4, due_date="2026-07-15")
    edited(grown, 8, estimated_hours=12)
    edited(grown, 15, status_id=CLOSED)
    nothing = made(estimated_hours=0, due_date="2026-07-16")
    edited(nothing, 16, status_id=CLOSED, actual_hours=3)
    made(estimated_hours=6, due_date="2061-12-31")
    dateless = made(estimated_hours=5)
    edited(dateless, 22, status_id=CLOSED, actual_hours=5)


def work_in_a_tree(deployment: Deployment) -> None:
    """Make the project TREE: a parent with two children and a grandchild, and two issues that are
    each other's parents, and one that is done after a due date before it was made.
    """
    space = deployment.sim.space
    space.add_project("TREE", "Tree")
    who = space.add_user("木 登る").id
    space.add_member("TREE", who, at=july(13))

    def made(**fields: Any) -> int:
        return space.create_issue("TREE", by=who, at=july(13), **fields).id

    top = made(estimated_hours=2, start_date="2026-07-13", due_date="2026-07-20")
    done = made(estimated_hours=6, due_date="2026-07-14", parent_id=top)
    late = made(estimated_hours=2, start_date="2026-07-16", due_date="2026-07-17", parent_id=top)
    made(estimated_hours=4, parent_id=late)
    one = made()
    other = made(parent_id=one)
    behind = made(due_date="2026-07-10")
    space.edit_issue(done, by=who, at=july(14), status_id=CLOSED, actual_hours=5)
    space.edit_issue(late, by=who, at=july(15), due_date="2026-07-24")
    space.edit_issue(late, by=who, at=july(16), status_id=IN_PROGRESS, actual_hours=1)
    space.edit_issue(one, by=who, at=july(16), parent_id=other)
    space.edit_issue(behind, by=who, at=july(16), status_id=CLOSED)


def work_at_a_pace(deployment: Deployment) -> None:
    """Make the project PACE: one person, a milestone of three weeks, nine issues."""
    space = deployment.sim.space
    space.add_project("PACE", "Pace")
    who = space.add_user("速見 進").id
    space.add_member("PACE", who, at=july(1))
    sprint = space.add_version("PACE", "速", start="2026-07-06", due="2026-07-24", at=july(1)).id

    def made(hours: int, day: int = 1, *, inside: bool = True, **fields: Any) -> int:
        stones = (sprint,) if inside else ()
        return space.create_issue(
            "PACE", by=who, at=july(day), estimated_hours=hours, milestone_ids=stones, **fields
        ).id

    def edited(issue: int, day: int, **fields: Any) -> None:
        space.edit_issue(issue, by=who, at=july(day), **fields)

    done_before, reopened = made(4, inside=False), made(3, inside=False)
    taken_out, in_time, early, at_weekend = made(5), made(2), made(2), made(2)
    made(6)
    edited(done_before, 2, status_id=CLOSED, actual_hours=3)
    edited(reopened, 3, status_id=CLOSED, actual_hours=2)
    edited(taken_out, 3, actual_hours=2)
    edited(early, 10, status_id=CLOSED)
    edited(at_weekend, 11, status_id=CLOSED)
    edited(taken_out, 14, actual_hours=6)
    edited(in_time, 14, status_id=CLOSED, actual_hours=2)
    made(1, 15, status_id=CLOSED)
    for issue in (done_before, reopened):
        edited(issue, 15, milestone_ids=(sprint,))
    edited(done_before, 16, actual_hours=4)
    edited(reopened, 16, status_id=IN_PROGRESS)
    edited(taken_out, 17, milestone_ids=())
    edited(taken_out, 21, actual_hours=7)
    edited(reopened, 21, status_id=CLOSED, actual_hours=3.5)
    edited(made(1, 22), 22, status_id=CLOSED)
