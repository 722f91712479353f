"""What a list that cannot be read does: it fails its own table with a clear line and leaves the
rows as they are.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from resources.warehouse.server.connect import engine
from simulator import Fault, RequestInfo, SpaceSpec
from sync.reconcile.lists import OF_PROJECT
from tests.syncs import LISTINGS, StartSyncs, Syncs, failures

ALWAYS: dict[str, Any] = {"times": None}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(status=403, path=".*/teams", **ALWAYS), "GET /projects/OPS/teams: 403"),
        (Fault(status=404, path="/teams", **ALWAYS), "GET /teams: 404"),
        (Fault(status=500, path="/teams", **ALWAYS), "GET /teams: 500"),
        (Fault("html", 200, path="/teams", **ALWAYS), "GET /teams: 200, but the body is not JSON"),
    ],
)
def test_a_list_that_cannot_be_read_is_never_an_empty_list(
    syncs: Syncs, fault: Fault, said: str
) -> None:
    syncs.listing("teams", "priorities")
    before = syncs.rows("teams")
    syncs.sim.faults.add(fault)
    run = syncs.listing("teams", "priorities")
    assert not run.success
    [line] = failures(run)
    assert line.startswith(f"teams: {said}")
    assert "\n" not in line
    assert "Traceback" not in line
    assert syncs.rows("teams") == before
    assert run.counts("priorities")["unchanged"] == 3


def test_what_was_stored_before_the_source_failed_is_counted(syncs: Syncs) -> None:
    syncs.sim.faults.add(Fault(status=503, path="/projects/WEB/categories", **ALWAYS))
    run = syncs.listing("categories")
    assert failures(run)
    stored = syncs.rows("categories")
    assert {row["project_id"] for row in stored} == {syncs.sim.space.project("OPS").id}
    assert syncs.query("SELECT items_synced FROM ops.sync_history") == [
        {"items_synced": len(stored)}
    ]


def test_a_space_that_hides_its_projects_loads_what_needs_none(syncs: Syncs) -> None:
    syncs.listing()
    before = {table: syncs.rows(table) for table in LISTINGS}
    syncs.sim.faults.add(Fault(status=403, path="/projects", **ALWAYS))
    run = syncs.listing()
    assert {line.split(": 403")[0] for line in failures(run)} == {
        f"{table}: GET /projects" for table in ("projects", *OF_PROJECT)
    }
    assert {table: syncs.rows(table) for table in LISTINGS} == before
    assert run.counts("resolutions") == {"read": 5, "unchanged": 5}


def test_one_projects_failure_does_not_stop_the_others_and_the_run_fails_at_the_end(
    syncs: Syncs,
) -> None:
    space = syncs.sim.space
    syncs.sim.faults.add(Fault(status=403, path="/projects/WEB/categories", **ALWAYS))
    run = syncs.listing()
    [line] = failures(run)
    assert line.startswith("categories: WEB: GET /projects/WEB/categories: 403, code 5")
    loaded = {row["project_id"] for row in syncs.rows("categories")}
    assert loaded == {project.id for project in space.projects.values()} - {space.project("WEB").id}
    assert len(syncs.rows("versions")) == sum(
        len(project.versions) for project in space.projects.values()
    )
    [history] = syncs.query(
        "SELECT status, error, items_synced FROM ops.sync_history WHERE sync_type = 'categories'"
    )
    assert history["status"] == "failed"
    assert history["error"].startswith("WEB: GET /projects/WEB/categories: 403")
    assert history["items_synced"] == len(syncs.rows("categories"))


def test_a_key_that_is_refused_half_way_ends_the_load_at_once(syncs: Syncs) -> None:
    syncs.sim.faults.add(Fault(status=401, path="/projects/WEB/categories", **ALWAYS))
    run = syncs.listing("categories")
    [line] = failures(run)
    assert line.startswith("categories: GET /projects/WEB/categories: 401, code 11")
    assert "check BACKLOG_API_KEY" in line
    assert (
        syncs.sim.requests.count(route="/projects/{project}/categories") == 2
    )  # APP is not asked any more


def test_a_plan_without_custom_fields_leaves_the_rows_and_fails_nothing(syncs: Syncs) -> None:
    syncs.listing("custom_fields")
    before = syncs.rows("custom_fields")
    assert before
    syncs.sim.faults.add(Fault(status=402, path="/projects/.*/customFields", **ALWAYS))
    run = syncs.listing("custom_fields")
    assert run.success
    assert syncs.rows("custom_fields") == before
    said = str(run.notes["not_in_plan"])
    assert said.startswith(
        "the plan of the space has none of this for OPS, WEB, APP; stored rows are left"
    )
    assert run.counts("custom_fields") == {}


def test_a_warehouse_that_cannot_be_reached_fails_the_table_in_one_line(syncs: Syncs) -> None:
    lost = replace(syncs, engine=engine("postgresql://loader:s3cr3t-word@127.0.0.1:1/warehouse"))
    [line] = failures(lost.listing("users"))
    assert line.startswith("users: The warehouse cannot be used")
    assert "\n" not in line
    assert "s3cr3t" not in line


def spoil(field: str, value: Any) -> Callable[[RequestInfo, Any], Any]:
    """Return a rewrite that spoils a field of the first category of each project."""

    def rewrite(request: RequestInfo, body: Any) -> Any:
        if request.route == "/projects/{project}/categories":
            body[0][field] = value
        return body

    return rewrite


def test_a_record_without_an_id_lets_no_other_row_be_taken_for_deleted(syncs: Syncs) -> None:
    syncs.listing("categories")
    syncs.sim.rewrite_response(spoil("id", None))
    said = syncs.listing("categories").counts("categories")
    assert said["rejected"] == 3
    assert not syncs.rows("categories", deleted=True)


def test_a_key_that_may_not_list_users_gets_the_members_and_says_so(
    start_syncs: StartSyncs,
) -> None:
    syncs = start_syncs(SpaceSpec(seed=3, users=12, projects=3, issues=0))
    space = syncs.sim.space
    syncs.listing("users")
    leads = {user for project in space.projects.values() for user in project.administrators}
    ordinary = next(
        user for user in space.users.values() if user.role == 2 and user.id not in leads
    )
    seen = {
        member
        for project in space.projects.values()
        if space.is_member(project, ordinary.id)
        for member in [
            *project.members,
            *(user for team in project.teams for user in space.teams[team].members),
        ]
    }
    run = syncs.as_user(ordinary.id).listing("users")
    assert run.success
    assert (
        run.notes["source_of_users"]
        == "members of all visible projects: the API key may not list users"
    )
    assert run.counts("users")["read"] == len(seen) < len(space.users)
    assert len(syncs.rows("users")) == len(
        space.users
    )  # who is in no visible project is not taken for deleted
    assert any("GET /users: 403" in line for line in run.log("WARNING"))


def test_a_project_that_does_not_show_its_members_keeps_no_other_from_it(
    start_syncs: StartSyncs,
) -> None:
    syncs = start_syncs(SpaceSpec(seed=3, users=12, projects=3, issues=0))
    user = ordinary_user(syncs)
    space = syncs.sim.space
    [first, second, *_] = [
        project for project in space.projects.values() if space.is_member(project, user)
    ]
    syncs.sim.faults.add(Fault(status=404, path=f"/projects/{first.key}/users", times=None))
    run = syncs.as_user(user).listing("users")
    [line] = failures(run)
    assert first.key in line
    assert {row["id"] for row in syncs.rows("users")} >= {*second.members}


def ordinary_user(syncs: Syncs) -> int:
    """Return a user who administers nothing, made a member of two of the three projects, whose
    teams are not the third's.
    """
    space = syncs.sim.space
    leads = {user for project in space.projects.values() for user in project.administrators}
    in_teams = {
        user
        for project in space.projects.values()
        for team in project.teams
        for user in space.teams[team].members
    }
    user = next(
        one for one in space.users.values() if one.role == 2 and one.id not in leads | in_teams
    )
    for project in space.projects.values():
        if user.id in project.members:
            space.remove_member(project.id, user.id)
    for key in ("OPS", "WEB"):
        space.add_member(key, user.id)
    return user.id


def test_an_ordinary_key_loads_everything_and_has_the_teams_of_its_projects(
    start_syncs: StartSyncs,
) -> None:
    syncs = start_syncs(SpaceSpec(seed=3, users=20, projects=3, issues=30))
    space, user = syncs.sim.space, ordinary_user(syncs)
    shown = {team for key in ("OPS", "WEB") for team in space.project(key).teams}
    seen = syncs.as_user(user)
    for run in (seen.listing(), seen.run("OPS", "WEB", mode="incremental")):
        assert run.success, failures(run)
    assert {row["id"] for row in syncs.rows("teams")} == shown < space.teams.keys()
    members = {row["id"]: set(row["member_ids"]) for row in syncs.rows("teams")}
    assert members == {team: set(space.teams[team].members) for team in shown}
    compared = seen.compare()
    assert not compared.failed(), compared


def test_teams_that_an_ordinary_key_does_not_see_are_not_taken_for_deleted(
    start_syncs: StartSyncs,
) -> None:
    syncs = start_syncs(SpaceSpec(seed=3, users=20, projects=3, issues=0))
    space, user = syncs.sim.space, ordinary_user(syncs)
    assert syncs.listing().success
    gone = space.project("OPS").teams[0]
    space.teams[gone].name = "renamed"
    run = syncs.as_user(user).listing("teams")
    assert run.success, failures(run)
    assert {row["id"] for row in syncs.rows("teams")} == space.teams.keys()
    assert syncs.row("teams", gone)["name"] == "renamed"
    assert (
        run.notes["source_of_teams"]
        == "teams of all visible projects: the API key may not list teams"
    )
    assert any("GET /teams: 403" in line for line in run.log("WARNING"))
    assert not syncs.deletions("teams")


def test_an_administrators_key_says_that_all_users_and_teams_are_in_the_tables(
    syncs: Syncs,
) -> None:
    assert syncs.listing("users").notes["source_of_users"] == "GET /users: all users of the space"
    syncs.sim.requests.clear()
    run = syncs.listing("teams")
    assert run.notes["source_of_teams"] == "GET /teams: all teams of the space"
    assert syncs.sim.requests.by_route() == {"/space": 1, "/teams": 1}
