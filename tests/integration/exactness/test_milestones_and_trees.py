"""Sums of milestones and trees of issues stay from build to build, until something of theirs
changes.
"""

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import RowMapping

from simulator.model import Issue
from tests.assets.marts.building import assert_whole_build_gives_the_same, build
from tests.deployment import Deploy
from tests.integration.exactness.machine import BEGIN, SPEC
from tests.scratch import edited_mappings

#: It builds all marts several times.
pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(autouse=True)
def baseline_in_two_days() -> Iterator[None]:
    """Let the project TREE have a baseline, two days after the test begins."""
    day = (BEGIN + timedelta(days=2)).astimezone(ZoneInfo("Asia/Tokyo")).date()
    with edited_mappings({"baselines.csv": f"project_key,baseline_day\nTREE,{day}\n"}):
        yield


def assert_made_again(before: list[RowMapping], after: list[RowMapping]) -> None:
    """Expect the same rows, all of them of other transactions."""
    assert [row["what"] for row in after] == [row["what"] for row in before] != []
    assert not {row["xmin"] for row in after} & {row["xmin"] for row in before}


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

    def baseline(of: Issue) -> list[RowMapping]:
        return deployment.query(
            f"SELECT baseline_hours AS hours FROM mart.issue_plan WHERE issue_id = {of.id}"
        )

    before, before_others = made(one.id, top.id), made(other.id, left_alone.id)
    assert [row["what"] for row in before] == ["burn", "milestone", "tree", "value"]
    space.edit_issue(issue, actual_hours=4, status_id=2)
    space.edit_issue(below, estimated_hours=30)
    space.edit_issue(child, parent_id=second.id)
    build(deployment.load())
    assert made(other.id, left_alone.id) == before_others
    assert_made_again(before, made(one.id, second.id))
    assert (
        deployment.query(f"SELECT issue_id FROM mart.issue_tree WHERE issue_id = {top.id}") == []
    ), "it has no child any more"
    # A space has milestones before it has issues.
    masters = "space_key, project_id, id, name, payload, content_hash, loaded_at, run_id"
    deployment.change(
        f"INSERT INTO raw.versions ({masters}) VALUES ('other', 1, 1, '前', '{{}}', "
        "'', clock_timestamp(), '')"
    )
    before_others = made(other.id, root=0)
    other.due = "2026-11-01"
    # A loop of parents takes them all out of the tree, and they come back when it is broken.
    space.edit_issue(second, parent_id=below.id)
    build(deployment.load())
    assert_made_again(before_others, made(other.id, root=0))
    space.edit_issue(second, parent_id=top.id)
    space.delete_issue(child_of_it)
    deployment.change(
        "UPDATE raw.versions SET name = '後', loaded_at = clock_timestamp() "
        "WHERE space_key = 'other'"
    )
    build(deployment.load())
    assert deployment.query("SELECT milestone FROM mart.velocity WHERE space_key = 'other'") == [
        {"milestone": "後"}
    ]
    clock.advance(86_400)
    space.edit_issue(left_alone, estimated_hours=7)
    build(deployment.load())
    assert baseline(left_alone) == [{"hours": 5}], "the day of the baseline is still to come"
    # It comes, and nothing happens to that issue.
    clock.advance(86_400)
    space.edit_issue(issue, actual_hours=5)
    build(deployment.load())
    assert baseline(left_alone) == [{"hours": 7}]
    assert_whole_build_gives_the_same(deployment)
