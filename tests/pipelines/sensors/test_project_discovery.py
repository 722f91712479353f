"""Discovery of projects: the pure difference, and the thin sensor on an instance."""

import dagster as dg
import pytest

from pipelines.definitions import defs
from pipelines.sensors.failing_ticks import LookFailedError
from pipelines.sensors.project_discovery import project_discovery
from resources.dagster_tags import RANGE_END_TAG, RANGE_START_TAG
from simulator import Fault, SpaceSpec
from tests.deployment import Deploy, Deployment


def look(deployment: Deployment) -> str | None:
    """Evaluate the sensor as the daemon does, with the resources of the definitions, and do what it
    asks for; return why it asks for nothing.
    """
    context = dg.build_sensor_context(
        instance=deployment.instance,
        definitions=defs,
        resources={"backlog": deployment.backlog, "warehouse": deployment.warehouse},
    )
    with context:
        found = project_discovery.evaluate_tick(context)
    for request in found.dynamic_partitions_requests or []:
        assert isinstance(request, dg.AddDynamicPartitionsRequest)  # never one that deletes
        deployment.instance.add_dynamic_partitions(
            request.partitions_def_name, list(request.partition_keys)
        )
    assert not found.run_requests
    return None if found.dynamic_partitions_requests else found.skip_message


def test_visible_projects_become_partitions_and_the_second_look_adds_none(deploy: Deploy) -> None:
    deployment = deploy(SpaceSpec(seed=3, users=6, projects=4, issues=0))
    assert look(deployment) is None
    assert deployment.sim.requests.by_route() == {"/projects": 1, "/space": 1}
    listed = [project.key for project in deployment.sim.space.projects.values()]
    assert list(deployment.partitions) == listed  # the archived one too
    assert look(deployment) == "no new project among the 4 that the key can see"
    assert list(deployment.partitions) == listed


def test_a_new_project_is_seen_by_the_next_look_and_a_renamed_one_keeps_both_keys(
    deployment: Deployment,
) -> None:
    look(deployment)
    deployment.sim.space.add_project("NEW", "新規")
    deployment.sim.space.rename_project("WEB", key="SITE")
    look(deployment)
    assert {*deployment.partitions} == {"OPS", "WEB", "APP", "NEW", "SITE"}
    keys = deployment.query(
        "SELECT project_key FROM ops.project_keys WHERE project_id IN"
        " (SELECT project_id FROM ops.project_keys WHERE project_key = 'SITE') ORDER BY 1"
    )
    assert [row["project_key"] for row in keys] == ["SITE", "WEB"]


@pytest.mark.parametrize("key", ["W\0B", "W\ud800B", "W\nB", "W|B", "W...B"])
def test_a_key_that_cannot_be_a_partition_is_none_and_the_others_are(
    deploy: Deploy, key: str
) -> None:
    deployment = deploy(SpaceSpec(seed=3, users=6, projects=3, issues=0))
    deployment.sim.rewrite_response(
        lambda request, body: (
            [one | ({"projectKey": key} if one["projectKey"] == "WEB" else {}) for one in body]
            if request.route == "/projects"
            else body
        )
    )
    look(deployment)
    assert {*deployment.partitions} == {"OPS", "APP"}
    noted = deployment.query("SELECT project_key FROM ops.project_keys")
    assert {row["project_key"] for row in noted} == {"OPS", "APP"}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(status=500, path="/projects", times=None), "GET /projects: 500"),
        (Fault(status=403, path="/projects", times=None), "GET /projects: 403"),
        (Fault("html", 200, path="/projects", times=None), "the body is not JSON"),
        (Fault(status=401, times=None), "check BACKLOG_API_KEY"),
    ],
)
def test_a_tick_that_could_not_look_has_failed_and_leaves_the_partitions(
    deployment: Deployment, fault: Fault, said: str
) -> None:
    deployment.sim.space.add_project("NEW", "新規")
    deployment.sim.faults.add(fault)
    with pytest.raises(LookFailedError, match="the list of projects could not be read: ") as caught:
        look(deployment)
    assert said in str(caught.value)
    assert list(deployment.partitions) == ["OPS", "WEB", "APP"]


def test_a_key_that_was_never_a_projects_is_removed_and_the_keys_of_projects_stay(
    loaded: Deployment,
) -> None:
    space, instance = loaded.sim.space, loaded.instance
    look(loaded)
    space.archive_project("OPS")
    space.rename_project("WEB", key="SITE")
    space.delete_project("APP")
    look(loaded)
    instance.add_dynamic_partitions("backlog_projects", ["TYPO", "TYPO2"])
    assert look(loaded) == "removed TYPO, TYPO2: no project has or had that key"
    assert list(loaded.partitions) == ["OPS", "WEB", "APP", "SITE"]
    instance.add_dynamic_partitions("backlog_projects", ["TYPO"])
    space.add_project("NEW", "新規")
    look(loaded)
    assert list(loaded.partitions) == ["OPS", "WEB", "APP", "SITE", "NEW"]


@pytest.mark.parametrize(
    "tags",
    [
        {"dagster/partition": "TYPO|2026-05"},
        {RANGE_START_TAG: "TYPO|2026-05", RANGE_END_TAG: "TYPO|2026-06"},
        {RANGE_START_TAG: "OPS|2026-05", RANGE_END_TAG: "LATER|2026-05"},
    ],
)
def test_a_key_stays_while_a_run_uses_it(loaded: Deployment, tags: dict[str, str]) -> None:
    loaded.instance.add_dynamic_partitions("backlog_projects", ["TYPO", "LATER"])
    run = dg.DagsterRun(job_name="issues", status=dg.DagsterRunStatus.STARTED, tags=tags)
    loaded.instance.add_run(run)
    look(loaded)
    assert "TYPO" in loaded.partitions
    loaded.instance.delete_run(run.run_id)
    look(loaded)
    assert list(loaded.partitions) == ["OPS", "WEB", "APP"]


def test_with_a_new_warehouse_the_keys_of_another_one_stay(loaded: Deployment) -> None:
    assert loaded.run_issues("WEB", first="2026-05", last="2026-05").success
    loaded.sim.space.rename_project("WEB", key="SITE")
    loaded.instance.add_dynamic_partitions("backlog_projects", ["TYPO"])
    loaded.change("DELETE FROM ops.project_keys")
    look(loaded)
    assert list(loaded.partitions) == ["OPS", "WEB", "APP", "TYPO", "SITE"], (
        "a warehouse without keys cannot tell"
    )
    look(loaded)
    assert list(loaded.partitions) == ["OPS", "WEB", "APP", "SITE"], "issues were loaded under WEB"
