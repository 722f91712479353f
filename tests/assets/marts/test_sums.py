"""Sums that are kept from build to build, and builds that end halfway: the next one makes all that
has changed.
"""

from collections.abc import Callable

import pytest
from sqlalchemy import RowMapping

from pipelines.cli.marts_command import build_marts
from tests.assets.marts.building import assert_whole_build_gives_the_same, build
from tests.deployment import Deploy, Deployment, quiet
from tests.integration.exactness.machine import BEGIN, SPEC

#: Each builds all marts several times.
pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

SUMS = (
    "flow_move",
    "flow_day",
    "burn_day",
    "velocity",
    "milestone_burn",
    "earned_value_milestone",
    "earned_value_project",
    "issue_tree",
    "throughput_weekly",
    "cycle_time",
    "person_project_day",
    "person_project_week",
    "plan_actual_monthly",
    "team_project_week",
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


def test_sums_lose_what_a_build_has_taken_away_that_ended_before_it_came_to_them(
    built: tuple[Deployment, int],
) -> None:
    deployment, _ = built
    space = deployment.sim.space
    space.add_project("SUMS", "Sums")
    team = space.add_team("入れ替わり", [next(iter(space.users))])
    issue, other = space.create_issue("OPS", estimated_hours=8), space.create_issue("OPS")
    space.comment(issue, "見ました")
    space.edit_issue(issue, actual_hours=3, status_id=2)
    build(deployment.load())
    row = f"SELECT project_id FROM mart.hours_ledger WHERE issue_id = {issue.id}"
    [before] = deployment.query(row)
    space.move_issue(issue, "SUMS")
    types = space.projects[other.project_id].issue_types
    space.edit_issue(other, type_id=next(one for one in types if one != other.type_id))
    deployment.load()
    build_halfway(
        deployment,
        lambda schema, name: schema == "staging" or (schema == "mart" and name not in SUMS),
    )
    [after] = deployment.query(row)
    assert before != after
    # Who is in which team has changed, too, and what people and teams are called, but of no issue
    # anything.
    team.members[:] = [*space.users][1:3]
    team.name = "入れ替わった"
    space.rename_user(next(iter(space.users)), "改名 済み")
    build(deployment.load())
    assert_whole_build_gives_the_same(deployment)


def test_without_a_list_all_sums_are_made_and_the_next_build_ends_a_half_done_one(
    built: tuple[Deployment, int],
) -> None:
    deployment, _ = built
    # Wrong sums, and nothing says which: none of the builds below makes those anew of which no
    # issue has changed.
    lists = ", ".join(
        f"staging.{name}_stale"
        for name in ("burn_day", "person_project_week", "issue_tree", "velocity")
    )
    deployment.change(
        f"DROP TABLE {lists}; DELETE FROM mart.burn_day; DELETE FROM mart.velocity; "
        "DELETE FROM mart.issue_tree"
    )
    deployment.change("UPDATE mart.person_project_week SET hours = 99")
    space = deployment.sim.space
    space.add_project("LEFT", "Left")
    due = space.add_version("LEFT", "先に", due="2026-09-01")
    first, second = space.create_issue("LEFT"), space.create_issue("LEFT")
    child = space.create_issue("LEFT", parent_id=first.id)
    mover = space.create_issue("LEFT", estimated_hours=3, milestone_ids=(due.id,))
    estimated = space.create_issue("LEFT", estimated_hours=2, actual_hours=1)
    space.edit_issue(estimated, status_id=4)
    build(deployment.load())
    assert {row["tablename"] for row in deployment.query(LISTS)} == {
        f"{name}_stale" for name in SUMS
    }
    space.move_issue(mover, "OPS")
    build(deployment.load())
    # The parent of before is in no new row, nor is an issue that has left the project of its
    # milestone.
    space.edit_issue(child, parent_id=second.id)
    due.due = "2026-10-01"
    deployment.load()
    space.delete_issue(estimated)
    deployment.change(f"DELETE FROM raw.issues WHERE id = {estimated.id}")
    build_halfway(deployment, lambda schema, _name: schema == "staging")
    assert deployment.query(
        "SELECT child_count FROM mart.issue WHERE issue_id = " + str(first.id)
    ) == [{"child_count": 1}]
    build(deployment)
    assert deployment.query(
        "SELECT child_count FROM mart.issue WHERE issue_id = " + str(first.id)
    ) == [{"child_count": 0}]
    assert deployment.query("SELECT count(*) AS n FROM staging.changed_issue") == [{"n": 0}]
    assert_whole_build_gives_the_same(deployment)


def test_milestones_and_trees_stay_until_an_issue_the_day_or_a_due_date_changes(
    deploy: Deploy,
) -> None:
    deployment = deploy(SPEC)
    space, clock = deployment.sim.space, deployment.sim.clock
    clock.freeze(BEGIN)
    space.add_project("TREE", "Tree")
    one, other = (
        space.add_version("TREE", "一", due="2026-09-01"),
        space.add_version("TREE", "二", due="2026-10-01"),
    )
    issue = space.create_issue("TREE", estimated_hours=8, milestone_ids=(one.id,))
    left_alone = space.create_issue("TREE", estimated_hours=5, milestone_ids=(other.id,))
    child_of_it = space.create_issue("TREE", parent_id=left_alone.id)
    top, second = space.create_issue("TREE", estimated_hours=1), space.create_issue("TREE")
    child = space.create_issue("TREE", parent_id=top.id, estimated_hours=2)
    below = space.create_issue("TREE", parent_id=child.id, estimated_hours=3)
    build(deployment.load())

    def made(milestone: int, root: int) -> list[RowMapping]:
        """Return which transactions have made the rows of a milestone and of a tree."""
        return deployment.query(
            "SELECT 'milestone' AS what, xmin::text FROM mart.velocity WHERE "
            f"milestone_id = {milestone} "
            "UNION SELECT 'burn', xmin::text FROM mart.milestone_burn WHERE "
            f"milestone_id = {milestone} "
            "UNION SELECT 'value', xmin::text FROM mart.earned_value_milestone WHERE "
            f"milestone_id = {milestone} "
            "UNION SELECT 'tree', xmin::text FROM mart.issue_tree WHERE "
            f"root_issue_id = {root} ORDER BY 1"
        )

    def changed() -> None:
        space.edit_issue(issue, actual_hours=4, status_id=2)
        space.edit_issue(below, estimated_hours=30)
        space.edit_issue(child, parent_id=second.id)

    before, before_others = made(one.id, top.id), made(other.id, left_alone.id)
    assert [row["what"] for row in before] == ["burn", "milestone", "tree", "value"]
    changed()
    build(deployment.load())
    assert made(other.id, left_alone.id) == before_others
    after = made(one.id, second.id)
    assert [row["what"] for row in after] == [row["what"] for row in before]
    assert not {row["xmin"] for row in after} & {row["xmin"] for row in before}
    assert (
        deployment.query(f"SELECT issue_id FROM mart.issue_tree WHERE issue_id = {top.id}") == []
    ), "it has no child any more"
    assert_whole_build_gives_the_same(deployment)
    # A loop of parents takes them all out of the tree, and they come back when it is broken.
    for parent in (below.id, top.id):
        space.edit_issue(second, parent_id=parent)
        if parent == top.id:
            space.delete_issue(child_of_it)
        build(deployment.load())
    assert_whole_build_gives_the_same(deployment)
    before_others = made(other.id, left_alone.id)
    other.due = "2026-11-01"
    build(deployment.load())
    assert not {row["xmin"] for row in made(other.id, left_alone.id)} & {
        row["xmin"] for row in before_others
    }
    clock.advance(86_400)
    space.edit_issue(issue, actual_hours=5)
    build(deployment.load())
    assert_whole_build_gives_the_same(deployment)
    # A space has milestones before it has issues.
    masters = "space_key, project_id, id, name, payload, content_hash, loaded_at, run_id"
    deployment.change(
        f"INSERT INTO raw.versions ({masters}) VALUES ('other', 1, 1, '前', '{{}}', "
        "'', clock_timestamp(), '')"
    )
    build(deployment)
    deployment.change(
        "UPDATE raw.versions SET name = '後', loaded_at = clock_timestamp() "
        "WHERE space_key = 'other'"
    )
    build(deployment)
    assert deployment.query("SELECT milestone FROM mart.velocity WHERE space_key = 'other'") == [
        {"milestone": "後"}
    ]
    assert_whole_build_gives_the_same(deployment)


def test_a_history_without_news_stays_and_a_build_that_fails_loses_no_news(
    built: tuple[Deployment, int],
) -> None:
    deployment, _ = built
    space = deployment.sim.space
    user, issue = next(iter(space.users)), space.create_issue("OPS")
    version = (
        f"SELECT name, xmin::text FROM mart.dim_user WHERE user_id = {user} AND valid_to IS NULL"
    )
    build(deployment.load())
    [before] = deployment.query(version)
    space.comment(issue, "何も変わらない")
    build(deployment.load())
    assert deployment.query(version) == [before]
    space.rename_user(user, "失敗の 前")
    deployment.load()
    deployment.change("ALTER TABLE mart.conversation RENAME COLUMN characters TO letters")
    assert build_marts(deployment.definitions, deployment.instance, quiet())["errors"]
    deployment.change("ALTER TABLE mart.conversation RENAME COLUMN letters TO characters")
    build(deployment)
    assert [row["name"] for row in deployment.query(version)] == ["失敗の 前"]
    assert_whole_build_gives_the_same(deployment)
