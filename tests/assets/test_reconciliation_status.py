"""What the Dagster UI shows of each project: equal or not, since when, how proven; and what was
deleted, when and why.
"""

import re
from typing import Any

import dagster as dg

from simulator import Fault, RequestInfo
from tests.assets.marts.building import checks_of
from tests.deployment import Deployment

MOMENT = r"20\d\d-\d\d-\d\d \d\d:\d\d"


def count_reconciliation(
    deployment: Deployment,
) -> tuple[dict[str, dict[str, str]], list[dict[str, str]], str]:
    """Run the count reconciliation; return what the UI shows: rows of projects by key, rows of
    deletions, the line above.
    """
    check = checks_of(deployment.run("count_reconciliation"))["issue_counts_match_source"]
    tables = {
        name: [dict(record.data) for record in entry.records]
        if isinstance(entry := check.metadata[name], dg.TableMetadataValue)
        else []
        for name in ("projects", "what_was_deleted")
    }
    projects: dict[str, Any] = {str(row["project"]): row for row in tables["projects"]}
    deletions: list[Any] = tables["what_was_deleted"]
    return projects, deletions, str(check.description)


def test_each_project_is_shown_with_its_state_since_when_and_the_proof(loaded: Deployment) -> None:
    projects, deletions, line = count_reconciliation(loaded)
    assert (line, deletions) == ("3 of 3 projects are equal", [])
    assert list(projects) == ["APP", "OPS", "WEB"]
    issues = str(len(loaded.sim.space.project("WEB").issues))
    web = {name: re.sub(MOMENT, "a moment", value) for name, value in projects["WEB"].items()}
    assert web == {
        "project": "WEB",
        "state": "✓ equal",
        "since": "a moment",
        "counted": "a moment",
        "row_by_row": "never",
        "source": issues,
        "warehouse": issues,
        "remarks": "",
    }


def test_a_project_that_differs_comes_first_with_its_since_until_it_is_equal(
    loaded: Deployment,
) -> None:
    count_reconciliation(loaded)
    loaded.change("UPDATE ops.reconciliations SET checked_at = '2026-01-01 00:00:00+00'")
    loaded.sim.space.delete_issue(min(loaded.sim.space.project("WEB").issues))
    loaded.sim.faults.add(Fault(status=403, path="/projects/.*/activities", times=None))
    projects, _, line = count_reconciliation(loaded)
    assert line == "2 of 3 projects are equal; not WEB: backlog-elt verify --repair repairs them"
    assert list(projects) == ["WEB", "APP", "OPS"]
    assert (projects["WEB"]["state"], projects["WEB"]["remarks"]) == ("✗ differs", "differs by 1")
    assert not projects["WEB"]["since"].startswith("2026-01-01")
    assert projects["OPS"]["since"] == "2026-01-01 09:00"

    assert loaded.run_issues("WEB").success
    projects, deletions, _ = count_reconciliation(loaded)
    assert projects["WEB"]["state"] == "✓ equal"
    assert re.fullmatch(r"\d+ rows deleted", projects["WEB"]["remarks"])
    [gone] = deletions
    assert gone["project"] == "WEB"
    assert gone["what"].startswith("issues WEB-")
    assert re.fullmatch(MOMENT, gone["found"])
    assert (gone["reason"], gone["evidence"]) == (
        "deleted",
        "partition re-read; confirmed by GET /issues?id[]",
    )


def test_what_differed_row_by_row_is_not_taken_back_by_a_count(loaded: Deployment) -> None:
    count_reconciliation(loaded)
    loaded.change(
        "INSERT INTO ops.reconciliations (space_key, project_id, how, source_rows, "
        "warehouse_rows, differences, equal)"
        " SELECT 'acme', id, 'rows', 40, 40, 3, false FROM raw.projects WHERE project_key = 'WEB'"
    )
    projects, _, line = count_reconciliation(loaded)
    assert line.startswith(
        "2 of 3 projects are equal; WEB differed row by row, which a count cannot take back"
    )
    assert projects["WEB"]["state"] == "✗ differs"
    assert re.fullmatch(MOMENT, projects["WEB"]["row_by_row"])
    assert projects["WEB"]["remarks"] == "row by row, 3 differ"


def test_deleted_inaccessible_and_archived_projects_are_shown_as_such(loaded: Deployment) -> None:
    space = loaded.sim.space
    count_reconciliation(loaded)
    space.delete_project("WEB")
    space.project("APP").teams.clear()
    space.remove_member("APP", space.administrator.id)
    space.archive_project("OPS")
    loaded.sim.switch(archived_issues_listed=False)
    assert loaded.run("projects").success
    projects, deletions, line = count_reconciliation(loaded)
    assert line == "0 of 0 projects are equal"
    assert {key: row["state"] for key, row in projects.items()} == {
        "OPS": "not counted",
        "APP": "no access",
        "WEB": "deleted",
    }
    assert projects["OPS"]["remarks"] == "its issues are not listed: it is archived"
    assert re.fullmatch(MOMENT, projects["OPS"]["counted"])
    assert projects["APP"]["remarks"].startswith("no access: not listed since ")
    assert re.fullmatch(MOMENT, projects["APP"]["since"])
    assert re.search(r"\d+ rows deleted", projects["WEB"]["remarks"])
    [gone] = deletions  # not the hundreds of rows that went with it
    assert gone["what"].startswith("projects WEB (")
    assert "confirmed by GET /projects/" in gone["evidence"]


def test_deletions_of_every_kind_are_named_as_people_know_them(loaded: Deployment) -> None:
    space = loaded.sim.space
    web = space.project("WEB")
    joined = {user for team in web.teams for user in space.teams[team].members}
    member = next(user for user in web.members[1:] if user not in joined)
    category = next(iter(web.categories.values()))
    name = space.users[member].name
    space.remove_member("WEB", member)
    space.delete_category("WEB", category.id)
    assert loaded.run("projects").success
    _, deletions, _ = count_reconciliation(loaded)
    assert {row["what"]: row["evidence"] for row in deletions} == {
        f"project_members {name} ({web.id}/{member})": "GET /projects/WEB/users no longer lists it",
        f"categories {category.name} ({category.id})": "GET "
        "/projects/WEB/categories no longer lists it",
    }


def test_a_project_that_changes_too_fast_fails_the_check_and_is_named(loaded: Deployment) -> None:
    space = loaded.sim.space
    space.delete_issue(min(space.project("OPS").issues))

    def come_and_go(_request: RequestInfo) -> None:
        space.delete_issue(space.create_issue("OPS", summary="a moment"))

    loaded.sim.before_request(come_and_go)
    projects, _, line = count_reconciliation(loaded)
    assert line == (
        "2 of 3 projects are equal; OPS: it changes too fast to be compared; try "
        "again when it is quieter"
    )
    assert projects["OPS"]["state"] == "not counted"
