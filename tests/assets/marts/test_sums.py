"""Sums that are kept from build to build, and builds that end halfway: the next one makes all that
has changed.
"""

from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import RowMapping

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


@pytest.fixture(scope="module")
def made(marts: Deployment) -> dict[str, int]:
    """Build marts whose sums are wrong and have no list that says which: none of the builds below
    makes those anew of which no issue has changed. Return the ids of what the tests change.
    """
    lists = ", ".join(
        f"staging.{name}_stale"
        for name in ("burn_day", "person_project_week", "issue_tree", "velocity")
    )
    marts.change(
        f"DROP TABLE {lists}; DELETE FROM mart.burn_day; DELETE FROM mart.velocity; "
        "DELETE FROM mart.issue_tree; UPDATE mart.person_project_week SET hours = 99"
    )
    space = marts.sim.space
    for key in ("LEFT", "SUMS"):
        space.add_project(key, key.title())
    due = space.add_version("LEFT", "先に", due="2026-09-01").id
    first = space.create_issue("LEFT").id
    found = {
        "moving": space.create_issue("OPS", estimated_hours=8).id,
        "mover": space.create_issue("LEFT", estimated_hours=3, milestone_ids=(due,)).id,
        "retyped": space.create_issue("OPS").id,
        "first": first,
        "second": space.create_issue("LEFT").id,
        "child": space.create_issue("LEFT", parent_id=first).id,
        "estimated": space.create_issue("LEFT", estimated_hours=2, actual_hours=1).id,
        "due": due,
        "team": space.add_team("入れ替わり", [next(iter(space.users))]).id,
        # Of whom there is no news but in the end.
        "user": [*space.users][3],
    }
    space.edit_issue(found["estimated"], status_id=4)
    space.comment(found["moving"], "見ました")
    space.edit_issue(found["moving"], actual_hours=3, status_id=2)
    build(marts.load())
    return found


def versions(deployment: Deployment, user: int) -> Sequence[RowMapping]:
    """Return what somebody is called now, and which transaction has written it."""
    return deployment.query(
        f"SELECT name, xmin::text FROM mart.dim_user WHERE user_id = {user} AND valid_to IS NULL"
    )


def test_without_a_list_all_sums_are_made(marts: Deployment, made: dict[str, int]) -> None:
    assert {row["tablename"] for row in marts.query(LISTS)} == {f"{name}_stale" for name in SUMS}


def test_sums_lose_what_a_build_has_taken_away_that_ended_before_it_came_to_them(
    marts: Deployment, made: dict[str, int]
) -> None:
    space, before = marts.sim.space, versions(marts, made["user"])
    row = f"SELECT project_key FROM mart.issue WHERE issue_id = {made['moving']}"
    assert marts.query(row) == [{"project_key": "OPS"}]
    space.move_issue(made["moving"], "SUMS")
    # An issue that has left the project of its milestone is in no new row of it.
    space.move_issue(made["mover"], "OPS")
    *_, last_type = space.project("OPS").issue_types
    space.edit_issue(made["retyped"], type_id=last_type)
    marts.load()
    build_halfway(
        marts,
        lambda schema, name: schema == "staging" or (schema == "mart" and name not in SUMS),
    )
    assert marts.query(row) == [{"project_key": "SUMS"}]
    # Who is in which team has changed, too, and what people and teams are called, but of no issue
    # anything.
    team = space.teams[made["team"]]
    team.members[:], team.name = [*space.users][1:3], "入れ替わった"
    space.rename_user(next(iter(space.users)), "改名 済み")
    build(marts.load())
    assert versions(marts, made["user"]) == before, "without news it stays"


def test_builds_that_end_halfway_or_fail_lose_no_news(
    marts: Deployment, made: dict[str, int]
) -> None:
    space = marts.sim.space
    children = f"SELECT child_count FROM mart.issue WHERE issue_id = {made['first']}"
    # The parent of before is in no new row.
    space.edit_issue(made["child"], parent_id=made["second"])
    space.project("LEFT").versions[made["due"]].due = "2026-10-01"
    space.rename_user(made["user"], "失敗の 前")
    marts.load()
    space.delete_issue(made["estimated"])
    marts.change(f"DELETE FROM raw.issues WHERE id = {made['estimated']}")
    build_halfway(marts, lambda schema, _name: schema == "staging")
    assert marts.query(children) == [{"child_count": 1}]
    marts.change("ALTER TABLE mart.conversation RENAME COLUMN characters TO letters")
    assert build_marts(marts.definitions, marts.instance, quiet())["errors"]
    marts.change("ALTER TABLE mart.conversation RENAME COLUMN letters TO characters")
    build(marts)
    assert marts.query(children) == [{"child_count": 0}]
    assert [row["name"] for row in versions(marts, made["user"])] == ["失敗の 前"]
    assert marts.query("SELECT count(*) AS n FROM staging.changed_issue") == [{"n": 0}]
