"""Numbers of the marts, recomputed in Python from the rows of the source: each change of an issue
in turn.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from tests.assets.marts.test_bi import QUERIES
from tests.assets.marts.worked import STEPS
from tests.deployment import Deployment

pytestmark = pytest.mark.full

TOKYO = ZoneInfo("Asia/Tokyo")
STAGES = {
    **dict.fromkeys(("未対応", "保留"), "waiting"),
    **dict.fromkeys(("処理中", "対応中"), "active"),
    "処理済み": "review",
    **dict.fromkeys(("完了", "却下"), "done"),
}


@dataclass(frozen=True)
class SourceIssue:
    """An issue as the source tells of it: what it is now, and each change, the oldest first."""

    id: int
    payload: dict[str, Any]
    created: datetime
    updated: datetime
    changes: list[dict[str, Any]]

    def steps(self, field: str) -> list[tuple[datetime, str | None]]:
        """Return each value that a field has had, and since when."""
        found = [one for one in self.changes if one["field"] == field]
        first = found[0]["old_value"] if found else self._now(field)
        return [(self.created, first), *((one["created_at"], one["new_value"]) for one in found)]

    def stages(self) -> list[tuple[datetime, str]]:
        """Return each stage it came into, and when; a change of status within a stage is none."""
        found: list[tuple[datetime, str]] = []
        for at, status in self.steps("status"):
            if not found or found[-1][1] != STAGES[str(status)]:
                found.append((at, STAGES[str(status)]))
        return found

    def _now(self, field: str) -> str | None:
        value = self.payload[field]
        named = value if isinstance(value, list) else [value] if value else []
        return ", ".join(str(one["name"]) for one in named) or None


@dataclass(frozen=True)
class Project:
    """A project as the source shows it."""

    deployment: Deployment
    key: str

    @cached_property
    def issues(self) -> dict[int, SourceIssue]:
        """Its issues, by id."""
        changes = self.deployment.query(
            "SELECT * FROM raw.issue_changes ORDER BY created_at, comment_id, position"
        )
        rows = self.deployment.query(
            f"SELECT * FROM raw.issues WHERE issue_key LIKE '{self.key}-%' ORDER BY id"
        )
        return {
            row["id"]: SourceIssue(
                row["id"],
                row["payload"],
                row["created_at"],
                row["updated_at"],
                [dict(change) for change in changes if change["issue_id"] == row["id"]],
            )
            for row in rows
        }

    @cached_property
    def as_of(self) -> datetime:
        """The newest change of the space."""
        [row] = self.deployment.query(
            "SELECT greatest((SELECT max(updated_at) FROM raw.issues), (SELECT max(created_at) "
            "FROM raw.issue_changes)) AS at"
        )
        at: datetime = row["at"]
        return at

    def mart(self, table: str, order: str) -> list[dict[str, Any]]:
        """Return the rows of the project in a mart."""
        found = self.deployment.query(
            f"SELECT * FROM mart.{table} WHERE project_key = '{self.key}' ORDER BY {order}"
        )
        return [dict(row) for row in found]


@pytest.fixture(scope="module")
def project(marts: Deployment) -> Project:
    """Return the project whose issues do what is easily counted wrongly."""
    return Project(marts, "NUM")


def day_of(at: datetime) -> date:
    return at.astimezone(TOKYO).date()


def at_end_of(day: date, steps: list[tuple[datetime, Any]]) -> Any:
    """Return the value at the end of a day; None before the first."""
    end = datetime.combine(day + timedelta(days=1), time(), TOKYO)
    return next((value for at, value in reversed(steps) if at < end), None)


def days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=one) for one in range((last - first).days + 1))


def test_a_milestone_burns_until_it_is_done_and_to_today_while_issues_of_it_are_open(
    project: Project,
) -> None:
    today = day_of(project.as_of)
    rows = project.mart("milestone_burn", "day")
    for name, due, is_open in (("遅", date(2026, 7, 10), True), ("早", date(2026, 7, 10), False)):
        expected: dict[date, tuple[int, int]] = {}
        for day in days(date(2026, 7, 1), today):
            members = [
                at_end_of(day, one.stages())
                for one in project.issues.values()
                if name in str(at_end_of(day, one.steps("milestone"))).split(", ")
            ]
            expected[day] = (len(members), members.count("done"))
        done_on = next(
            (
                day
                for day in expected
                if all(s == d for one, (s, d) in expected.items() if one >= day)
            ),
            None,
        )
        assert (done_on is None) is is_open
        last = done_on or today
        found = {
            row["day"]: (row["scope"], row["done"]) for row in rows if row["milestone"] == name
        }
        assert found == {day: numbers for day, numbers in expected.items() if day <= last}, name
        assert last > due if is_open else last < due


def test_moves_are_changes_of_stage_and_add_up_to_the_change_of_the_stock(project: Project) -> None:
    entered, left = Counter[tuple[date, str]](), Counter[tuple[date, str]]()
    for one in project.issues.values():
        steps = one.stages()
        entered.update((day_of(at), stage) for at, stage in steps)
        left.update((day_of(at), before) for (_, before), (at, _) in pairwise(steps))
    rows = project.mart("flow_daily", "stage, day")
    assert {(row["day"], row["stage"]): row["entered"] for row in rows if row["entered"]} == entered
    assert {
        (row["day"], row["stage"]): row["left_stage"] for row in rows if row["left_stage"]
    } == left
    for before, row in pairwise(rows):
        stock = before["issues"] if before["stage"] == row["stage"] else 0
        assert row["issues"] - stock == row["entered"] - row["left_stage"]
        assert row["issues"] == sum(
            at_end_of(row["day"], one.stages()) == row["stage"] for one in project.issues.values()
        )


def test_what_is_reopened_was_done_since_it_came_into_the_stage(project: Project) -> None:
    expected = {
        (one.id, at): before_at
        for one in project.issues.values()
        for (before_at, before), (at, _) in pairwise(one.stages())
        if before == "done"
    }
    ids = ", ".join(map(str, project.issues))
    rows = project.deployment.query(f"SELECT * FROM mart.reopen_event WHERE issue_id IN ({ids})")
    assert {(row["issue_id"], row["reopened_at"]): row["done_at"] for row in rows} == expected
    assert all(
        row["seconds_done"] == (row["reopened_at"] - row["done_at"]).total_seconds() for row in rows
    )


def test_today_in_the_history_is_the_issue_in_every_column_that_both_have(
    marts: Deployment,
) -> None:
    issues = {
        row["issue_id"]: row for row in marts.query("SELECT * FROM mart.issue WHERE NOT is_deleted")
    }
    history = {
        row["issue_id"]: row
        for row in marts.query("SELECT * FROM mart.issue_history WHERE last_day IS NULL")
    }
    assert issues.keys() == history.keys()
    shared = [name for name in history[next(iter(history))] if name in next(iter(issues.values()))]
    assert {"stage", "assignee", "due_date", "actual_hours", "milestone_ids"} <= {*shared}
    unequal = [
        (issue_id, name, issue[name], history[issue_id][name])
        for issue_id, issue in issues.items()
        for name in shared
        if issue[name] != history[issue_id][name]
    ]
    assert unequal == []


def test_work_in_progress_has_its_age_since_it_was_last_started(project: Project) -> None:
    """One was done before, and one two years ago: both changed their status since."""
    rows = project.mart("wip_aging", "issue_id")
    begin = STEPS["made"]
    names = ("last_started_at", "status_since")
    assert [tuple(row[name] - begin for name in names) for row in rows] == [
        (timedelta(days=7.1), timedelta(days=8.1)),
        (timedelta(days=24), timedelta(days=26)),
    ]
    for row in rows:
        assert row["age_seconds"] == (row["as_of"] - row["last_started_at"]).total_seconds()
        assert row["first_started_at"] < row["last_started_at"]


def asked(reader: Engine, question: str) -> list[dict[str, Any]]:
    """Return the answer to the query of the page whose title begins with a question, of the
    project.
    """
    [sql] = [one.replace("'OPS'", "'NUM'") for title, one in QUERIES.items() if question in title]
    with reader.connect() as connection:
        return [
            dict(row)
            for row in connection.exec_driver_sql(
                sql, execution_options={"no_parameters": True}
            ).mappings()
        ]


def test_moves_of_due_dates_are_all_counted_each_way(reader: Engine) -> None:
    """From the 10th to the 15th, the 12th, the 20th, to none, and to 1 August."""
    columns = (
        "moves",
        "times_later",
        "days_later",
        "times_earlier",
        "days_earlier",
        "times_removed",
    )
    rows = asked(reader, "Which due dates move")
    found = [tuple(row[name] for name in columns) for row in rows if row["project_key"] == "NUM"]
    assert found == [(3, 2, 13, 1, 3, 1)]


def test_people_held_their_issues_until_now_where_they_still_have_them(
    project: Project, reader: Engine
) -> None:
    held = defaultdict[str, float](float)
    now = datetime.now(TOKYO)
    for one in project.issues.values():
        done = one.stages()[-1]
        end = done[0] if done[1] == "done" else now
        for (since, person), (until, _) in pairwise([*one.steps("assignee"), (end, None)]):
            if person:
                held[person] += max(min(until, end) - since, timedelta()).total_seconds()
    found = {
        row["person"]: float(row["days_held"]) for row in asked(reader, "Who did what in a project")
    }
    assert found == {
        person: pytest.approx(seconds / 86_400, abs=0.06) for person, seconds in held.items()
    }
    assert len(found) == 2
