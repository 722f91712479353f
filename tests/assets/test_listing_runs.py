"""Tables that are read whole, and what the space says of itself, in runs of Dagster: what a run
shows for each, and that a refusal is no failure and no red check.
"""

from resources.masking import Mask
from resources.warehouse.people.forgetting import remask
from simulator import Fault
from tests.deployment import Deployment, checks, failures, metadata


def test_a_list_shows_its_figures_its_requests_and_what_its_load_has_noted(
    deployment: Deployment,
) -> None:
    assert (
        metadata(deployment.run("users"), "users")["source_of_users"]
        == "GET /users: all users of the space"
    )
    deployment.sim.faults.add(Fault(status=503, path="/teams"), Fault(status=429, path="/teams"))
    said = metadata(deployment.run("projects", only=["teams"]), "teams")
    assert (
        said["load/rows_inserted"] == said["dagster/row_count"] == len(deployment.sim.space.teams)
    )
    assert (said["load/api_retries"], said["load/api_requests"]) == (2, 4)
    assert said["source_of_teams"] == "GET /teams: all teams of the space"


def test_people_are_masked_by_the_key_and_a_check_is_red_until_all_are(loaded: Deployment) -> None:
    key = "a key, of 20 and more"
    masked = loaded.with_privacy_key(key)
    assert masked.run("users").success
    assert {row["name"][:9] for row in masked.rows("users")} == {f"user-{Mask(key).tag}"}
    assert checks(masked.run_issues(mode="incremental"), "comments")["people_alike"] is False
    remask(masked.engine, "acme", Mask(key))
    assert checks(masked.run_issues(mode="incremental"), "comments")["people_alike"] is True


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
