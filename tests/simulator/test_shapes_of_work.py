"""The space that everybody sees who sets nothing is one that a Japanese team could have: hours,
sprints, answers, words, a project that is late and one that runs well.
"""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median, quantiles

import pytest

from simulator import Clock, Life, SpaceSpec
from simulator.life import INTERVAL, LIVELY
from simulator.masters import CLOSED, IN_PROGRESS, OPEN, RESOLVED, Version
from simulator.model import Issue
from simulator.plight import PLAN
from simulator.seed import build_world
from simulator.sketch import is_sprint
from simulator.themes import SAID, THEMES, subject_of
from simulator.worktime import is_public_holiday
from simulator.world import World
from tests.simulator.shapes_of_work import TOKYO, Past, day_of, entries, is_at_work

JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
SPEC = SpaceSpec()
DAY = 86_400
#: Ends of the history: that of the specification, and one of a demo that is started in winter.
ENDS = (SPEC.history_end, "2026-12-01T02:00:00Z")


@dataclass
class Space:
    """A space, its last day, and the past of its projects by key."""

    world: World
    end: date
    past: dict[str, Past]

    def sprints(self, key: str) -> list[Version]:
        """Return the sprints of a project that are over, the oldest first."""
        versions = self.past[key].project.versions.values()
        return [one for one in versions if is_sprint(one) and str(one.due) < self.end.isoformat()]


@pytest.fixture(scope="module", params=ENDS)
def space(request: pytest.FixtureRequest) -> Space:
    world = build_world(SpaceSpec(history_end=request.param))
    past = {one.key: Past(one) for one in world.projects.values()}
    return Space(world, day_of(world.spec.end), past)


def test_hours_come_in_small_entries_on_working_days(space: Space) -> None:
    booked = entries(space.world)
    by_day: dict[tuple[date, int], float] = defaultdict(float)
    for one in booked:
        by_day[one.day, one.user] += one.hours
        assert 0.25 <= one.hours <= 8
        assert one.hours * 4 == int(one.hours * 4)
        assert is_at_work(one.day)
    assert max(by_day.values()) <= 11
    assert 5_000 < len(booked) < 7_000


def test_people_at_work_book_120_to_180_hours_a_month(space: Space) -> None:
    by_month: dict[tuple[str, int], float] = defaultdict(float)
    for one in entries(space.world):
        by_month[one.day.isoformat()[:7], one.user] += one.hours
    first = min(month for month, _ in by_month)
    last = space.end.isoformat()[:7]
    if (space.end + timedelta(1)).day == 1:
        last += "z"
    whole = {key: hours for key, hours in by_month.items() if first < key[0] < last}
    assert len({month for month, _ in whole}) >= 22
    assert [key for key, hours in whole.items() if not 120 <= hours <= 180] == []


def test_some_have_done_more_than_others_and_nobody_nearly_all(space: Space) -> None:
    hours: Counter[int] = Counter()
    for one in entries(space.world):
        hours[one.user] += int(one.hours * 4)
    shares = [one / hours.total() for one in hours.values()]
    assert 8 <= len(shares) <= 14
    assert max(shares) < 0.25
    assert max(shares) > 2.5 * sorted(shares)[2]


def test_the_first_answer_comes_within_hours(space: Space) -> None:
    waits = []
    for issue in space.world.issues.values():
        said = [row for row in issue.comments if row.content and row.by != issue.created_by]
        waits += [row.created - issue.created for row in said[:1]]
    assert len(waits) > 0.7 * len(space.world.issues)
    assert median(waits) < 4 * 3_600


@pytest.mark.parametrize("key", ["OPS", "APP", "DATA"])
def test_sprints_begin_with_what_the_team_can_do_and_mostly_end_with_it(
    space: Space, key: str
) -> None:
    past = space.past[key]
    committed = done = 0
    left = []
    for sprint in space.sprints(key):
        first, last = (date.fromisoformat(str(one)) for one in (sprint.start, sprint.due))
        begun, held = past.held(sprint, first), past.held(sprint, last)
        assert not [one for one in held if past.is_done(one, first - timedelta(1))]
        committed += len(begun)
        done += sum(past.is_done(one, last) for one in held)
        left.append(sum(not past.is_done(one, last) for one in held))
    assert 0.8 < committed / done < 1.35
    assert sum(one <= 1 for one in left) > 0.6 * len(left)
    assert sum(one > 0 for one in left) > 0.15 * len(left)
    inside = [one for one in past.project.issues.values() if one.milestone_ids]
    assert len(inside) > 0.45 * len(past.project.issues)


def test_sprints_end_by_the_day_that_is_85_percent_sure_as_often_as_that(space: Space) -> None:
    ends = [
        (str(sprint.due), key, met)
        for key in ("OPS", "APP")
        for sprint in space.sprints(key)[-14:]
        if (met := space.past[key].is_met(sprint)) is not None
    ]
    for key in ("OPS", "APP"):
        own = [met for _, of, met in ends if of == key][-12:]
        assert 0.7 <= sum(own) / len(own) <= 0.95, key
    last = [met for *_, met in sorted(ends)[-12:]]
    assert 0.7 <= sum(last) / len(last) <= 0.95


