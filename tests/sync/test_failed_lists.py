"""What a list that cannot be read does: it fails its own table with a clear line and leaves the
rows as they are.
"""

from typing import Any

import pytest

from pipelines.cli.verify_command import verify_exit_code
from simulator import Fault, SpaceSpec
from sync.reconcile.lists import OF_PROJECT
from tests.sync.trouble import spoil
from tests.syncs import LISTINGS, StartSyncs, Syncs, failures

ALWAYS: dict[str, Any] = {"times": None}
OF_WEB = "/projects/WEB/categories"


def project_ids(syncs: Syncs, *keys: str) -> set[int]:
    return {syncs.space.project(key).id for key in keys}


def loaded_projects(syncs: Syncs) -> set[int]:
    """Return the projects whose categories are stored."""
    return {row["project_id"] for row in syncs.rows("categories")}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(status=403, path=".*/teams", **ALWAYS), "GET /projects/OPS/teams: 403"),
        (Fault(status=404, path="/teams", **ALWAYS), "GET /teams: 404"),
        (Fault(status=500, path="/teams", **ALWAYS), "GET /teams: 500"),
        (Fault("html", 200, path="/teams", **ALWAYS), "GET /teams: 200"),
    ],
)
def test_a_list_that_cannot_be_read_is_never_an_empty_list(
    syncs: Syncs, fault: Fault, said: str
) -> None:
    syncs.listing("teams", "priorities")
    before = syncs.rows("teams")
    syncs.sim.faults.add(fault)
    run = syncs.listing("teams", "priorities")
    [line] = failures(run)
    assert line.startswith(f"teams: {said}")
    assert "\n" not in line
    assert syncs.rows("teams") == before
    assert run.counts("priorities")["unchanged"] == 3


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
    syncs.sim.faults.add(Fault(status=403, path=OF_WEB, **ALWAYS))
    run = syncs.listing()
    [line] = failures(run)
    assert line.startswith(f"categories: WEB: GET {OF_WEB}: 403, code 5")
    assert loaded_projects(syncs) == project_ids(syncs, "OPS", "APP")
    assert len(syncs.rows("versions")) == sum(
        len(project.versions) for project in syncs.space.projects.values()
    )
    [history] = syncs.query(
        "SELECT status, error, items_synced FROM ops.sync_history WHERE sync_type = 'categories'"
    )
    assert history["error"].startswith(f"WEB: GET {OF_WEB}: 403")
    assert (history["status"], history["items_synced"]) == (
        "failed",
        len(syncs.rows("categories")),
    )


@pytest.mark.parametrize("status", [401, 503])
def test_a_key_that_is_refused_or_a_source_that_goes_away_ends_the_load_at_once(
    syncs: Syncs, status: int
) -> None:
    syncs.sim.faults.add(Fault(status=status, path=OF_WEB, **ALWAYS))
    [line] = failures(syncs.listing("categories"))
    assert line.startswith(f"categories: GET {OF_WEB}: {status}")
    assert loaded_projects(syncs) == project_ids(syncs, "OPS")
    assert not [one for one in syncs.sim.requests.recent() if "/APP/" in one.path]
    assert syncs.query("SELECT items_synced FROM ops.sync_history") == [
        {"items_synced": len(syncs.rows("categories"))}
    ]


def test_a_plan_without_custom_fields_leaves_the_rows_and_fails_nothing(syncs: Syncs) -> None:
    syncs.listing("custom_fields")
    before = syncs.rows("custom_fields")
    assert before
    syncs.sim.faults.add(Fault(status=402, path="/projects/.*/customFields", **ALWAYS))
    run = syncs.listing("custom_fields")
    assert run.success
    assert syncs.rows("custom_fields") == before
    assert "OPS, WEB, APP" in str(run.notes["not_in_plan"])
    assert run.counts("custom_fields") == {}


