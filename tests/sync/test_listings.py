"""Tables that are read whole: they equal the source, and what changes or vanishes there is seen."""

import json
from collections.abc import Callable

import pytest

from simulator import SpaceSpec, World
from tests.sync.trouble import once
from tests.syncs import LISTINGS, StartSyncs, Syncs, failures

OF_PROJECT = {
    "project_members": "users",
    "statuses": "statuses",
    "issue_types": "issueTypes",
    "categories": "categories",
    "versions": "versions",
    "custom_fields": "customFields",
}


def route(table: str) -> str:
    """Return where the records of a table that can vanish are listed."""
    return f"/projects/{{project}}/{OF_PROJECT[table]}" if table in OF_PROJECT else f"/{table}"


def add_teams(space: World, number: int) -> None:
    for one in range(number):
        space.add_team(f"team {one}", [])


def at_source(syncs: Syncs, table: str) -> list[str]:
    """Return the records of a table as the source lists them, as sorted JSON; those of a project
    with its id.
    """
    with syncs.client() as client:
        if table not in OF_PROJECT:
            of_space = [client.space()] if table == "space" else client.listed(f"/{table}")
            return sorted(json.dumps([None, record], sort_keys=True) for record in of_space)
        return sorted(
            json.dumps([project["id"], record], sort_keys=True)
            for project in client.projects()
            for record in client.listed(f"/projects/:id/{OF_PROJECT[table]}", project["id"])
        )


def in_warehouse(syncs: Syncs, table: str) -> list[str]:
    """Return the same from the warehouse."""
    return sorted(
        json.dumps(
            [row["project_id"] if table in OF_PROJECT else None, row["payload"]], sort_keys=True
        )
        for row in syncs.rows(table)
    )


def keys(records: list[str]) -> set[tuple[int | None, int]]:
    """Return project and id of each record."""
    return {(project, record["id"]) for project, record in map(json.loads, records)}


def test_the_first_load_equals_the_source_and_the_second_changes_nothing(
    start_syncs: StartSyncs,
) -> None:
    syncs = start_syncs(
        SpaceSpec(seed=5, users=12, projects=4, issues=0)
    )  # the last project is archived
    first = syncs.listing()
    before = {table: syncs.rows(table) for table in LISTINGS}
    second = syncs.listing()
    for table in LISTINGS:
        listed = at_source(syncs, table)
        assert in_warehouse(syncs, table) == listed
        assert first.counts(table) == {"read": len(listed), "inserted": len(listed)}
        assert second.counts(table) == {"read": len(listed), "unchanged": len(listed)}
        assert syncs.rows(table) == before[table]


Change = Callable[[World], None]
RENAMES: dict[str, Change] = {
    "users": lambda space: space.rename_user(list(space.users)[1], "改名"),
    "projects": lambda space: space.rename_project("WEB", name="改名"),
    "statuses": lambda space: space.rename_status("WEB", 2, "改名"),
    "issue_types": lambda space: space.rename_issue_type(
        "WEB", next(iter(space.project("WEB").issue_types)), "改名"
    ),
    "categories": lambda space: space.rename_category(
        "WEB", next(iter(space.project("WEB").categories)), "改名"
    ),
    "versions": lambda space: space.rename_version(
        "WEB", next(iter(space.project("WEB").versions)), "改名"
    ),
}


@pytest.mark.parametrize("table", RENAMES)
def test_a_rename_is_seen_as_one_updated_row(syncs: Syncs, table: str) -> None:
    syncs.listing(table)
    RENAMES[table](syncs.sim.space)
    said = syncs.listing(table).counts(table)
    # Whoever renames a version acts, and acting moves the last login of that user only.
    assert (said["updated"], said.get("inserted", 0), said.get("deleted", 0)) == (1, 0, 0)
    assert [row["name"] for row in syncs.rows(table)].count("改名") == 1
    assert in_warehouse(syncs, table) == at_source(syncs, table)


def _alone(space: World) -> int:
    """Return a member of WEB who is in none of its teams."""
    project = space.project("WEB")
    joined = {user for team in project.teams for user in space.teams[team].members}
    return next(user for user in project.members[1:] if user not in joined)


