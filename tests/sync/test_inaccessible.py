"""Projects that are no longer listed: deleted ones are marked with all their rows, lost ones are left alone and come back whole."""

from typing import Any

import pytest

from assets.issues import Mode
from simulator import Fault, RequestInfo
from tests.deployment import Deployment, checks, failures, metadata

OF_PROJECT = (
    "project_members", "statuses", "issue_types", "categories", "versions", "custom_fields", "issues", "comments", "issue_changes",
)  # fmt: skip


def shown(body: list[Any], hidden: set[int]) -> list[Any]:
    return [record for record in body if record["id"] not in hidden]


def leave(deployment: Deployment, project: str, user: int) -> None:
    """Take a user out of a project, teams included."""
    space = deployment.sim.space
    for team in list(space.project(project).teams):
        space.remove_project_team(project, team)
    if user in space.project(project).members:
        space.remove_member(project, user)


def member_of_all(deployment: Deployment) -> int:
    """Return an ordinary user, made a member of every project."""
    space = deployment.sim.space
    leads = {user for project in space.projects.values() for user in project.administrators}
    user = next(user.id for user in space.users.values() if user.role == 2 and user.id not in leads)
    for project in space.projects.values():
        space.add_member(project.key, user)
    return user


def content(deployment: Deployment, project_id: int) -> dict[str, list[Any]]:
    """Return all rows of a project that are not marked deleted."""
    return {table: [row for row in deployment.rows(table) if row["project_id"] == project_id] for table in OF_PROJECT}


def row_of(deployment: Deployment, project_id: int) -> tuple[bool, str | None]:
    row = deployment.row("projects", project_id)
    return row["deleted_at"] is not None, row["deleted_reason"]


def watermark(deployment: Deployment, project_id: int) -> Any:
    [row] = deployment.query(f"SELECT watermark FROM ops.sync_state WHERE scope = 'issues' AND project_id = {project_id}")
    return row["watermark"]


# -- deleted ----------------------------------------------------------------------------------------------------


def test_a_deleted_project_is_marked_with_every_row_of_it_and_the_evidence(loaded: Deployment) -> None:
    gone, kept = loaded.sim.space.project("WEB").id, loaded.sim.space.project("OPS").id
    before, others = content(loaded, gone), content(loaded, kept)
    loaded.sim.space.delete_project("WEB")
    loaded.sim.requests.clear()
    run = loaded.run("projects", only=["projects"])
    assert run.success, failures(run)
    evidence = (
        "GET /projects does not list it; GET /projects?all=true does not have it; "
        f"confirmed by GET /projects/{gone}: not found"
    )  # fmt: skip
    assert loaded.sim.requests.by_route() == {"/space": 1, "/projects": 2, "/users/myself": 1, "/projects/{project}": 1}
    assert row_of(loaded, gone) == (True, "deleted")
    assert loaded.deletions("projects") == {(gone, "deleted", evidence)}
    assert content(loaded, gone) == {table: [] for table in OF_PROJECT}
    for table, rows in before.items():
        logged = loaded.query(f"SELECT reason, evidence FROM ops.deletions WHERE table_name = '{table}' AND project_id = {gone}")
        assert [tuple(row.values()) for row in logged] == [("project deleted", evidence)] * len(rows)
    assert content(loaded, kept) == others
    said = metadata(run, "projects")
    assert said["load/rows_deleted"] == 1
    assert said["deleted_projects"].startswith("WEB: ")
    assert f"{len(before['issues'])} issues" in said["deleted_projects"]


def test_after_a_project_was_deleted_loads_and_counts_go_on_and_ask_nothing_more(loaded: Deployment) -> None:
    loaded.sim.space.delete_project("WEB")
    assert loaded.run("projects").success
    loaded.sim.requests.clear()
    run = loaded.run("projects", only=["projects"])
    assert loaded.sim.requests.by_route() == {"/space": 1, "/projects": 1}
    assert metadata(run, "projects")["load/rows_deleted"] == 0
    assert loaded.run_issues(mode="incremental").success
    assert loaded.stored_issues() == loaded.source_issues()
    assert checks(loaded.run("count_reconciliation"))["issue_counts_match_source"]


def test_a_project_marked_deleted_that_is_listed_again_comes_back_with_all_its_rows(loaded: Deployment) -> None:
    web = loaded.sim.space.project("WEB").id
    before = {table: {row["content_hash"] for row in rows} for table, rows in content(loaded, web).items()}
    hidden = {web}
    loaded.sim.rewrite_response(lambda request, body: shown(body, hidden) if request.route == "/projects" else body)
    loaded.sim.faults.add(Fault(status=404, path=f"/projects/{web}"))
    assert loaded.run("projects", only=["projects"]).success
    assert row_of(loaded, web)[0]
    assert content(loaded, web) == {table: [] for table in OF_PROJECT}

    hidden.clear()
    assert loaded.run("projects").success
    assert loaded.run_issues(mode="incremental").success
    assert row_of(loaded, web) == (False, None)
    assert {table: {row["content_hash"] for row in rows} for table, rows in content(loaded, web).items()} == before
    assert loaded.stored_issues() == loaded.source_issues()
    assert loaded.query("SELECT 1 FROM ops.deletions WHERE restored_at IS NULL") == []


