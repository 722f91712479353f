"""The seeded space looks like that of a team: what its charts would show is what charts of a real
space show.
"""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from statistics import median, quantiles

import pytest

from simulator import Clock, Life, SpaceSpec
from simulator.life import INTERVAL, LIVELY
from simulator.masters import CLOSED, IN_PROGRESS, OPEN, RESOLVED
from simulator.model import Issue
from simulator.seed import build_world
from simulator.sketch import is_sprint
from simulator.world import World
from tests.simulator.shapes_of_work import entries

SPEC = SpaceSpec()
END = datetime.fromtimestamp(SPEC.end, UTC)
TOKYO = timedelta(hours=9)
DAY = 86_400


@pytest.fixture(scope="module")
def world() -> World:
    """Return the space that everybody sees who sets nothing."""
    return build_world(SPEC)


def statuses(issue: Issue, world: World) -> list[tuple[int, int]]:
    """Return (moment, status id) of each change of status."""
    ids = {one.name: one.id for one in world.projects[issue.project_id].statuses.values()}
    return [
        (row.created, ids[change.new])
        for row in issue.comments
        for change in row.changes
        if change.field == "status"
    ]


def test_most_issues_are_done_and_work_in_progress_is_what_the_team_can_carry(world: World) -> None:
    count = Counter(issue.status_id for issue in world.issues.values())
    assert count[CLOSED] > 0.85 * SPEC.issues
    in_progress = sum(count.values()) - count[OPEN] - count[RESOLVED] - count[CLOSED]
    assert 0.5 * SPEC.users <= in_progress <= 2 * SPEC.users
    assert count[OPEN] < 0.1 * SPEC.issues


def test_cycle_times_are_days_to_weeks_with_a_tail(world: World) -> None:
    days = []
    for issue in world.issues.values():
        moves = statuses(issue, world)
        begun = next((at for at, status in moves if status == IN_PROGRESS), None)
        if begun is not None and issue.status_id == CLOSED:
            days.append((moves[-1][0] - begun) / DAY)
    twentieths = quantiles(days, n=20)
    assert len(days) > 0.6 * SPEC.issues
    assert 2 < median(days) < 14
    assert twentieths[-1] > 2.5 * median(days)


def test_people_work_on_working_days_and_not_on_holidays(world: World) -> None:
    moments = [
        datetime.fromtimestamp(row.created, UTC) + TOKYO
        for issue in world.issues.values()
        for row in issue.comments
        if any(change.field == "status" for change in row.changes)
    ]
    at_work = [moment for moment in moments if moment.weekday() < 5 and 9 <= moment.hour < 19]
    assert len(at_work) > 0.98 * len(moments)
    for name, first, last in (
        ("Obon", date(2025, 8, 11), date(2025, 8, 15)),
        ("the turn of the year", date(2025, 12, 29), date(2026, 1, 3)),
        ("Golden Week", date(2026, 4, 29), date(2026, 5, 5)),
    ):
        assert len([moment for moment in moments if first <= moment.date() <= last]) <= 2, name


def test_after_months_of_life_it_still_does() -> None:
    clock = Clock()
    clock.freeze(END)
    world = build_world(SPEC, clock=clock)
    before = len(world.issue_ids)
    life = Life(END)
    life.begin(world)
    clock.advance(LIVELY * INTERVAL)
    life.catch_up()
    begun = len(world.activities)
    clock.advance(56 * DAY)
    life.catch_up()
    moments = [datetime.fromtimestamp(row.created, UTC) + TOKYO for row in world.activities[begun:]]
    assert all(moment.weekday() < 5 and 9 <= moment.hour <= 19 for moment in moments)
    assert not [moment for moment in moments if (8, 11) <= (moment.month, moment.day) <= (8, 15)]
    lately = sum(
        issue.created > SPEC.end - 56 * DAY
        for issue in world.issues.values()
        if issue.created <= SPEC.end
    )
    assert 0.6 * lately < len(world.issue_ids) - before < 1.8 * lately
    now, today = clock.now(), datetime.fromtimestamp(clock.now(), UTC).date().isoformat()
    old = [issue for issue in world.issues.values() if issue.created < now - 28 * DAY]
    assert sum(issue.status_id == CLOSED for issue in old) > 0.85 * len(old)
    for project in world.projects.values():
        sprints = [one for one in project.versions.values() if is_sprint(one)]
        if sprints and not project.archived:
            assert [one for one in sprints if (one.start or "") <= today <= (one.due or "")], (
                project.key
            )
            left = [
                one
                for one in sprints
                if (one.due or "") < today
                and any(
                    one.id in issue.milestone_ids and issue.status_id != CLOSED
                    for issue in project.issues.values()
                )
            ]
            assert len(left) < 0.2 * len(sprints)
    by_day: Counter[tuple[date, int]] = Counter()
    for one in entries(world):
        assert 0.25 <= one.hours <= 8
        by_day[one.day, one.user] += int(one.hours * 4)
    assert max(by_day.values()) <= 11 * 4