def test_a_record_without_an_id_lets_no_other_row_be_taken_for_deleted(syncs: Syncs) -> None:
    syncs.listing("categories")
    firsts = [next(iter(project.categories)) for project in syncs.space.projects.values()]
    spoil(syncs, {one: {"id": None} for one in firsts}, "/projects/{project}/categories")
    assert syncs.listing("categories").counts("categories")["rejected"] == 3
    assert not syncs.rows("categories", deleted=True)
    [*_, history] = syncs.query("SELECT items_failed, requests FROM ops.sync_history ORDER BY id")
    assert history == {"items_failed": 3, "requests": 4}


def ordinary_user(syncs: Syncs) -> int:
    """Return a user who administers nothing, made a member of two of the three projects, whose
    teams are not the third's.
    """
    leads = {user for project in syncs.space.projects.values() for user in project.administrators}
    in_teams = {
        user
        for project in syncs.space.projects.values()
        for team in project.teams
        for user in syncs.space.teams[team].members
    }
    user = next(
        one
        for one in syncs.space.users.values()
        if one.role == 2 and one.id not in leads | in_teams
    )
    for project in syncs.space.projects.values():
        if user.id in project.members:
            syncs.space.remove_member(project.id, user.id)
    for key in ("OPS", "WEB"):
        syncs.space.add_member(key, user.id)
    return user.id


def test_a_project_that_does_not_show_its_members_keeps_no_other_from_it(
    start_syncs: StartSyncs,
) -> None:
    syncs = start_syncs(SpaceSpec(seed=3, users=12, projects=3, issues=0))
    seen = syncs.as_user(ordinary_user(syncs))
    syncs.sim.faults.add(Fault(status=404, path="/projects/OPS/users", **ALWAYS))
    [line] = failures(seen.listing("users"))
    assert "OPS" in line
    assert syncs.ids("users") >= {*syncs.space.project("WEB").members}


def test_an_ordinary_key_loads_everything_and_has_the_teams_of_its_projects(
    start_syncs: StartSyncs,
) -> None:
    syncs = start_syncs(SpaceSpec(seed=3, users=20, projects=3, issues=30))
    space, seen = syncs.sim.space, syncs.as_user(ordinary_user(syncs))
    shown = {team for key in ("OPS", "WEB") for team in space.project(key).teams}
    for run in (seen.listing(), seen.run("OPS", "WEB", mode="incremental")):
        assert run.success, failures(run)
    members = {row["id"]: set(row["member_ids"]) for row in syncs.rows("teams")}
    assert members == {team: set(space.teams[team].members) for team in shown}
    assert members.keys() < space.teams.keys()
    compared = seen.compare()
    assert verify_exit_code(compared) == 0, compared


def test_who_and_what_an_ordinary_key_does_not_see_is_not_taken_for_deleted(
    start_syncs: StartSyncs,
) -> None:
    syncs = start_syncs(SpaceSpec(seed=3, users=20, projects=3, issues=0))
    space, user = syncs.sim.space, ordinary_user(syncs)
    assert syncs.listing("users", "teams").success
    projects = [space.project(key) for key in ("OPS", "WEB")]
    teams = {team for project in projects for team in project.teams}
    members = {
        *(member for project in projects for member in project.members),
        *(member for team in teams for member in space.teams[team].members),
    }
    space.teams[min(teams)].name = "renamed"
    run = syncs.as_user(user).listing("users", "teams")
    assert run.success, failures(run)
    assert run.counts("users")["read"] == len(members) < len(space.users)
    assert syncs.ids("users") == space.users.keys()
    assert syncs.ids("teams") == space.teams.keys()
    assert syncs.row("teams", min(teams))["name"] == "renamed"
    for table in ("users", "teams"):
        assert "may not list" in run.notes[f"source_of_{table}"]
        assert any(f"GET /{table}: 403" in line for line in run.log("WARNING"))
        assert not syncs.deletions(table)
