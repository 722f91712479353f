"""The project whose velocity and forecasts were worked out by hand (`docs/metrics.md`)."""

from typing import Any

from tests.assets.marts.worked import CLOSED, IN_PROGRESS
from tests.assets.marts.worked_plan import july
from tests.deployment import Deployment


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