def test_one_project_runs_well(space: Space) -> None:
    app = space.past["APP"]
    days = [space.end - timedelta(back) for back in range(0, 360, 30)]
    assert all(0.94 < app.spi(day) < 1.06 for day in days)
    assert 0.94 < app.cpi() < 1.07


def test_one_project_is_late_and_its_dates_scope_and_comments_tell_why(space: Space) -> None:
    web = space.past["WEB"]
    weeks = [web.spi(space.end - timedelta(back)) for back in range(0, 42, 7)]
    assert 0.7 < weeks[0] < 0.9
    assert max(weeks) < 0.97
    [plan] = [one for one in web.project.issues.values() if one.summary == PLAN]
    moves = [
        (change.old, change.new, row.content)
        for row in plan.comments
        for change in row.changes
        if change.field == "limitDate"
    ]
    assert len(moves) == 3
    assert all(old < new and new in said for old, new, said in moves)
    assert str(plan.due_date) > space.end.isoformat()
    reports = [row.content for row in plan.comments if row.content.startswith("進捗報告")]
    assert len(reports) > 10
    assert any("遅れています" in one for one in reports)
    asked = [one for one in web.project.issues.values() if one.summary.startswith("【追加要望】")]
    assert len({day_of(one.created) for one in asked}) == 3
    assert len(asked) > 0.2 * len(web.project.issues)
    later = sum(
        change.field == "limitDate" and change.old < change.new
        for one in web.project.issues.values()
        for row in one.comments
        for change in row.changes
    )
    assert later > 100
    assert web.cpi() < 0.92


def test_people_write_of_their_work_in_the_language_of_their_project(space: Space) -> None:
    for theme, project in zip(THEMES, space.world.projects.values(), strict=False):
        own = [one for one in project.issues.values() if one.summary != PLAN]
        assert all(subject_of(theme, one.summary) for one in own), project.key
        said = [row.content for one in own for row in one.comments if row.content]
        for text in [one.summary for one in own] + said:
            assert bool(JAPANESE.search(text)) != theme.is_english, text
    assert max(len(phrase) for both in SAID.values() for part in both for phrase in part) < 100


def test_a_comment_names_what_its_issue_is_about(space: Space) -> None:
    for theme, project in zip(THEMES, space.world.projects.values(), strict=False):
        subjects = {one for part, _ in theme.kinds for one in part if len(one) > 2}
        for issue in project.issues.values():
            for row in issue.comments if issue.summary != PLAN else ():
                named = {one for one in subjects if one in row.content}
                assert not named or subject_of(theme, issue.summary) in named, row.content


def test_the_public_holidays_are_those_of_japan() -> None:
    for day in ("2025-05-06", "2026-05-06", "2026-09-22", "2027-03-22", "2026-11-23"):
        assert is_public_holiday(date.fromisoformat(day)), day
    for day in ("2026-05-07", "2026-06-30", "2026-12-31"):
        assert not is_public_holiday(date.fromisoformat(day)), day


def test_the_archived_project_has_nothing_open(space: Space) -> None:
    [project] = [one for one in space.world.projects.values() if one.archived]
    assert all(issue.status_id == CLOSED for issue in project.issues.values())


# -- the work in it --------------------------------------------------------------------------------


def statuses(issue: Issue, world: World) -> list[tuple[int, int]]:
    """Return (moment, status id) of each change of status."""
    ids = {one.name: one.id for one in world.projects[issue.project_id].statuses.values()}
    return [
        (row.created, ids[change.new])
        for row in issue.comments
        for change in row.changes
        if change.field == "status"
    ]


def test_most_issues_are_done_and_work_in_progress_is_what_the_team_can_carry(space: Space) -> None:
    count = Counter(issue.status_id for issue in space.world.issues.values())
    assert count[CLOSED] > 0.85 * SPEC.issues
    in_progress = sum(count.values()) - count[OPEN] - count[RESOLVED] - count[CLOSED]
    assert 0.5 * SPEC.users <= in_progress <= 2 * SPEC.users
    assert count[OPEN] < 0.1 * SPEC.issues


def test_cycle_times_are_days_to_weeks_with_a_tail(space: Space) -> None:
    days = []
    for issue in space.world.issues.values():
        moves = statuses(issue, space.world)
        begun = next((at for at, status in moves if status == IN_PROGRESS), None)
        if begun is not None and issue.status_id == CLOSED:
            days.append((moves[-1][0] - begun) / DAY)
    twentieths = quantiles(days, n=20)
    assert len(days) > 0.6 * SPEC.issues
    assert 2 < median(days) < 14
    assert twentieths[-1] > 2.5 * median(days)


def test_people_work_on_working_days_and_not_on_holidays(space: Space) -> None:
    moments = [
        datetime.fromtimestamp(row.created, UTC) + TOKYO
        for issue in space.world.issues.values()
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
    clock, end = Clock(), datetime.fromtimestamp(SPEC.end, UTC)
    clock.freeze(end)
    world = build_world(SPEC, clock=clock)
    before = len(world.issue_ids)
    life = Life(end)
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
