"""Tables that are read whole in runs of Dagster: what a run shows for each, and what a failing
table prevents.
"""

from typing import Any

from resources.privacy import Mask
from resources.warehouse.people.forgetting import remask
from simulator import Fault
from tests.deployment import Deployment, checks, metadata

ALWAYS: dict[str, Any] = {"times": None}


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
    deployment.sim.faults.add(Fault(status=402, path="/projects/.*/customFields", **ALWAYS))
    run = deployment.run("projects", only=["custom_fields"])
    assert metadata(run, "custom_fields")["not_in_plan"].startswith(
        "the plan of the space has none of this for OPS, WEB, APP;"
    )


def test_people_are_masked_by_the_key_and_a_check_is_red_until_all_are(loaded: Deployment) -> None:
    key = "a key, of 20 and more"
    masked = loaded.with_privacy_key(key)
    assert masked.run("users").success
    assert {row["name"][:9] for row in masked.rows("users")} == {f"user-{Mask(key).tag}"}
    assert checks(masked.run_issues(mode="incremental"), "comments")["people_alike"] is False
    remask(masked.engine, "acme", Mask(key))
    assert checks(masked.run_issues(mode="incremental"), "comments")["people_alike"] is True
