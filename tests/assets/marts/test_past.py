"""The past in the marts (`docs/metrics.md`): names that change or are reused, things that are gone
from the source, issues that move to another project, projects that are renamed or archived.
"""

from datetime import date, timedelta

import pytest

from simulator.masters import CHECKBOX, RADIO, SINGLE
from tests.assets.marts.building import assert_whole_build_gives_the_same, checks_of, rows_of
from tests.assets.marts.past import (
    BURN,
    CLOSED_PERIODS,
    DAYS,
    LEDGER,
    NAMESAKE,
    TOKYO,
    Past,
    last,
    open_work,
    tuples,
)
from tests.assets.marts.worked_plan import july
from tests.deployment import Deployment

pytestmark = pytest.mark.full


# First, since it builds nothing: the others build what it has loaded.
def test_a_renamed_item_has_its_name_of_today_in_issues_that_nobody_changed(
    marts: Deployment,
) -> None:
    space = marts.sim.space
    fields = {one.kind: one.id for one in space.project("OPS").fields.values()}
    one_of, some_of, typed = fields[SINGLE], fields[CHECKBOX], fields[RADIO]
    issue = space.create_issue(
        "OPS", custom={one_of: ((1,), None), some_of: ((3, 1), None), typed: ((), "そのほか")}
    )
    marts.load()
    read = marts.row("issues", issue.id)["loaded_at"]
    for field, name in ((one_of, "最優先"), (some_of, "最優先の箱")):
        space.rename_item("OPS", field, 1, name)
    assert marts.run("projects").success
    assert marts.row("issues", issue.id)["loaded_at"] == read
    found = marts.query(f"SELECT * FROM staging.stg_issue_custom_field WHERE issue_id = {issue.id}")
    assert {row["custom_field_id"]: (row["value"], row["other_value"]) for row in found} == {
        one_of: ("最優先", None),
        some_of: ("低 🐢, 最優先の箱", None),
        typed: (None, "そのほか"),
    }


def test_histories_distinguish_two_users_with_the_same_name(past: Past) -> None:
    deployment = past.deployment
    [change] = deployment.query(
        f"SELECT new_value, new_id FROM raw.issue_changes WHERE issue_id = {past.assigned}"
    )
    assert (change["new_value"], change["new_id"]) == (NAMESAKE, None)
    for row in (
        last(deployment, "issue_assignee_interval", past.assigned),
        last(deployment, "issue_history", past.assigned, "first_day"),
    ):
        assert (row["assignee"], row["assignee_id"]) == (NAMESAKE, past.namesake)


def test_a_renamed_status_has_the_stage_of_its_name_of_today_everywhere(past: Past) -> None:
    deployment, checks = past.deployment, checks_of(past.run)
    assert [*past.stages.values()] == ["review", "done"]
    assert checks["days_are_of_issues_that_are_there"].passed
    for issue_id, status_id in past.stages:
        row = last(deployment, "issue", issue_id, "issue_id")
        shown = (row["status"], row["stage"], row["done_at"])
        assert shown == (f"名前 {status_id}", "active", None)
        interval = last(deployment, "issue_status_interval", issue_id)
        assert (interval["status_id"], interval["stage"], interval["is_inferred"]) == (
            status_id,
            "active",
            False,
        )
        assert last(deployment, "issue_history", issue_id, "first_day")["stage"] == "active"
    unknown = {row["status"] for row in rows_of(checks["statuses_have_a_stage"])}
    assert {f"名前 {status_id}" for _, status_id in past.stages} <= unknown
    assert not unknown & {"確認中", "クローズ"}


def test_the_days_before_an_issue_was_found_gone_stay_as_they_were(past: Past) -> None:
    deployment, was = past.deployment, past.was
    assert (was["lead_seconds"], was["comment_count"], was["due_date_changes"]) == (129_600, 1, 1)
    assert [row["stage"] for row in past.days] == ["active", "done"]
    assert {row["done"] for row in past.burn} == {0, 1}
    assert checks_of(past.run)["days_of_an_issue_do_not_overlap"].passed
    now = last(deployment, "issue", past.gone, "issue_id")
    assert now == {**was, "is_deleted": True, "deleted_at": now["deleted_at"]}
    last_day = now["deleted_at"].astimezone(TOKYO).date() - timedelta(days=1)
    assert deployment.query(DAYS.format(past.gone)) == [
        *past.days[:-1],
        {**past.days[-1], "last_day": last_day},
    ]
    assert deployment.query(BURN)[: len(past.burn)] == past.burn, (
        "it goes on until the day on which it lost the issue"
    )
    assert deployment.query(LEDGER.format(past.gone)) == past.hours