@pytest.mark.parametrize("doubt", ["by id it is still there", "by id it is refused", "the list of all lacks listed projects"])
def test_a_project_is_not_taken_for_deleted_while_two_answers_disagree(loaded: Deployment, doubt: str) -> None:
    web = loaded.sim.space.project("WEB").id
    everything = doubt.startswith("the list")

    def hide(request: RequestInfo, body: Any) -> Any:
        if request.route != "/projects":
            return body
        return [] if everything and dict(request.params).get("all") else shown(body, {web})

    loaded.sim.rewrite_response(hide)
    if "refused" in doubt:
        loaded.sim.faults.add(Fault(status=403, path=f"/projects/{web}"))
    before = content(loaded, web)
    assert loaded.run("projects").success
    deleted, reason = row_of(loaded, web)
    assert not deleted
    assert str(reason).startswith("no access: not listed since ")
    assert content(loaded, web) == before
    assert loaded.query("SELECT 1 FROM ops.deletions") == []


# -- out of sight -----------------------------------------------------------------------------------------------


def test_a_project_that_an_administrator_left_is_out_of_sight_and_all_its_rows_stay(loaded: Deployment) -> None:
    space = loaded.sim.space
    web = space.project("WEB").id
    before = content(loaded, web)
    leave(loaded, "WEB", space.administrator.id)
    loaded.sim.requests.clear()
    run = loaded.run("projects", only=["projects"])
    assert loaded.sim.requests.by_route() == {"/space": 1, "/projects": 2, "/users/myself": 1}
    deleted, reason = row_of(loaded, web)
    assert not deleted
    assert str(reason).startswith("no access: not listed since 20")
    assert str(reason).endswith("GET /projects?all=true has it: the key's user is no longer a member")
    assert metadata(run, "projects")["projects_without_access"] == f"WEB: {reason}"
    assert metadata(run, "projects")["load/rows_deleted"] == 0

    assert loaded.run("projects").success
    assert loaded.run_issues(mode="incremental").success
    assert row_of(loaded, web) == (False, reason)
    assert content(loaded, web) == before
    assert loaded.query("SELECT 1 FROM ops.deletions") == []
    assert checks(loaded.run("count_reconciliation"))["issue_counts_match_source"]


@pytest.mark.parametrize("how", ["lost", "deleted", "refused"])
def test_an_ordinary_key_cannot_tell_and_takes_a_project_for_out_of_sight(loaded: Deployment, how: str) -> None:
    user = member_of_all(loaded)
    seen = loaded.as_user(user)
    assert seen.run("projects").success
    web = loaded.sim.space.project("WEB").id
    before = content(loaded, web)
    if how == "deleted":
        loaded.sim.space.delete_project("WEB")
    else:
        leave(loaded, "WEB", user)
    if how == "refused":
        loaded.sim.faults.add(Fault(status=403, path=f"/projects/{web}", times=None))
    assert seen.run("projects").success
    deleted, reason = row_of(loaded, web)
    assert not deleted
    said = "is refused" if how == "refused" else "finds nothing, and only an administrator's key can tell whether it was deleted"
    assert str(reason).endswith(f"GET /projects/{web} {said}")
    assert content(loaded, web) == before

    loaded.sim.requests.clear()
    assert seen.run("projects", only=["projects"]).success
    assert loaded.sim.requests.by_route() == {"/space": 1, "/projects": 1, "/users/myself": 1}

    assert loaded.run("projects", only=["projects"]).success
    assert row_of(loaded, web) == ((True, "deleted") if how == "deleted" else (False, None))


def test_a_project_that_comes_back_is_read_whole_with_all_that_happened_meanwhile(loaded: Deployment) -> None:
    space = loaded.sim.space
    web = space.project("WEB")
    admin = space.administrator.id
    leave(loaded, "WEB", admin)
    assert loaded.run("projects").success
    assert loaded.run_issues(mode="incremental").success

    gone, edited = sorted(web.issues)[:2]
    space.delete_issue(gone)
    space.edit_issue(edited, summary="meanwhile")
    space.create_issue("WEB")
    space.delete_category("WEB", next(iter(web.categories)))
    space.rename_project("WEB", key="SITE")
    loaded.sim.faults.add(Fault(status=403, path="/space/activities", times=None))
    assert loaded.run("projects").success
    assert loaded.run_issues(mode="incremental").success
    assert row_of(loaded, web.id)[1]

    space.add_member("SITE", admin)
    loaded.discover()
    run = loaded.run("projects")
    assert run.success, failures(run)
    assert metadata(run, "projects")["projects_accessible_again"] == "SITE"
    assert row_of(loaded, web.id) == (False, None)
    run = loaded.run_issues(mode="incremental")
    assert run.success, failures(run)
    assert loaded.stored_issues() == loaded.source_issues()
    assert {row["issue_key"].split("-")[0] for row in loaded.rows("issues") if row["project_id"] == web.id} == {"SITE"}
    assert loaded.row("issues", edited)["summary"] == "meanwhile"
    assert {one[0] for one in loaded.deletions("issues")} == {gone}
    assert len(loaded.deletions("categories")) == 1


