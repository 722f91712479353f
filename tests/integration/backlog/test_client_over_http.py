"""The client against a simulated space over real HTTP."""

from datetime import datetime

import pytest

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import IssueFilter
from resources.backlog.scan import scan_window
from resources.backlog.window import Window
from resources.warehouse.schema import SPECS
from simulator import PLANS, Fault, Simulator
from tests.integration.backlog.conftest import Connect


def all_ids(client: BacklogClient) -> list[int]:
    window = Window(tuple(project["id"] for project in client.visible_projects()))
    return sorted(row["id"] for batch in scan_window(client, window) for row in batch)


def test_every_list_that_the_tables_need_is_read(sim: Simulator, connect: Connect) -> None:
    client = connect(sim)
    projects = client.projects(all_=True)
    project = projects[0]["projectKey"]
    assert client.space()["spaceKey"] == "acme"
    assert client.myself()["roleType"] == 1
    assert len(client.users()) == len(sim.space.users)
    assert {row["projectKey"] for row in projects} == {
        one.key for one in sim.space.projects.values()
    }
    assert client.project(project)["id"] == projects[0]["id"]
    for table, spec in SPECS.items():
        if spec.of_each_project:
            assert client.listed(spec.path, project), table
    assert client.project_users(project) == client.listed("/projects/:id/users", project)
    assert 0 in {row["id"] for row in client.listed("/resolutions")}
    assert len(client.listed("/priorities")) == 3
    assert isinstance(client.listed("/projects/:id/teams", project), list)
    teams = {team["id"] for page in client.listed_pages("/teams") for team in page}
    assert teams == set(sim.space.teams)
    assert client.record("/space/licence")["active"]
    assert set(client.rate_limit()) == {"read", "update", "search", "icon"}
    issue = client.issue_page(IssueFilter(project_id=(projects[0]["id"],)), count=1)[0]
    assert client.issue(issue["id"]) == client.issue(issue["issueKey"]) == issue


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_activities_and_comments_come_once_each_whatever_the_bounds_mean(
    sim: Simulator, connect: Connect, inclusive: bool, order: str
) -> None:
    sim.switch(inclusive_ids=inclusive)
    client = connect(sim)
    found = [activity["id"] for page in client.activities(order=order) for activity in page]
    assert len(found) > 300
    assert found == sorted(set(found), reverse=order == "desc")
    later = [
        activity["id"]
        for page in client.activities(order=order, min_id=sorted(found)[150])
        for activity in page
    ]
    assert sorted(later) == sorted(found)[151:]
    issue = next(iter(sim.space.issues))
    for number in range(201):
        sim.space.comment(issue, f"comment {number}")
    comments = [comment["id"] for page in client.comments(issue, order=order) for comment in page]
    assert len(set(comments)) == len(comments) == len(sim.space.issues[issue].comments)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=429, reset_in=20),
        Fault(status=500),
        Fault(status=503),
        Fault(kind="html", status=503),
        Fault(kind="close"),
        Fault(kind="cut"),
        Fault(kind="truncate"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status}",
)
def test_a_load_survives_every_third_request_going_wrong(
    sim: Simulator, connect: Connect, fault: Fault
) -> None:
    client = connect(sim)
    client.visible_projects()
    sim.faults.add(Fault(fault.kind, fault.status, times=None, every=3, reset_in=fault.reset_in))
    assert all_ids(client) == sorted(sim.space.issues)
    assert client.stats.total > 13


@pytest.mark.parametrize("plan", ["free", "paid"])
@pytest.mark.parametrize("reserve", [0.0, 0.2, 0.9])
def test_a_limited_plan_refuses_no_request(
    sim: Simulator, connect: Connect, plan: str, reserve: float
) -> None:
    sim.limits = PLANS[plan]
    waits: list[tuple[str, float, datetime]] = []
    client = connect(sim, reserve=reserve, on_wait=lambda *wait: waits.append(wait))
    for _ in range(3):
        assert all_ids(client) == sorted(sim.space.issues)
    assert sim.requests.count(status=429) == client.stats.rate_limited == 0
    assert all(0 < seconds <= 62 for _, seconds, _ in waits)
    assert client.stats.wait_seconds == pytest.approx(sum(seconds for _, seconds, _ in waits))
    searches = sim.requests.count(bucket="search")
    allowed = max(1, sim.limits.search * (1 - reserve) // 1)
    assert len(waits) <= searches / allowed + 1
    assert plan != "free" or waits
