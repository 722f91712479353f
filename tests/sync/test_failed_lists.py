"""What a list that cannot be read does: it fails its own table with a clear line and leaves the rows as they are."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from simulator import Fault, RequestInfo, SpaceSpec
from tests.deployment import WHOLE_TABLES, Deploy, Deployment, counts, failures, metadata
from tests.sync.reconcile.verifying import deep

ALWAYS: dict[str, Any] = {"times": None}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(status=403, path=".*/teams", **ALWAYS), "GET /projects/OPS/teams: 403"),
        (Fault(status=404, path="/teams", **ALWAYS), "GET /teams: 404"),
        (Fault(status=500, path="/teams", **ALWAYS), "GET /teams: 500"),
        (Fault("html", 200, path="/teams", **ALWAYS), "GET /teams: 200, but the body is not JSON"),
        (Fault("html", 503, path="/teams", **ALWAYS), "GET /teams: 503"),
        (Fault("truncate", path="/teams", **ALWAYS), "GET /teams: 200, but the body is not JSON"),
        (Fault("close", path="/teams", **ALWAYS), "GET /teams: no answer from"),
    ],
)
def test_a_list_that_cannot_be_read_is_never_an_empty_list(deployment: Deployment, fault: Fault, said: str) -> None:
    deployment.run("projects", only=["teams", "priorities"])
    before = deployment.rows("teams")
    deployment.sim.faults.add(fault)
    run = deployment.run("projects", only=["teams", "priorities"])
    assert not run.success
    [line] = failures(run)
    assert line.startswith(f"teams: {said}")
    assert "\n" not in line
    assert "Traceback" not in line
    assert deployment.rows("teams") == before
    assert counts(metadata(run, "priorities"))["unchanged"] == 3


def test_an_object_where_a_list_is_due_is_no_list(deployment: Deployment) -> None:
    deployment.run("projects", only=["teams"])
    deployment.sim.rewrite_response(lambda request, body: {"teams": body} if request.route == "/teams" else body)
    run = deployment.run("projects", only=["teams"])
    assert failures(run) == ["teams: GET /teams: a list of objects was expected, got dict"]
    assert not deployment.rows("teams", deleted=True)


def test_a_list_that_works_at_the_second_attempt_is_loaded(deployment: Deployment) -> None:
    deployment.sim.faults.add(Fault(status=503, path="/teams"), Fault(status=429, path="/teams"))
    said = metadata(deployment.run("projects", only=["teams"]), "teams")
    assert said["load/rows_inserted"] == len(deployment.sim.space.teams)
    assert (said["load/api_retries"], said["load/api_requests"]) == (2, 4)


def test_a_space_that_hides_its_projects_loads_what_needs_none(deployment: Deployment) -> None:
    deployment.run("projects")
    before = {table: deployment.rows(table) for table in WHOLE_TABLES}
    deployment.sim.faults.add(Fault(status=403, path="/projects", **ALWAYS))
    run = deployment.run("projects")
    [line] = failures(run)
    assert line.startswith("projects: GET /projects: 403")
    assert {table: deployment.rows(table) for table in WHOLE_TABLES} == before
    assert counts(metadata(run, "resolutions")) == {"read": 5, "unchanged": 5}


def test_one_projects_failure_does_not_stop_the_others_and_the_run_fails_at_the_end(deployment: Deployment) -> None:
    space = deployment.sim.space
    deployment.sim.faults.add(Fault(status=403, path="/projects/WEB/categories", **ALWAYS))
    run = deployment.run("projects")
    [line] = failures(run)
    assert line.startswith("categories: WEB: GET /projects/WEB/categories: 403, code 5")
    loaded = {row["project_id"] for row in deployment.rows("categories")}
    assert loaded == {project.id for project in space.projects.values()} - {space.project("WEB").id}
    assert len(deployment.rows("versions")) == sum(len(project.versions) for project in space.projects.values())
    [history] = deployment.query("SELECT status, error, items_synced FROM ops.sync_history WHERE sync_type = 'categories'")
    assert history["status"] == "failed"
    assert history["error"].startswith("WEB: GET /projects/WEB/categories: 403")
    assert history["items_synced"] == len(deployment.rows("categories"))


def test_a_key_that_is_refused_half_way_ends_the_load_at_once(deployment: Deployment) -> None:
    deployment.sim.faults.add(Fault(status=401, path="/projects/WEB/categories", **ALWAYS))
    run = deployment.run("projects", only=["categories"])
    [line] = failures(run)
    assert line.startswith("categories: GET /projects/WEB/categories: 401, code 11")
    assert "check BACKLOG_API_KEY" in line
    assert deployment.sim.requests.count(route="/projects/{project}/categories") == 2  # APP is not asked any more


def test_a_plan_without_custom_fields_leaves_the_rows_and_fails_nothing(deployment: Deployment) -> None:
    deployment.run("projects", only=["custom_fields"])
    before = deployment.rows("custom_fields")
    assert before
    deployment.sim.faults.add(Fault(status=402, path="/projects/.*/customFields", **ALWAYS))
    run = deployment.run("projects", only=["custom_fields"])
    assert run.success
    assert deployment.rows("custom_fields") == before
    said = metadata(run, "custom_fields")
    assert said["not_in_plan"].startswith("the plan of the space has none of this for OPS, WEB, APP; stored rows are left")
    assert counts(said) == {}


def test_a_warehouse_that_cannot_be_reached_fails_the_table_in_one_line(deployment: Deployment) -> None:
    lost = replace(deployment, warehouse_url="postgresql://loader:s3cr3t-word@127.0.0.1:1/warehouse")
    [line] = failures(lost.run("users"))
    assert line.startswith("users: The warehouse cannot be used")
    assert "s3cr3t" not in line


def spoil(field: str, value: Any) -> Callable[[RequestInfo, Any], Any]:
    """Return a rewrite that spoils a field of the first category of each project."""

    def rewrite(request: RequestInfo, body: Any) -> Any:
        if request.route == "/projects/{project}/categories":
            body[0][field] = value
        return body

    return rewrite


def test_a_record_that_cannot_be_typed_is_quarantined_and_the_rest_loads(deployment: Deployment) -> None:
    deployment.sim.rewrite_response(spoil("displayOrder", "first"))
    run = deployment.run("projects", only=["categories"])
    said = counts(metadata(run, "categories"))
    assert said["rejected"] == 3
    assert said["inserted"] == said["read"] - 3 == len(deployment.rows("categories"))
    assert len(deployment.query("SELECT 1 FROM ops.rejected_records WHERE table_name = 'categories'")) == 3


def test_a_record_without_an_id_lets_no_other_row_be_taken_for_deleted(deployment: Deployment) -> None:
    deployment.run("projects", only=["categories"])
    deployment.sim.rewrite_response(spoil("id", None))
    said = counts(metadata(deployment.run("projects", only=["categories"]), "categories"))
    assert said["rejected"] == 3
    assert not deployment.rows("categories", deleted=True)


def test_a_field_that_no_column_knows_is_kept_and_reported_once(deployment: Deployment) -> None:
    deployment.sim.rewrite_response(spoil("colour", {"name": "朱"}))
    first, second = (deployment.run("projects", only=["categories"]) for _ in range(2))
    assert [row["payload"].get("colour") for row in deployment.rows("categories")].count({"name": "朱"}) == 3
    assert [line for line in deployment.log(first, "WARNING") if "'colour'" in line]
    assert not [line for line in deployment.log(second, "WARNING") if "'colour'" in line]


def test_a_key_that_may_not_list_users_gets_the_members_and_says_so(deploy: Deploy) -> None:
    deployment = deploy(SpaceSpec(seed=3, users=12, projects=3, issues=0))
    space = deployment.sim.space
    deployment.run("users")
    leads = {user for project in space.projects.values() for user in project.administrators}
    ordinary = next(user for user in space.users.values() if user.role == 2 and user.id not in leads)
    seen = {
        member
        for project in space.projects.values()
        if space.is_member(project, ordinary.id)
        for member in [*project.members, *(user for team in project.teams for user in space.teams[team].members)]
    }
    run = deployment.as_user(ordinary.id).run("users")
    assert run.success
    said = metadata(run, "users")
    assert said["source_of_users"].startswith("members of all visible projects: the API key may not list users")
    assert said["load/rows_read"] == len(seen) < len(space.users)
    assert len(deployment.rows("users")) == len(space.users)  # who is in no visible project is not taken for deleted
    assert any("GET /users: 403" in line for line in deployment.log(run, "WARNING"))


def ordinary_user(deployment: Deployment) -> int:
    """Return a user who administers nothing, made a member of two of the three projects, whose teams are not the third's."""
    space = deployment.sim.space
    leads = {user for project in space.projects.values() for user in project.administrators}
    in_teams = {user for team in space.teams.values() for user in team.members}
    user = next(one for one in space.users.values() if one.role == 2 and one.id not in leads | in_teams)
    for project in space.projects.values():
        if user.id in project.members:
            space.remove_member(project.id, user.id)
    for key in ("OPS", "WEB"):
        space.add_member(key, user.id)
    return user.id