@pytest.mark.parametrize("table", CLOSED_PERIODS)
def test_closed_periods_of_both_projects_stand_still_when_an_issue_moves(
    past: Past, table: str
) -> None:
    assert {row["project_key"] for row in past.before[table]} == {"AWAY"}
    assert past.after[table] == past.before[table]


def test_an_issue_is_of_its_project_of_now_and_its_days_are_of_that_of_the_day(
    past: Past,
) -> None:
    [issue] = past.deployment.query(
        "SELECT i.project_key, i.created_project_id = p.project_id AS was_made_there, "
        "i.done_project_id = p.project_id AS was_done_there, i.status_since, i.done_day "
        f"FROM mart.issue AS i JOIN mart.project_summary AS p ON p.project_key = 'AWAY' "
        f"WHERE issue_id = {past.done}",
    )
    assert issue == {
        "project_key": "HERE", "was_made_there": True, "was_done_there": True,
        "status_since": july(13), "done_day": date(2026, 7, 13),
    }  # fmt: skip
    days = past.deployment.query(
        "SELECT project_key, day, stage, cardinality(milestone_ids) AS milestones, "
        f"cardinality(category_ids) AS categories, issue_type FROM mart.issue_daily "
        f"WHERE issue_id = {past.waiting} ORDER BY day",
    )
    of_move = next(row for row in days if row["day"] == past.day)
    assert (of_move["project_key"], of_move["milestones"], of_move["categories"]) == ("HERE", 0, 0)
    assert of_move["stage"] == "waiting"
    day_before = [row for row in days if row["day"] < past.day][-1]
    assert {**day_before, "day": None} == {
        "project_key": "AWAY", "day": None, "stage": "active", "milestones": 1, "categories": 1,
        "issue_type": "移る種別",
    }  # fmt: skip


def test_the_weeks_of_the_old_project_have_what_was_done_in_it(past: Past) -> None:
    weeks = past.deployment.query(
        "SELECT week, created, done, reopened FROM mart.throughput_weekly "
        f"WHERE project_key = 'AWAY' AND week < '{past.day}' ORDER BY week",
    )
    assert tuples(weeks) == [
        (date(2026, 6, 29), 2, 0, 0),
        (date(2026, 7, 6), 0, 0, 1),
        (date(2026, 7, 13), 0, 1, 0),
    ]
    values = past.deployment.query(
        "SELECT as_of, earned_value, actual_cost FROM mart.earned_value_project "
        f"WHERE project_key = 'AWAY' AND as_of BETWEEN '2026-07-19' AND '{past.day}' "
        "ORDER BY as_of",
    )
    *before, last_day = tuples(values)
    assert {row[1:] for row in before} == {(8, 3)}
    assert last_day == (past.day, 0, 0)


def test_a_move_takes_an_issue_out_of_one_stock_and_into_the_other(past: Past) -> None:
    found = past.deployment.query(
        "SELECT project_key, stage, sum(entered) AS entered, sum(left_stage) AS left_stage "
        f"FROM mart.flow_daily WHERE day = '{past.day}' AND project_key IN ('AWAY', 'HERE') "
        "GROUP BY 1, 2 HAVING sum(entered + left_stage) > 0 ORDER BY 1, 2",
    )
    assert tuples(found) == [
        ("AWAY", "active", 0, 1),
        ("AWAY", "done", 0, 1),
        ("HERE", "done", 1, 0),
        ("HERE", "waiting", 2, 0),  # one was made there
    ]
    of_today = f"reopened_day = '{past.day}' AND issue_id IN ({past.done}, {past.waiting})"
    assert past.deployment.query(f"SELECT * FROM mart.reopen_event WHERE {of_today}") == []


def test_an_issue_that_is_gone_has_the_key_that_its_project_has_now(past: Past) -> None:
    names = "issue_id, issue_key, parent_issue_key, is_deleted"
    found = past.deployment.query(f"SELECT {names} FROM mart.issue WHERE project_key = 'NEWKEY'")
    assert set(tuples(found)) == {
        (past.keyed["gone"], "NEWKEY-1", None, True),
        (past.keyed["parent"], "NEWKEY-2", None, False),
        (past.keyed["child"], "NEWKEY-3", "NEWKEY-2", False),
    }


def test_an_archived_project_has_no_open_work_unless_it_is_asked_for(past: Past) -> None:
    assert past.archived == [0, 0, 0, 0, 0, {True}]
    assert tuples(past.archived_if_asked) == [(True, 2, 1)]
    assert open_work(past.deployment, "NEWKEY") == [2, 1, 4, 4, 2, {False}]


def test_all_that_changed_between_two_builds_is_what_a_whole_build_makes(past: Past) -> None:
    assert_whole_build_gives_the_same(past.deployment)