def test_comments_and_deletions_that_a_project_had_while_it_was_out_of_sight_are_found(loaded: Deployment) -> None:
    space = loaded.sim.space
    web = space.project("WEB")
    quiet, gone = sorted(web.issues, key=lambda issue: len(web.issues[issue].comments))[-2:]
    leave(loaded, "WEB", space.administrator.id)
    assert loaded.run("projects").success
    assert loaded.run_issues(mode="incremental").success
    space.comment(quiet, "while nobody looked")  # moves no `updated`
    space.delete_issue(gone)
    space.create_issue("OPS")  # moves the feed past what happened in WEB
    assert loaded.run_issues(mode="incremental").success

    space.add_member("WEB", space.administrator.id)
    assert loaded.run("projects").success
    run = loaded.run_issues(mode="incremental")
    assert run.success, failures(run)
    assert loaded.stored_issues() == loaded.source_issues()
    at_source = {row.id for issue in space.issues.values() for row in issue.comments}
    assert {row["id"] for row in loaded.rows("comments")} == at_source
    assert {one[0] for one in loaded.deletions("issues")} == {gone}
    assert {one[1] for one in loaded.deletions("comments")} == {"issue deleted"}


@pytest.mark.parametrize("mode", ["incremental", "backfill"])
def test_a_project_that_goes_out_of_sight_while_it_is_read_loses_nothing_and_keeps_its_watermark(
    loaded: Deployment, mode: Mode
) -> None:
    user = member_of_all(loaded)
    seen = loaded.as_user(user)
    assert seen.run_issues(mode="incremental").success
    web = loaded.sim.space.project("WEB")
    loaded.sim.space.edit_issue(min(web.issues), summary="before it went")
    before, mark = content(loaded, web.id), watermark(loaded, web.id)

    going = [True]

    def go(request: RequestInfo) -> None:
        if request.route == "/issues" and going:
            going.clear()
            leave(loaded, "WEB", user)

    loaded.sim.before_request(go)
    run = seen.run_issues(mode=mode)
    assert [line for line in failures(run) if "GET /projects lists WEB no more" in line]
    assert content(loaded, web.id) == before
    assert watermark(loaded, web.id) == mark
    assert loaded.deletions("issues") == set()

    assert seen.run_issues(mode="incremental").success
    loaded.sim.space.add_member("WEB", user)
    assert seen.run_issues(mode="incremental").success
    assert loaded.row("issues", min(web.issues))["summary"] == "before it went"


# -- archived and renamed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("listed", [True, False])
def test_an_archived_project_is_no_deletion_and_comes_back_with_what_changed(loaded: Deployment, listed: bool) -> None:
    space = loaded.sim.space
    loaded.sim.switch(archived_issues_listed=listed)
    web = space.project("WEB").id
    before = content(loaded, web)
    space.archive_project("WEB")
    assert loaded.run("projects").success
    assert loaded.run_issues(mode="incremental").success
    assert loaded.run_issues("WEB").success
    assert loaded.row("projects", web)["archived"] is True
    assert row_of(loaded, web) == (False, None)
    assert content(loaded, web) == before

    gone = min(space.project("WEB").issues)
    space.archive_project("WEB", archived=False)
    space.delete_issue(gone)
    assert loaded.run("projects").success
    assert loaded.run_issues(mode="incremental").success
    assert loaded.row("projects", web)["archived"] is False
    assert loaded.stored_issues() == loaded.source_issues()
    assert {one[0] for one in loaded.deletions("issues")} == {gone}


def test_a_renamed_project_is_no_deletion(loaded: Deployment) -> None:
    web = loaded.sim.space.project("WEB").id
    loaded.sim.space.rename_project("WEB", key="SITE", name="改名")
    loaded.discover()
    assert loaded.run("projects").success
    assert loaded.run_issues(mode="incremental").success
    assert loaded.row("projects", web)["project_key"] == "SITE"
    assert row_of(loaded, web) == (False, None)
    assert loaded.query("SELECT 1 FROM ops.deletions") == []
    assert loaded.stored_issues() == loaded.source_issues()
