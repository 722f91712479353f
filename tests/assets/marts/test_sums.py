"""Sums that are kept from build to build, and builds that end halfway: the next one makes all that
has changed.
"""

from collections.abc import Callable

import pytest

from pipelines.cli.marts_command import build_marts
from tests.assets.marts.building import build
from tests.deployment import Deployment, quiet

#: Each builds all marts several times.
pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("equal_in_the_end"),
]

SUMS = (
    "flow_move",
    "flow_day",
    "burn_day",
    "velocity",
    "milestone_burn",
    "forecast",
    "earned_value_milestone",
    "earned_value_project",
    "issue_tree",
    "throughput_weekly",
    "cycle_time",
    "person_project_day",
    "person_project_week",
    "plan_actual_monthly",
    "team_project_day",
    "user_workload_weekly",
)
LISTS = (
    "SELECT tablename FROM pg_tables WHERE schemaname = 'staging' AND tablename LIKE '%\\_stale'"
)


def build_halfway(deployment: Deployment, is_reached: Callable[[str, str], bool]) -> None:
    """Leave the marts as a build does that ends before it comes to some of them, by schema and
    name.
    """
    job = deployment.definitions.resolve_job_def("marts")
    chosen = {
        key for key in job.asset_layer.selected_asset_keys if is_reached(key.path[0], key.path[-1])
    }
    run = deployment.run_job(job.get_subset(asset_selection=chosen))
    assert run.success


# First, since it has sums made anew that the other two must not leave wrong.
def test_without_a_list_all_sums_are_made_and_the_next_build_ends_a_half_done_one(
    marts: Deployment,
) -> None:
    # Wrong sums, and nothing says which: none of the builds below makes those anew of which no
    # issue has changed.
    lists = ", ".join(
        f"staging.{name}_stale"
        for name in ("burn_day", "person_project_week", "issue_tree", "velocity")
    )
    marts.change(
        f"DROP TABLE {lists}; DELETE FROM mart.burn_day; DELETE FROM mart.velocity; "
        "DELETE FROM mart.issue_tree"
    )
    marts.change("UPDATE mart.person_project_week SET hours = 99")
    space = marts.sim.space
    space.add_project("LEFT", "Left")
    due = space.add_version("LEFT", "先に", due="2026-09-01")
    first, second = space.create_issue("LEFT"), space.create_issue("LEFT")
    child = space.create_issue("LEFT", parent_id=first.id)
    mover = space.create_issue("LEFT", estimated_hours=3, milestone_ids=(due.id,))
    estimated = space.create_issue("LEFT", estimated_hours=2, actual_hours=1)
    space.edit_issue(estimated, status_id=4)
    build(marts.load())
    assert {row["tablename"] for row in marts.query(LISTS)} == {f"{name}_stale" for name in SUMS}
    space.move_issue(mover, "OPS")
    build(marts.load())
    # The parent of before is in no new row, nor is an issue that has left the project of its
    # milestone.
    space.edit_issue(child, parent_id=second.id)
    due.due = "2026-10-01"
    marts.load()
    space.delete_issue(estimated)
    marts.change(f"DELETE FROM raw.issues WHERE id = {estimated.id}")
    build_halfway(marts, lambda schema, _name: schema == "staging")
    assert marts.query("SELECT child_count FROM mart.issue WHERE issue_id = " + str(first.id)) == [
        {"child_count": 1}
    ]
    build(marts)
    assert marts.query("SELECT child_count FROM mart.issue WHERE issue_id = " + str(first.id)) == [
        {"child_count": 0}
    ]
    assert marts.query("SELECT count(*) AS n FROM staging.changed_issue") == [{"n": 0}]


def test_sums_lose_what_a_build_has_taken_away_that_ended_before_it_came_to_them(
    marts: Deployment,
) -> None:
    space = marts.sim.space
    space.add_project("SUMS", "Sums")
    team = space.add_team("入れ替わり", [next(iter(space.users))])
    issue, other = space.create_issue("OPS", estimated_hours=8), space.create_issue("OPS")
    space.comment(issue, "見ました")
    space.edit_issue(issue, actual_hours=3, status_id=2)
    build(marts.load())
    row = f"SELECT project_id FROM mart.issue WHERE issue_id = {issue.id}"
    [before] = marts.query(row)
    space.move_issue(issue, "SUMS")
    types = space.projects[other.project_id].issue_types
    space.edit_issue(other, type_id=next(one for one in types if one != other.type_id))
    marts.load()
    build_halfway(
        marts,
        lambda schema, name: schema == "staging" or (schema == "mart" and name not in SUMS),
    )
    [after] = marts.query(row)
    assert before != after
    # Who is in which team has changed, too, and what people and teams are called, but of no issue
    # anything.
    team.members[:] = [*space.users][1:3]
    team.name = "入れ替わった"
    space.rename_user(next(iter(space.users)), "改名 済み")
    build(marts.load())


def test_a_history_without_news_stays_and_a_build_that_fails_loses_no_news(
    marts: Deployment,
) -> None:
    space = marts.sim.space
    user = next(iter(space.users))
    version = (
        f"SELECT name, xmin::text FROM mart.dim_user WHERE user_id = {user} AND valid_to IS NULL"
    )
    [before] = marts.query(version)
    space.comment(space.create_issue("OPS"), "何も変わらない")
    build(marts.load())
    assert marts.query(version) == [before]
    space.rename_user(user, "失敗の 前")
    marts.load()
    marts.change("ALTER TABLE mart.conversation RENAME COLUMN characters TO letters")
    assert build_marts(marts.definitions, marts.instance, quiet())["errors"]
    marts.change("ALTER TABLE mart.conversation RENAME COLUMN letters TO characters")
    build(marts)
    assert [row["name"] for row in marts.query(version)] == ["失敗の 前"]
