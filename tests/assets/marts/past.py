"""What people did in the space of the marts' tests and changed later: between two builds, statuses
are renamed, issues are deleted and move to another project, and a project changes its key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping

from assets.marts.manifest import manifest
from assets.marts.metrics import Metrics
from simulator.model import Comment, Issue
from tests.assets.marts.building import build
from tests.assets.marts.worked import CLOSED, IN_PROGRESS, STEPS
from tests.assets.marts.worked_plan import july
from tests.deployment import Deployment, Run

TOKYO = ZoneInfo("Asia/Tokyo")
NAMESAKE = "同姓 同名"
#: What a day says of itself; other columns say how the milestone goes on from the last day.
BURN = (
    "SELECT day, scope, done, scope_hours, done_hours, due_date FROM mart.milestone_burn WHERE "
    "milestone = '秋' ORDER BY day"
)
DAYS = "SELECT * FROM mart.issue_history WHERE issue_id = {} ORDER BY first_day"
LEDGER = (
    "SELECT position, kind, hours, user_id FROM mart.hours_ledger WHERE issue_id = {} "
    "ORDER BY position"
)
#: What each table says of two projects up to a day, which no move after it may change.
CLOSED_PERIODS = {
    "issue_daily": "SELECT issue_id, project_key, day, issue_type, status, stage, milestone_ids, "
    "category_ids, estimated_hours, actual_hours FROM mart.issue_daily WHERE day < '{}'",
    "flow_daily": "SELECT * FROM mart.flow_daily WHERE day < '{}'",
    "throughput_weekly": "SELECT * FROM mart.throughput_weekly WHERE week + 6 < '{}'",
    "person_project_week": "SELECT * FROM mart.person_project_week WHERE week + 6 < '{}'",
    "hours_ledger": "SELECT project_key, issue_id, position, work_date, hours "
    "FROM mart.hours_ledger WHERE work_date < '{}'",
    "conversation": "SELECT p.project_key, comment_id, said_at FROM mart.conversation "
    "JOIN mart.project_summary AS p USING (space_key, project_id) WHERE said_day < '{}'",
    "reopen_event": "SELECT p.project_key, issue_id, reopened_at FROM mart.reopen_event "
    "JOIN mart.project_summary AS p USING (space_key, project_id) WHERE reopened_day < '{}'",
    "cycle_time": "SELECT * FROM mart.cycle_time WHERE done_month + 31 < '{}'",
    "plan_actual_monthly": "SELECT project_key, user_id, month, actual_hours "
    "FROM mart.plan_actual_monthly WHERE actual_hours <> 0 AND month + 31 < '{}'",
    "burn_day": "SELECT p.project_key, b.* FROM mart.burn_day AS b "
    "JOIN mart.project_summary AS p USING (space_key, project_id) WHERE day < '{}'",
    "milestone_burn": "SELECT project_key, milestone, day, scope, done, scope_hours, done_hours, "
    "actual_hours FROM mart.milestone_burn WHERE day < '{}'",
    "velocity": "SELECT * FROM mart.velocity WHERE counted_to < '{}'",
    "earned_value_project": "SELECT project_key, as_of, planned_value, earned_value, actual_cost, "
    "budget_hours FROM mart.earned_value_project WHERE week + 6 < '{}'",
}

Rows = Sequence[RowMapping]


def last(deployment: Deployment, table: str, issue: int, order: str = "position") -> RowMapping:
    """Return the last row of an issue in a mart."""
    [row] = deployment.query(
        f"SELECT * FROM mart.{table} WHERE issue_id = {issue} ORDER BY {order} DESC LIMIT 1",
    )
    return row


def closed(deployment: Deployment, day: date) -> dict[str, Rows]:
    """Return what is said of AWAY and HERE of the time before a day."""
    both = "WHERE project_key IN ('AWAY', 'HERE') ORDER BY t::text"
    return {
        name: deployment.query(f"SELECT * FROM ({sql.format(day)}) AS t {both}")
        for name, sql in CLOSED_PERIODS.items()
    }


def tuples(rows: Rows) -> list[tuple[Any, ...]]:
    """Return rows as what they have in their columns."""
    return [tuple(row.values()) for row in rows]


def open_work(deployment: Deployment, project: str) -> list[Any]:
    """Return what is said of the open work of a project: by metrics, a person and tables."""
    names = ["open_issues", "overdue_issues", "remaining_hours", "upcoming_hours"]
    where = [f"project={project}"]
    found = [
        float(deployment.query(Metrics(manifest()).sql([name], where=where))[0][name] or 0)
        for name in names
    ]
    [person] = deployment.query(
        "SELECT open_issues FROM mart.user_summary WHERE user_name = '鍵 替える'"
    )
    tables = ("issue", "issue_now", "issue_plan", "upcoming_load", "gantt", "project_summary")
    flags = {
        row["is_archived"]
        for table in tables
        for row in deployment.query(
            f"SELECT is_archived FROM mart.{table} WHERE project_key = '{project}'"
        )
    }
    return [*found, person["open_issues"], flags]


@dataclass(frozen=True)
class Past:
    """Issues, and what the marts said of them before things changed.

    `stages`: the stage of the last interval of issues, by issue and status, before the statuses
        were renamed. `gone`: an issue that was deleted then; `was`, `days`, `burn` and `hours`: it
        and its days, its milestone and its ledger before. `done` and `waiting`: issues of AWAY that
        moved to HERE on `day`; `before` and `after`: what closed periods say. `keyed`: issues of
        a project that got another key, by what they are; `archived`: its open work, while it
        was archived. `run`: the second build.
    """

    deployment: Deployment
    namesake: int
    assigned: int
    stages: dict[tuple[int, int], str]
    gone: int
    was: RowMapping
    days: Rows
    burn: Rows
    hours: Rows
    done: int
    waiting: int
    day: date
    before: dict[str, Rows]
    after: dict[str, Rows]
    keyed: dict[str, int]
    archived: list[Any]
    archived_if_asked: Rows
    run: Run


def make_past(marts: Deployment) -> Past:
    """Build the marts of what people did, and again of what they changed."""
    space = marts.sim.space
    _, namesake = (space.add_user(NAMESAKE).id for _ in range(2))
    space.add_member("OPS", namesake)
    assigned = space.create_issue("OPS").id
    space.edit_issue(assigned, assignee_id=namesake)
    renamed = []
    for name in ("確認中", "クローズ"):
        # Long ago, so that no load of changes reads it again.
        status, issue = space.add_status("OPS", name), space.create_issue("OPS", at=STEPS["made"])
        space.edit_issue(issue, at=STEPS["started"], status_id=status.id)
        renamed.append((issue.id, status.id))
    gone, taken_back = _finish_an_issue(marts)
    done, waiting = _work_in_away(marts)
    keyed = _make_a_tree(marts)
    marts.load()
    space.delete_comment(taken_back)
    space.delete_issue(keyed["gone"])
    marts.load()
    space.archive_project("OLDKEY")
    assert marts.run("projects").success
    build(marts)
    day = datetime.now(UTC).astimezone(TOKYO).date()
    before = closed(marts, day)
    asked = Metrics(manifest()).sql(
        ["open_issues", "overdue_issues"], by=["is_archived"], where=["project=OLDKEY"]
    )
    archived, archived_if_asked = open_work(marts, "OLDKEY"), marts.query(asked)
    stages = {key: last(marts, "issue_status_interval", key[0])["stage"] for key in renamed}
    was = last(marts, "issue", gone.id, "issue_id")
    days, burn, hours = (
        marts.query(sql) for sql in (DAYS.format(gone.id), BURN, LEDGER.format(gone.id))
    )
    read = [marts.row("issues", issue_id)["loaded_at"] for issue_id, _ in renamed]

    for _, status_id in renamed:
        space.rename_status("OPS", status_id, f"名前 {status_id}")
    space.delete_issue(gone)
    for moving in (done, waiting):
        space.move_issue(moving, "HERE")
    assert marts.run("projects").success
    assert marts.run_issues(mode="incremental").success
    space.rename_project("OLDKEY", key="NEWKEY")
    space.archive_project("NEWKEY", archived=False)
    assert marts.run("projects").success
    assert [marts.row("issues", issue_id)["loaded_at"] for issue_id, _ in renamed] == read
    run = build(marts)
    return Past(
        marts, namesake, assigned, stages, gone.id, was, days, burn, hours, done, waiting, day,
        before, closed(marts, day), keyed, archived, archived_if_asked, run,
    )  # fmt: skip


def _finish_an_issue(deployment: Deployment) -> tuple[Issue, Comment]:
    """Work on an issue until it is closed; return it and a comment of it with a change."""
    space = deployment.sim.space
    author, other = sorted(space.users)[:2]
    milestone = space.add_version("OPS", "秋", due="2026-07-31", at=STEPS["made"])
    issue = space.create_issue(
        "OPS", by=author, at=STEPS["made"], estimated_hours=8, actual_hours=1.5
    )
    started: dict[str, Any] = {
        "status_id": IN_PROGRESS,
        "assignee_id": other,
        "actual_hours": 3,
        "milestone_ids": [milestone.id],
    }
    space.edit_issue(issue, by=other, at=STEPS["started"], comment="始めます", **started)
    taken_back = space.edit_issue(
        issue, by=other, at=STEPS["reviewed"], comment="違いました", due_date="2026-07-10"
    )
    space.edit_issue(issue, by=other, at=STEPS["closed"], status_id=CLOSED, due_date="2026-07-31")
    assert taken_back
    return issue, taken_back


def _work_in_away(deployment: Deployment) -> tuple[int, int]:
    """Make the projects AWAY and HERE; return two issues of AWAY, one that is done and another."""
    space = deployment.sim.space
    who = space.add_user("移 りゆく").id
    for key in ("AWAY", "HERE"):
        space.add_project(key, key.title())
        space.add_member(key, who, at=july(1))
    milestone = space.add_version("AWAY", "移", start="2026-07-01", due="2026-07-17", at=july(1)).id
    accepting = space.add_status("AWAY", "検収中").id
    of_away: dict[str, Any] = {
        "milestone_ids": (milestone,),
        "category_ids": (space.add_category("AWAY", "移動").id,),
        "type_id": space.add_issue_type("AWAY", "移る種別").id,
        "assignee_id": who,
    }
    done = space.create_issue("AWAY", by=who, at=july(1), estimated_hours=8, **of_away).id
    steps: tuple[tuple[int, dict[str, Any]], ...] = (
        (2, {"status_id": accepting}),
        (8, {"actual_hours": 3, "comment": "進めています"}),
        (9, {"status_id": CLOSED}),
        (10, {"status_id": accepting}),
        (13, {"status_id": CLOSED}),
    )
    for day, fields in steps:
        space.edit_issue(done, by=who, at=july(day), **fields)
    waiting = space.create_issue(
        "AWAY", by=who, at=july(1), estimated_hours=5, due_date="2026-07-20", **of_away
    ).id
    space.edit_issue(waiting, by=who, at=july(6), status_id=accepting)
    # Of today, so that the space is as old before as after.
    space.create_issue("HERE", by=who)
    return done, waiting


def _make_a_tree(deployment: Deployment) -> dict[str, int]:
    """Make the project OLDKEY; return its issues by what they are."""
    space = deployment.sim.space
    space.add_project("OLDKEY", "Old")
    who = space.add_user("鍵 替える").id
    space.add_member("OLDKEY", who, at=july(1))

    def made(**fields: Any) -> int:
        return space.create_issue("OLDKEY", by=who, at=july(1), assignee_id=who, **fields).id

    found = {"gone": made(), "parent": made()}
    found["child"] = made(parent_id=found["parent"], due_date="2026-07-10", estimated_hours=4)
    return found