def test_an_ordinary_key_loads_everything_and_has_the_teams_of_its_projects(deploy: Deploy) -> None:
    deployment = deploy(SpaceSpec(seed=3, users=20, projects=3, issues=30))
    space, user = deployment.sim.space, ordinary_user(deployment)
    shown = {team for key in ("OPS", "WEB") for team in space.project(key).teams}
    seen = deployment.as_user(user)
    deployment.instance.add_dynamic_partitions("backlog_projects", ["OPS", "WEB"])
    for run in (seen.run("users"), seen.run("projects"), seen.run_issues(mode="incremental")):
        assert run.success, failures(run)
    assert {row["id"] for row in deployment.rows("teams")} == shown < space.teams.keys()
    members = {row["id"]: set(row["member_ids"]) for row in deployment.rows("teams")}
    assert members == {team: set(space.teams[team].members) for team in shown}
    compared = deep(seen)
    assert not compared.found.failed(), compared.as_json()


def test_teams_that_an_ordinary_key_does_not_see_are_not_taken_for_deleted(deploy: Deploy) -> None:
    deployment = deploy(SpaceSpec(seed=3, users=20, projects=3, issues=0))
    space, user = deployment.sim.space, ordinary_user(deployment)
    assert deployment.run("projects").success
    gone = space.project("OPS").teams[0]
    space.teams[gone].name = "renamed"
    run = deployment.as_user(user).run("projects", only=["teams"])
    assert run.success, failures(run)
    assert {row["id"] for row in deployment.rows("teams")} == space.teams.keys()
    assert deployment.row("teams", gone)["name"] == "renamed"
    assert metadata(run, "teams")["source_of_teams"] == "teams of all visible projects: the API key may not list teams"
    assert any("GET /teams: 403" in line for line in deployment.log(run, "WARNING"))
    assert not deployment.deletions("teams")


def test_an_administrators_key_says_that_all_users_and_teams_are_in_the_tables(deployment: Deployment) -> None:
    assert metadata(deployment.run("users"), "users")["source_of_users"] == "GET /users: all users of the space"
    deployment.sim.requests.clear()
    run = deployment.run("projects", only=["teams"])
    assert metadata(run, "teams")["source_of_teams"] == "GET /teams: all teams of the space"
    assert deployment.sim.requests.by_route() == {"/space": 1, "/teams": 1}
