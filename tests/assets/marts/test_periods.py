"""Days, weeks and months that are over keep their numbers, whatever is edited, deleted and built
again later.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from assets.partitions import month_keys
from pipelines.jobs import issues_config
from simulator.model import Issue
from sync.partition_ranges import range_tags
from tests.assets.marts.building import assert_whole_build_gives_the_same, build
from tests.assets.marts.worked import CLOSED, IN_PROGRESS, OPEN
from tests.deployment import Deployment

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]
TOKYO = ZoneInfo("Asia/Tokyo")


def august(day: int) -> datetime:
    """Return noon of a day of August in Tokyo."""
    return datetime(2026, 8, day, 3, tzinfo=UTC)


CLOSED_PERIODS = {
    "flow_daily": "day < :d",
    "milestone_burn": "day < :d",
    "forecast": "as_of < :d",
    "issue_daily": "day < :d",
    "issue_status_interval": "valid_to < :d::timestamp AT TIME ZONE 'Asia/Tokyo'",
    "hours_ledger": "work_date < :d",
    "throughput_weekly": "week < date_trunc('week', :d)",
    "user_workload_weekly": "week < date_trunc('week', :d)",
}


def closed_periods(deployment: Deployment, today: date) -> dict[str, list[str]]:
    """Return the rows of marts for the time before a day."""
    found = {}
    for mart, over in CLOSED_PERIODS.items():
        rows = deployment.query(
            f"SELECT t::text AS row FROM mart.{mart} t WHERE {over} ORDER BY 1".replace(
                ":d", f"date '{today}'"
            )
        )
        found[mart] = [str(row["row"]) for row in rows]
    return found


def read_issues(deployment: Deployment, only: Sequence[str] = ()) -> None:
    """Read all issues and what hangs on them again, or `only` some of these tables."""
    keys, months = deployment.partitions, month_keys()
    tags = range_tags(keys, months)
    assert deployment.run("issues", only=only, config=issues_config("backfill"), tags=tags).success


def statuses(deployment: Deployment, issue: Issue) -> list[tuple[str, datetime, bool]]:
    """Return which statuses an issue has had, since when, and whether no log tells of it."""
    found = deployment.query(
        f"SELECT * FROM mart.issue_status_interval WHERE issue_id = {issue.id} ORDER BY position"
    )
    return [(row["status"], row["valid_from"], row["is_inferred"]) for row in found]


def test_a_period_that_is_over_has_the_same_numbers_for_ever(marts: Deployment) -> None:
    space = marts.sim.space
    author, other = sorted(space.users)[:2]
    winter = space.add_version("OPS", "冬", at=august(1))
    review, check = space.add_status("OPS", "相談中"), space.add_status("OPS", "最終確認")
    made: dict[str, Any] = {
        "at": august(1),
        "by": author,
        "milestone_ids": (winter.id,),
        "actual_hours": 2,
    }
    logged, unlogged, late = (
        space.create_issue("OPS", status_id=status, **made) for status in (OPEN, review.id, OPEN)
    )
    space.edit_issue(logged, at=august(3), by=author, status_id=review.id, actual_hours=3)
    mistaken = space.edit_issue(logged, at=august(4), by=author, actual_hours=5)
    assert mistaken
    marts.load()
    # Nothing but the feed tells of these, and nothing at all of the last two.
    space.delete_status("OPS", review.id, check.id, at=august(10))
    space.delete_version("OPS", winter.id, at=august(11))
    read_issues(marts)
    space.delete_status("OPS", check.id, IN_PROGRESS, at=august(15))
    space.delete_comment(mistaken)
    unlogged.assignee_id, unlogged.due_date = other, "2026-09-30"
    space.touch(unlogged.id)
    assert marts.run("projects").success
    read_issues(marts)
    space.edit_issue(unlogged, at=august(20), by=author, status_id=CLOSED)
    read_issues(marts)
    # Of this one the log is read later.
    space.edit_issue(late, by=author, status_id=IN_PROGRESS, actual_hours=7)
    read_issues(marts, only=["issues"])
    today = datetime.now(TOKYO).date()
    build(marts)
    before = closed_periods(marts, today)
    substituted = [("最終確認", august(10), True), ("処理中", august(15), True)]
    assert statuses(marts, logged) == [
        ("未対応", august(1), False),
        ("相談中", august(3), False),
        *substituted,
    ]
    assert statuses(marts, unlogged) == [
        ("相談中", august(1), False),
        *substituted,
        ("完了", august(20), False),
    ]
    assert [row[::2] for row in statuses(marts, late)] == [("未対応", False), ("処理中", True)]
    burn = marts.query(
        "SELECT day, scope FROM mart.milestone_burn WHERE milestone = '冬' ORDER BY day"
    )
    assert {row["day"].day: row["scope"] for row in burn if row["day"] < date(2026, 8, 12)} == {
        **dict.fromkeys(range(1, 11), 3),
        11: 0,
    }
    hours = marts.query(
        "SELECT kind, hours, changed_at FROM mart.hours_ledger WHERE issue_id = "
        f"{logged.id} ORDER BY position"
    )
    assert [(row["kind"], row["hours"], row["changed_at"]) for row in hours] == [
        ("opening", 2, august(1)),
        ("change", 1, august(3)),
        ("adjustment", 2, august(4)),
    ]

    for issue in (logged, unlogged, late):
        space.edit_issue(issue, by=author, summary="もっと詳しく", description="長い説明")
    read_issues(marts)
    build(marts)
    assert closed_periods(marts, today) == before
    assert [row[::2] for row in statuses(marts, late)] == [
        ("未対応", False),
        ("処理中", False),
    ]
    assert_whole_build_gives_the_same(marts)
