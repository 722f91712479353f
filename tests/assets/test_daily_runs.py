"""What the space says of itself, in Dagster: a refusal is no failure and no red check."""

from simulator import Fault
from tests.deployment import Deployment, checks, failures, metadata

TABLES = ["licence", "disk_usage"]


def test_a_refusal_is_a_note_of_the_asset_and_no_failure(deployment: Deployment) -> None:
    deployment.sim.faults.add(Fault(status=403, path="/space/(licence|diskUsage)", times=None))
    run = deployment.run("projects", only=TABLES)
    assert failures(run) == []
    for table in TABLES:
        assert set(checks(run, table).values()) == {True}
        said = metadata(run, table)
        assert "403" in said["not_read"]
        assert said["dagster/row_count"] == 0


def test_a_second_run_of_the_day_asks_nothing_and_says_so(deployment: Deployment) -> None:
    first = deployment.run("projects", only=TABLES)
    assert [metadata(first, table)["dagster/row_count"] for table in TABLES] == [1, 1]
    deployment.sim.requests.clear()
    second = deployment.run("projects", only=TABLES)
    assert failures(second) == []
    for table in TABLES:
        said = metadata(second, table)
        assert said["not_read"] == "it is read once a day, and was today"
        assert said["dagster/row_count"] == 1
    assert deployment.sim.requests.by_route() == {"/space": 1}
