"""What a load leaves in `ops.sync_history`: which projects it covers, and a row also where it fails before its first one."""

from resources.warehouse.sync_log import place_of
from simulator import Fault
from tests.deployment import Deployment, Run

REFUSED = Fault(status=401, times=None)


def rows(deployment: Deployment, run: Run) -> list[tuple[object, ...]]:
    found = deployment.query(f"SELECT * FROM ops.sync_history WHERE run_id = '{run.run_id}' ORDER BY id")
    return [(row["sync_type"], row["mode"], row["status"], row["project_key"], row["projects"]) for row in found]


def test_a_sync_says_which_projects_it_covers(loaded: Deployment) -> None:
    assert loaded.partitions[:2] == ["OPS", "WEB"]
    one, two, every = (loaded.run_issues(*some, mode="incremental") for some in (["OPS"], ["OPS", "WEB"], []))
    feed = ("activities", "incremental", "completed", None, None)  # is that of the whole space, whatever is asked for
    assert rows(loaded, one) == [feed, *((name, "incremental", "completed", "OPS", ["OPS"]) for name in ("issues", "comments"))]
    both = ["OPS", "WEB"]
    assert rows(loaded, two) == [feed, *((name, "incremental", "completed", None, both) for name in ("issues", "comments"))]
    assert rows(loaded, every) == [feed, *((name, "incremental", "completed", None, None) for name in ("issues", "comments"))]


def test_a_load_that_the_source_refuses_at_once_is_in_the_history_with_its_cause(loaded: Deployment) -> None:
    loaded.sim.faults.add(REFUSED)
    by_hand, issues = loaded.by_hand("projects"), loaded.run_issues("OPS", mode="incremental")
    loaded.sim.faults.clear()
    assert rows(loaded, by_hand) == [("projects", "full", "failed", None, None)]
    assert rows(loaded, issues) == [("activities", "incremental", "failed", None, None)]
    [row] = loaded.query(f"SELECT * FROM ops.sync_history WHERE run_id = '{by_hand.run_id}'")
    assert row["error"].startswith("GET /space: 401")
    assert (row["requests"], row["ended_at"] >= row["started_at"]) == (1, True)


def test_a_first_load_ever_that_fails_is_taken_over_by_the_space_once_it_is_known(deployment: Deployment) -> None:
    deployment.sim.faults.add(REFUSED)
    failed = deployment.run("users")
    assert place_of(deployment.engine, deployment.sim.url) == deployment.sim.url
    assert {row["space_key"] for row in deployment.query("SELECT * FROM ops.sync_history")} == {deployment.sim.url}
    deployment.sim.faults.clear()
    assert deployment.run("users").success
    assert place_of(deployment.engine, deployment.sim.url) == "acme"
    assert {row["space_key"] for row in deployment.query("SELECT * FROM ops.sync_history")} == {"acme"}
    assert rows(deployment, failed) == [("users", "full", "failed", None, None)]