DELETES: dict[str, Change] = {
    "users": lambda space: space.delete_user(list(space.users)[2]),
    "project_members": lambda space: space.remove_member("WEB", _alone(space)),
    "statuses": lambda space: space.delete_status("WEB", max(space.project("WEB").statuses), 1),
    "issue_types": lambda space: space.delete_issue_type(
        "WEB", max(space.project("WEB").issue_types), min(space.project("WEB").issue_types)
    ),
    "categories": lambda space: space.delete_category(
        "WEB", next(iter(space.project("WEB").categories))
    ),
    "versions": lambda space: space.delete_version(
        "WEB", next(iter(space.project("WEB").versions))
    ),
    "custom_fields": lambda space: space.delete_field(
        "WEB", next(iter(space.project("WEB").fields))
    ),
}


@pytest.mark.parametrize("table", DELETES)
def test_a_row_that_is_no_longer_listed_is_marked_with_reason_and_evidence(
    syncs: Syncs, table: str
) -> None:
    syncs.listing(table)
    before = len(syncs.rows(table))
    DELETES[table](syncs.sim.space)
    done = syncs.listing(table)
    [gone] = syncs.rows(table, deleted=True)
    assert gone["deleted_reason"] == "no longer listed"
    identifier = gone["user_id" if table == "project_members" else "id"]
    evidence = f"GET {route(table).format(project='WEB')} no longer lists it"
    assert syncs.deletions(table) == {(identifier, "no longer listed", evidence)}
    assert done.tables[table].deleted == 1
    assert len(syncs.rows(table)) == before - 1
    assert keys(in_warehouse(syncs, table)) == keys(at_source(syncs, table))
    assert "deleted" not in syncs.listing(table).counts(table)


@pytest.mark.parametrize("table", ["users", "teams", *OF_PROJECT, "priorities", "resolutions"])
def test_whatever_is_listed_again_comes_back_and_its_deletion_is_closed(
    syncs: Syncs, table: str
) -> None:
    syncs.listing(table)
    before = [row["payload"] for row in syncs.rows(table)]
    hiding = [True]
    syncs.sim.rewrite_response(
        lambda request, body: body[1:] if hiding and request.route == route(table) else body
    )
    lists = 3 if table in OF_PROJECT else 1
    assert syncs.listing(table).counts(table)["deleted"] == lists == len(syncs.deletions(table))
    hiding.clear()
    assert syncs.listing(table).counts(table)["updated"] == lists
    assert [row["payload"] for row in syncs.rows(table)] == before
    closed = syncs.query("SELECT restored_at > found_at AS later FROM ops.deletions")
    assert [row["later"] for row in closed] == [True] * lists


def test_a_team_that_slips_out_of_a_page_while_another_goes_is_not_taken_for_deleted(
    syncs: Syncs,
) -> None:
    add_teams(syncs.space, 150)
    syncs.listing("teams")
    first = min(syncs.space.teams)

    once(
        syncs,
        lambda request: request.param("offset") == "100",
        lambda: syncs.space.teams.pop(first),
    )
    assert syncs.listing("teams").success
    assert {one[0] for one in syncs.deletions("teams")} == {first}


@pytest.mark.parametrize(("teams", "requests"), [(99, 1), (100, 4), (101, 4)])
def test_a_list_of_teams_that_may_have_a_second_page_is_read_twice(
    syncs: Syncs, teams: int, requests: int
) -> None:
    add_teams(syncs.sim.space, teams - len(syncs.space.teams))
    assert syncs.listing("teams").counts("teams") == {"read": teams, "inserted": teams}
    assert syncs.sim.requests.count(route="/teams") == requests


def test_a_list_of_teams_that_never_stands_still_fails_and_leaves_the_rows(syncs: Syncs) -> None:
    add_teams(syncs.space, 150)
    syncs.listing("teams")
    before = syncs.rows("teams")

    syncs.sim.before_request(lambda _request: add_teams(syncs.space, 1))
    [line] = failures(syncs.listing("teams"))
    assert line.startswith("teams: GET /teams: the list changed")
    assert syncs.rows("teams") == before


def test_a_renamed_project_keeps_its_row_and_both_keys_and_names_are_known(syncs: Syncs) -> None:
    syncs.listing("projects")
    old = syncs.space.project("WEB").name
    syncs.space.rename_project("WEB", key="SITE", name="The site")
    syncs.listing("projects")
    assert {row["project_key"] for row in syncs.rows("projects")} == {"OPS", "SITE", "APP"}
    keys = syncs.query("SELECT project_key FROM ops.project_keys ORDER BY 1")
    assert [row["project_key"] for row in keys] == ["APP", "OPS", "SITE", "WEB"]
    names = syncs.query(
        "SELECT name, seen_to IS NULL AS held FROM ops.names WHERE kind = 'projects'"
    )
    assert {(old, False), ("The site", True)} <= {(row["name"], row["held"]) for row in names}
