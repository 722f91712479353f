"""The space that the tests of the marts share, and the issue in it whose numbers were worked out by hand (`docs/metrics.md`).

Add here: what several files of this folder read from. Keep out: checks.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from resources.simulator import SpaceSpec
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
OPEN, IN_PROGRESS, RESOLVED, CLOSED = 1, 2, 3, 4


def work_an_issue(deployment: Deployment) -> int:
    """Make an issue that goes the whole way, is reopened and closed again, with hours; return its id."""
    space = deployment.sim.space
    author, other = sorted(space.users)[:2]
    milestone = space.add_version("OPS", "夏", due="2026-07-31", at=STEPS["made"])
    issue = space.create_issue("OPS", by=author, at=STEPS["made"], estimated_hours=8, actual_hours=1.5, assignee_id=author)
    steps: dict[str, dict[str, Any]] = {
        "started": {"status_id": IN_PROGRESS, "actual_hours": 2.25, "assignee_id": other, "milestone_ids": [milestone.id]},
        "answered": {"comment": "On it", "by": other},
        "reviewed": {"status_id": RESOLVED, "actual_hours": 6},
        "closed": {"status_id": CLOSED},
        "reopened": {"status_id": IN_PROGRESS, "due_date": "2026-07-31"},
        "closed again": {"status_id": CLOSED, "actual_hours": 5.5},
    }
    for step, fields in steps.items():
        space.edit_issue(issue, at=STEPS[step], **{"by": author, **fields})
    return issue.id


def work_beside_peers(deployment: Deployment) -> int:
    """Make ten issues of a project of their own that took 1 to 10 days, and one in progress for five and a half; return that.

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
    space.edit_issue(ageing, status_id=IN_PROGRESS, actual_hours=3, comment="始めます", at=since, by=who)
    return ageing.id
