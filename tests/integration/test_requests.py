"""What a load costs in API requests: the bounds that users rely on, counted by the server."""

import math

import pytest

from assets.partitions import month_keys
from simulator import SpaceSpec
from tests.deployment import Deploy, Deployment, failures

#: Twenty projects with few issues each.
WIDE = SpaceSpec(seed=4, users=6, projects=20, issues=300, history_days=240)


@pytest.mark.parametrize("issues", [0, 101, 1_500])
def test_a_first_load_costs_about_one_search_a_hundred_issues(deploy: Deploy, issues: int) -> None:
    deployment = deploy(
        SpaceSpec(seed=4, users=6, projects=1, issues=issues, history_days=240)
    ).discover()
    assert failures(deployment.run_issues()) == []
    assert deployment.stored_issues() == deployment.source_issues()
    assert deployment.sim.requests.count(bucket="search") <= math.ceil(issues / 100) * 1.1 + 40


def test_a_month_by_month_backfill_stays_within_the_same_bound(deploy: Deploy) -> None:
    deployment = deploy(
        SpaceSpec(seed=4, users=6, projects=1, issues=900, history_days=240)
    ).discover()
    months = month_keys()[:6]
    assert deployment.run_issues(first=months[0], last=months[-1]).success
    assert deployment.sim.requests.count(bucket="search") <= math.ceil(900 / 100) * 1.1 + 40


@pytest.fixture
def wide(deploy: Deploy) -> Deployment:
    """Return a deployment whose twenty projects are loaded; the count of requests starts anew."""
    deployment = deploy(WIDE).discover()
    assert failures(deployment.run_issues()) == []
    deployment.sim.requests.clear()
    return deployment


def test_a_scheduled_load_costs_a_handful_and_a_read_for_each_change(wide: Deployment) -> None:
    assert wide.run_issues(mode="incremental", first=month_keys()[-1]).success
    assert wide.sim.requests.count() <= 10
    wide.sim.requests.clear()
    for issue in sorted(wide.sim.space.issues)[:100]:
        wide.sim.space.edit_issue(issue, priority_id=2)
    assert wide.run_issues(mode="incremental", first=month_keys()[-1]).success
    assert wide.sim.requests.count(route="/issues/{issue}/comments") == 100
    assert wide.sim.requests.count() <= 112
    assert wide.stored_issues() == wide.source_issues()


def test_a_hundred_issues_edited_in_one_second_cost_no_more_requests(wide: Deployment) -> None:
    issues = sorted(wide.sim.space.issues)
    for issue in issues[100:200]:
        wide.sim.space.edit_issue(issue, priority_id=2)
    wide.sim.clock.advance(1_800)
    assert wide.run_issues(mode="incremental").success
    wide.sim.clock.advance(3_600)
    edited: dict[int, list[int]] = {}
    for issue in issues[:100]:
        edited.setdefault(wide.sim.space.issues[issue].project_id, []).append(issue)
    for together in edited.values():
        wide.sim.space.bulk_edit(together, estimated_hours=7.25)
    wide.sim.requests.clear()
    assert wide.run_issues(mode="incremental").success
    assert (
        wide.sim.requests.count() - wide.sim.requests.count(route="/issues/{issue}/comments") <= 12
    )
    assert wide.stored_issues() == wide.source_issues()


def test_a_load_of_all_projects_and_their_master_data_costs_seven_requests_a_project(
    deploy: Deploy,
) -> None:
    deployment = deploy(SpaceSpec(seed=4, users=6, projects=20, issues=0))
    assert deployment.run("projects").success
    routes = deployment.sim.requests.by_route()
    daily = routes["/space/licence"] + routes["/space/diskUsage"]
    assert daily == 2, "once a day"
    assert deployment.sim.requests.count() - daily <= 7 * 20 + 5


def test_a_load_of_users_costs_two(deployment: Deployment) -> None:
    deployment.run("users")
    assert deployment.sim.requests.by_route() == {"/users": 1, "/space": 1}
