"""Tables that are read whole: they equal the source, and what changes or vanishes there is seen."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from resources.backlog.client import BacklogClient
from simulator import RequestInfo, SpaceSpec, World
from tests.deployment import WHOLE_TABLES, Deploy, Deployment, counts, failures, metadata

Rows = list[dict[str, Any]]
Read = Callable[[BacklogClient, str], Rows]

OF_PROJECT: dict[str, Read] = {
    "project_members": BacklogClient.project_users,
    "statuses": BacklogClient.statuses,
    "issue_types": BacklogClient.issue_types,
    "categories": BacklogClient.categories,
    "versions": BacklogClient.versions,
    "custom_fields": BacklogClient.custom_fields,
}
OF_SPACE: dict[str, Callable[[BacklogClient], Rows]] = {
    "space": lambda client: [client.space()],
    "users": BacklogClient.users,
    "projects": lambda client: client.projects(),
    "teams": lambda client: [team for page in client.teams() for team in page],
    "priorities": BacklogClient.priorities,
    "resolutions": BacklogClient.resolutions,
}


def at_source(deployment: Deployment, table: str) -> list[str]:
    """Return the records of a table as the source lists them, as sorted JSON; those of a project with its id."""
    with deployment.backlog.client as client:
        if table in OF_SPACE:
            return sorted(json.dumps([None, record], sort_keys=True) for record in OF_SPACE[table](client))
        return sorted(
            json.dumps([project["id"], record], sort_keys=True)
            for project in client.projects()
            for record in OF_PROJECT[table](client, project["projectKey"])
        )


def in_warehouse(deployment: Deployment, table: str) -> list[str]:
    """Return the same from the warehouse."""
    return sorted(
        json.dumps([row["project_id"] if table in OF_PROJECT else None, row["payload"]], sort_keys=True)
        for row in deployment.rows(table)
    )


def keys(records: list[str]) -> set[tuple[int | None, int]]:
    """Return project and id of each record."""
    return {(project, record["id"]) for project, record in map(json.loads, records)}


def test_the_first_load_equals_the_source_record_for_record_and_the_second_changes_nothing(deploy: Deploy) -> None:
    deployment = deploy(SpaceSpec(seed=5, users=12, projects=4, issues=0))  # the last project is archived
    first = {"users": deployment.run("users"), "projects": deployment.run("projects")}
    for table in WHOLE_TABLES:
        said = counts(metadata(first["users" if table == "users" else "projects"], table))
        listed = at_source(deployment, table)
        assert in_warehouse(deployment, table) == listed
        assert said == {"read": len(listed), "inserted": len(listed)}
    before = {table: deployment.rows(table) for table in WHOLE_TABLES}

    second = {"users": deployment.run("users"), "projects": deployment.run("projects")}
    for table in WHOLE_TABLES:
        said = counts(metadata(second["users" if table == "users" else "projects"], table))
        assert said == {"read": len(before[table]), "unchanged": len(before[table])}
        assert deployment.rows(table) == before[table]


def test_an_archived_project_is_loaded_with_its_master_data(deploy: Deploy) -> None:
    deployment = deploy(SpaceSpec(seed=5, users=6, projects=4, issues=0))
    deployment.run("projects")
    [archived] = [row for row in deployment.rows("projects") if row["archived"]]
    assert archived["id"] in {row["project_id"] for row in deployment.rows("categories")}


Change = Callable[[World], None]
RENAMES: dict[str, Change] = {
    "users": lambda space: space.rename_user(list(space.users)[1], "改名"),
    "projects": lambda space: space.rename_project("WEB", name="改名"),
    "statuses": lambda space: space.rename_status("WEB", 2, "改名"),
    "issue_types": lambda space: space.rename_issue_type("WEB", next(iter(space.project("WEB").issue_types)), "改名"),
    "categories": lambda space: space.rename_category("WEB", next(iter(space.project("WEB").categories)), "改名"),
    "versions": lambda space: space.rename_version("WEB", next(iter(space.project("WEB").versions)), "改名"),
}


@pytest.mark.parametrize("table", RENAMES)
def test_a_rename_is_seen_as_one_updated_row(deployment: Deployment, table: str) -> None:
    job = "users" if table == "users" else "projects"
    deployment.run(job, only=[table])
    RENAMES[table](deployment.sim.space)
    said = counts(metadata(deployment.run(job, only=[table]), table))
    # Whoever renames a version acts, and acting moves the last login of that user only.
    assert (said["updated"], said.get("inserted", 0), said.get("deleted", 0)) == (1, 0, 0)
    assert [row["name"] for row in deployment.rows(table)].count("改名") == 1
    assert in_warehouse(deployment, table) == at_source(deployment, table)


DELETES: dict[str, Change] = {
    "users": lambda space: space.delete_user(list(space.users)[2]),
    "project_members": lambda space: space.remove_member("WEB", space.project("WEB").members[-1]),
    "statuses": lambda space: space.delete_status("WEB", max(space.project("WEB").statuses), 1),
    "issue_types": lambda space: space.delete_issue_type(
        "WEB", max(space.project("WEB").issue_types), min(space.project("WEB").issue_types)
    ),
    "categories": lambda space: space.delete_category("WEB", next(iter(space.project("WEB").categories))),
    "versions": lambda space: space.delete_version("WEB", next(iter(space.project("WEB").versions))),
    "custom_fields": lambda space: space.delete_field("WEB", next(iter(space.project("WEB").fields))),
}
EVIDENCE = {
    "users": "GET /users no longer lists it",
    "project_members": "GET /projects/WEB/users no longer lists it",
    "statuses": "GET /projects/WEB/statuses no longer lists it",
    "issue_types": "GET /projects/WEB/issueTypes no longer lists it",
    "categories": "GET /projects/WEB/categories no longer lists it",
    "versions": "GET /projects/WEB/versions no longer lists it",
    "custom_fields": "GET /projects/WEB/customFields no longer lists it",
}


@pytest.mark.parametrize("table", DELETES)
def test_a_row_that_is_no_longer_listed_is_marked_deleted_with_a_reason_and_the_evidence(
    deployment: Deployment, table: str
) -> None:
    job = "users" if table == "users" else "projects"
    deployment.run(job, only=[table])
    before = len(deployment.rows(table))
    DELETES[table](deployment.sim.space)
    said = metadata(deployment.run(job, only=[table]), table)
    [gone] = deployment.rows(table, deleted=True)
    assert gone["deleted_reason"] == "no longer listed"
    identifier = gone["user_id" if table == "project_members" else "id"]
    assert deployment.deletions(table) == {(identifier, "no longer listed", EVIDENCE[table])}
    assert said["load/rows_deleted"] == 1
    assert said["dagster/row_count"] == before - 1 == len(deployment.rows(table))
    assert keys(in_warehouse(deployment, table)) == keys(at_source(deployment, table))
    assert "deleted" not in counts(metadata(deployment.run(job, only=[table]), table))


def test_a_member_who_joins_again_is_no_longer_deleted(deployment: Deployment) -> None:
    space = deployment.sim.space
    member = space.project("WEB").members[-1]
    deployment.run("projects", only=["project_members"])
    space.remove_member("WEB", member)
    deployment.run("projects", only=["project_members"])
    space.add_member("WEB", member)
    said = counts(metadata(deployment.run("projects", only=["project_members"]), "project_members"))
    assert said["updated"] == 1
    assert not deployment.rows("project_members", deleted=True)


#: Where the records of each table that can vanish are listed.
ROUTES = {
    "users": "/users",
    "teams": "/teams",
    "project_members": "/projects/{project}/users",
    "statuses": "/projects/{project}/statuses",
    "issue_types": "/projects/{project}/issueTypes",
    "categories": "/projects/{project}/categories",
    "versions": "/projects/{project}/versions",
    "custom_fields": "/projects/{project}/customFields",
    "priorities": "/priorities",
    "resolutions": "/resolutions",
}


@pytest.mark.parametrize("table", ROUTES)
def test_whatever_is_listed_again_comes_back_and_its_deletion_is_closed(deployment: Deployment, table: str) -> None:
    job = "users" if table == "users" else "projects"
    deployment.run(job, only=[table])
    before = [row["payload"] for row in deployment.rows(table)]
    hiding = [True]
    deployment.sim.rewrite_response(lambda request, body: body[1:] if hiding and request.route == ROUTES[table] else body)
    lists = 3 if "{project}" in ROUTES[table] else 1
    assert counts(metadata(deployment.run(job, only=[table]), table))["deleted"] == lists == len(deployment.deletions(table))
    hiding.clear()
    assert counts(metadata(deployment.run(job, only=[table]), table))["updated"] == lists
    assert [row["payload"] for row in deployment.rows(table)] == before
    closed = deployment.query("SELECT restored_at > found_at AS later FROM ops.deletions")
    assert [row["later"] for row in closed] == [True] * lists


def test_a_team_that_slips_out_of_a_page_while_another_goes_is_not_taken_for_deleted(deployment: Deployment) -> None:
    space = deployment.sim.space
    for number in range(150):
        space.add_team(f"team {number}", [])
    deployment.run("projects", only=["teams"])
    first = min(space.teams)

    def go(request: RequestInfo) -> None:
        if request.route == "/teams" and request.param("offset") == "100":
            space.teams.pop(first, None)

    deployment.sim.before_request(go)
    assert deployment.run("projects", only=["teams"]).success
    assert {one[0] for one in deployment.deletions("teams")} == {first}


def test_a_list_of_teams_that_never_stands_still_fails_and_leaves_the_rows(deployment: Deployment) -> None:
    space = deployment.sim.space
    for number in range(150):
        space.add_team(f"team {number}", [])
    deployment.run("projects", only=["teams"])
    before = deployment.rows("teams")

    def join(request: RequestInfo) -> None:
        if request.route == "/teams":
            space.add_team("one more", [])

    deployment.sim.before_request(join)
    [line] = failures(deployment.run("projects", only=["teams"]))
    assert line.startswith("teams: GET /teams: the list was another one at each of 4 reads")
    assert deployment.rows("teams") == before


def test_a_renamed_project_keeps_its_row_and_both_keys_and_names_are_known(deployment: Deployment) -> None:
    deployment.run("projects", only=["projects"])
    old = deployment.sim.space.project("WEB").name
    deployment.sim.space.rename_project("WEB", key="SITE", name="The site")
    deployment.run("projects", only=["projects"])
    assert {row["project_key"] for row in deployment.rows("projects")} == {"OPS", "SITE", "APP"}
    keys = deployment.query("SELECT project_key FROM ops.project_keys ORDER BY 1")
    assert [row["project_key"] for row in keys] == ["APP", "OPS", "SITE", "WEB"]
    names = deployment.query("SELECT name, seen_to IS NULL AS held FROM ops.names WHERE kind = 'projects'")
    assert {(old, False), ("The site", True)} <= {(row["name"], row["held"]) for row in names}


def test_a_login_is_no_update_of_the_user_or_of_anything_else(deployment: Deployment) -> None:
    deployment.run("users")
    deployment.run("projects")
    deployment.sim.space.log_in(next(iter(deployment.sim.space.users)))
    users, others = deployment.run("users"), deployment.run("projects")
    runs = {table: users if table == "users" else others for table in WHOLE_TABLES}
    changed = {table: counts(metadata(run, table)).get("updated", 0) for table, run in runs.items()}
    assert set(changed.values()) == {0}


def test_the_metadata_of_a_table_has_its_rows_its_requests_and_a_preview(deployment: Deployment) -> None:
    said = metadata(deployment.run("projects", only=["categories"]), "categories")
    assert said["dagster/row_count"] == len(deployment.rows("categories"))
    assert said["load/api_requests"] == 5  # the space, the list of projects, and the categories of each of three
    assert said["load/duration_seconds"] >= 0
    assert said["preview"].splitlines()[0].split("|")[1].strip() == "id"
    assert len(said["preview"].splitlines()) == 12
