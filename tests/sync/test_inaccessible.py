"""Projects that are no longer listed: deleted ones are marked with all their rows, lost ones are
left alone and come back whole.
"""

from typing import Any

import pytest

from resources.warehouse.state.locks import Locks
from simulator import Fault, RequestInfo
from sync.modes import Mode
from tests.syncs import Syncs, failures, load, load_lists_and_changes

OF_PROJECT = (
    "project_members", "statuses", "issue_types", "categories", "versions", "custom_fields",
    "issues", "comments", "issue_changes",
)  # fmt: skip


def shown(body: list[Any], hidden: set[int]) -> list[Any]:
    return [record for record in body if record["id"] not in hidden]


def leave(syncs: Syncs, project: str, user: int) -> None:
    """Take a user out of a project, teams included."""
    space = syncs.sim.space
    for team in list(space.project(project).teams):
        space.remove_project_team(project, team)
    if user in space.project(project).members:
        space.remove_member(project, user)


def member_of_all(syncs: Syncs) -> int:
    """Return an ordinary user, made a member of every project."""
    space = syncs.sim.space
    leads = {user for project in space.projects.values() for user in project.administrators}
    user = next(user.id for user in space.users.values() if user.role == 2 and user.id not in leads)
    for project in space.projects.values():
        space.add_member(project.key, user)
    return user


def counts_match(syncs: Syncs) -> bool:
    """Say whether every project that can be counted has as many issues as the source, as the check
    says it.
    """
    found = syncs.compare("count")
    return found.status == "equal" and not found.errors


def content(syncs: Syncs, project_id: int) -> dict[str, list[Any]]:
    """Return all rows of a project that are not marked deleted."""
    return {
        table: [row for row in syncs.rows(table) if row["project_id"] == project_id]
        for table in OF_PROJECT
    }


def row_of(syncs: Syncs, project_id: int) -> tuple[bool, str | None]:
    row = syncs.row("projects", project_id)
    return row["deleted_at"] is not None, row["deleted_reason"]


def watermark(syncs: Syncs, project_id: int) -> Any:
    [row] = syncs.query(
        f"SELECT watermark FROM ops.sync_state WHERE scope = 'issues' AND project_id = {project_id}"
    )
    return row["watermark"]


# -- deleted ---------------------------------------------------------------------------------------


def test_a_deleted_project_is_marked_with_every_row_of_it_and_the_evidence(synced: Syncs) -> None:
    gone, kept = synced.sim.space.project("WEB").id, synced.sim.space.project("OPS").id
    before, others = content(synced, gone), content(synced, kept)
    synced.sim.space.delete_project("WEB")
    synced.sim.requests.clear()
    run = synced.listing("projects")
    assert run.success, failures(run)
    evidence = (
        "GET /projects does not list it; GET /projects?all=true does not have it; "
        f"confirmed by GET /projects/{gone}: not found"
    )  # fmt: skip
    assert synced.sim.requests.by_route() == {
        "/space": 1,
        "/projects": 2,
        "/users/myself": 1,
        "/projects/{project}": 1,
    }
    assert row_of(synced, gone) == (True, "deleted")
    assert synced.deletions("projects") == {(gone, "deleted", evidence)}
    assert content(synced, gone) == {table: [] for table in OF_PROJECT}
    for table, rows in before.items():
        logged = synced.query(
            "SELECT reason, evidence FROM ops.deletions WHERE table_name = "
            f"'{table}' AND project_id = {gone}"
        )
        assert [tuple(row.values()) for row in logged] == [("project deleted", evidence)] * len(
            rows
        )
    assert content(synced, kept) == others
    assert run.counts("projects")["deleted"] == 1
    assert run.notes["deleted_projects"].startswith("WEB: ")
    assert f"{len(before['issues'])} issues" in run.notes["deleted_projects"]


def test_after_a_project_was_deleted_loads_and_counts_go_on_and_ask_nothing_more(
    synced: Syncs,
) -> None:
    synced.sim.space.delete_project("WEB")
    assert synced.listing().success
    synced.sim.requests.clear()
    run = synced.listing("projects")
    assert synced.sim.requests.by_route() == {"/space": 1, "/projects": 1}
    assert run.tables["projects"].deleted == 0
    assert synced.run(mode="incremental").success
    assert synced.stored_issues() == synced.source_issues()
    assert counts_match(synced)


def test_a_project_marked_deleted_that_is_listed_again_comes_back_with_all_its_rows(
    synced: Syncs,
) -> None:
    web = synced.sim.space.project("WEB").id
    before = {
        table: {row["content_hash"] for row in rows} for table, rows in content(synced, web).items()
    }
    hidden = {web}
    synced.sim.rewrite_response(
        lambda request, body: shown(body, hidden) if request.route == "/projects" else body
    )
    synced.sim.faults.add(Fault(status=404, path=f"/projects/{web}"))
    assert synced.listing("projects").success
    assert row_of(synced, web)[0]
    assert content(synced, web) == {table: [] for table in OF_PROJECT}

    hidden.clear()
    load_lists_and_changes(synced)
    assert row_of(synced, web) == (False, None)
    assert {
        table: {row["content_hash"] for row in rows} for table, rows in content(synced, web).items()
    } == before
    assert synced.stored_issues() == synced.source_issues()
    assert synced.query("SELECT 1 FROM ops.deletions WHERE restored_at IS NULL") == []


@pytest.mark.parametrize(
    "doubt",
    ["by id it is still there", "by id it is refused", "the list of all lacks listed projects"],
)
def test_a_project_is_not_taken_for_deleted_while_two_answers_disagree(
    synced: Syncs, doubt: str
) -> None:
    web = synced.sim.space.project("WEB").id
    everything = doubt.startswith("the list")

    def hide(request: RequestInfo, body: Any) -> Any:
        if request.route != "/projects":
            return body
        return [] if everything and dict(request.params).get("all") else shown(body, {web})

    synced.sim.rewrite_response(hide)
    if "refused" in doubt:
        synced.sim.faults.add(Fault(status=403, path=f"/projects/{web}"))
    before = content(synced, web)
    assert synced.listing().success
    deleted, reason = row_of(synced, web)
    assert not deleted
    assert str(reason).startswith("no access: not listed since ")
    assert content(synced, web) == before
    assert synced.query("SELECT 1 FROM ops.deletions") == []


# -- inaccessible ----------------------------------------------------------------------------------


def test_a_project_that_an_administrator_left_is_inaccessible_and_all_its_rows_stay(
    synced: Syncs,
) -> None:
    space = synced.sim.space
    web = space.project("WEB").id
    before = content(synced, web)
    leave(synced, "WEB", space.administrator.id)
    synced.sim.requests.clear()
    run = synced.listing("projects")
    assert synced.sim.requests.by_route() == {"/space": 1, "/projects": 2, "/users/myself": 1}
    deleted, reason = row_of(synced, web)
    assert not deleted
    assert str(reason).startswith("no access: not listed since 20")
    assert synced.compare().status == "equal"
    assert str(reason).endswith(
        "GET /projects?all=true has it: the key's user is no longer a member"
    )
    assert run.notes["projects_without_access"] == f"WEB: {reason}"
    assert run.tables["projects"].deleted == 0

    load_lists_and_changes(synced)
    assert row_of(synced, web) == (False, reason)
    assert content(synced, web) == before
    assert synced.query("SELECT 1 FROM ops.deletions") == []
    assert counts_match(synced)


@pytest.mark.parametrize("how", ["lost", "deleted", "refused"])
def test_an_ordinary_key_cannot_tell_and_takes_a_project_for_inaccessible(
    synced: Syncs, how: str
) -> None:
    user = member_of_all(synced)
    seen = synced.as_user(user)
    assert seen.listing().success
    web = synced.sim.space.project("WEB").id
    before = content(synced, web)
    if how == "deleted":
        synced.sim.space.delete_project("WEB")
    else:
        leave(synced, "WEB", user)
    if how == "refused":
        synced.sim.faults.add(Fault(status=403, path=f"/projects/{web}", times=None))
    assert seen.listing().success
    deleted, reason = row_of(synced, web)
    assert not deleted
    said = (
        "is refused"
        if how == "refused"
        else "finds nothing, and only an administrator's key can tell whether it was deleted"
    )
    assert str(reason).endswith(f"GET /projects/{web} {said}")
    assert content(synced, web) == before

    synced.sim.requests.clear()
    assert seen.listing("projects").success
    assert synced.sim.requests.by_route() == {"/space": 1, "/projects": 1, "/users/myself": 1}

    assert synced.listing("projects").success
    assert row_of(synced, web) == ((True, "deleted") if how == "deleted" else (False, None))


def test_a_project_that_comes_back_is_read_whole_with_all_that_happened_meanwhile(
    synced: Syncs,
) -> None:
    space = synced.sim.space
    web = space.project("WEB")
    admin = space.administrator.id
    leave(synced, "WEB", admin)
    load_lists_and_changes(synced)

    gone, edited = sorted(web.issues)[:2]
    space.delete_issue(gone)
    space.edit_issue(edited, summary="meanwhile")
    space.create_issue("WEB")
    space.delete_category("WEB", next(iter(web.categories)))
    space.rename_project("WEB", key="SITE")
    synced.sim.faults.add(Fault(status=403, path="/space/activities", times=None))
    load_lists_and_changes(synced)
    assert row_of(synced, web.id)[1]

    space.add_member("SITE", admin)
    run = synced.listing()
    assert run.success, failures(run)
    assert run.notes["projects_accessible_again"] == "SITE"
    assert row_of(synced, web.id) == (False, None)
    run = load(synced)
    assert synced.stored_issues() == synced.source_issues()
    assert {
        row["issue_key"].split("-")[0]
        for row in synced.rows("issues")
        if row["project_id"] == web.id
    } == {"SITE"}
    assert synced.row("issues", edited)["summary"] == "meanwhile"
    assert {one[0] for one in synced.deletions("issues")} == {gone}
    assert len(synced.deletions("categories")) == 1


def test_comments_and_deletions_of_an_inaccessible_time_are_found(synced: Syncs) -> None:
    space = synced.sim.space
    web = space.project("WEB")
    quiet, gone = sorted(web.issues, key=lambda issue: len(web.issues[issue].comments))[-2:]
    leave(synced, "WEB", space.administrator.id)
    load_lists_and_changes(synced)
    space.comment(quiet, "while nobody looked")  # moves no `updated`
    space.delete_issue(gone)
    space.create_issue("OPS")  # moves the feed past what happened in WEB
    assert synced.run(mode="incremental").success

    space.add_member("WEB", space.administrator.id)
    assert synced.listing().success
    load(synced)
    assert synced.stored_issues() == synced.source_issues()
    at_source = {row.id for issue in space.issues.values() for row in issue.comments}
    assert {row["id"] for row in synced.rows("comments")} == at_source
    assert {one[0] for one in synced.deletions("issues")} == {gone}
    assert {one[1] for one in synced.deletions("comments")} == {"issue deleted"}


def test_a_project_that_comes_back_is_read_whole_once_whichever_load_sees_it_first(
    synced: Syncs,
) -> None:
    space = synced.sim.space
    leave(synced, "WEB", space.administrator.id)
    load_lists_and_changes(synced)
    synced.sim.requests.clear()
    assert synced.run(mode="incremental").success
    quiet = synced.sim.requests.by_route()
    space.add_member("WEB", space.administrator.id)
    assert synced.run(mode="incremental").success  # the activity feed says so
    assert row_of(synced, space.project("WEB").id) == (False, None)
    assert synced.listing().success
    synced.sim.requests.clear()
    assert synced.run(mode="incremental").success
    assert synced.sim.requests.by_route() == quiet


def test_a_project_that_comes_back_during_a_load_stays_inaccessible_till_the_next(
    synced: Syncs,
) -> None:
    """That load has read what could not be seen, and will say that the project is read."""
    space = synced.sim.space
    web = space.project("WEB")
    leave(synced, "WEB", space.administrator.id)
    load_lists_and_changes(synced)
    space.add_member("WEB", space.administrator.id)
    with Locks(synced.engine, "acme", "a load of issues") as other:
        assert other.try_acquire(f"issues/{web.id}")
        assert synced.activities().success
        assert row_of(synced, web.id)[1]
    assert synced.listing().success
    assert row_of(synced, web.id) == (False, None)


@pytest.mark.parametrize("mode", ["incremental", "backfill"])
def test_a_project_that_becomes_inaccessible_during_a_read_loses_nothing(
    synced: Syncs, mode: Mode
) -> None:
    user = member_of_all(synced)
    seen = synced.as_user(user)
    assert seen.run(mode="incremental").success
    web = synced.sim.space.project("WEB")
    synced.sim.space.edit_issue(min(web.issues), summary="before it went")
    before, mark = content(synced, web.id), watermark(synced, web.id)

    going = [True]

    def go(request: RequestInfo) -> None:
        if request.route == "/issues" and going:
            going.clear()
            leave(synced, "WEB", user)

    synced.sim.before_request(go)
    run = seen.run(mode=mode)
    assert [line for line in failures(run) if "GET /projects lists WEB no longer" in line]
    assert content(synced, web.id) == before
    assert watermark(synced, web.id) == mark
    assert synced.deletions("issues") == set()

    assert seen.run(mode="incremental").success
    synced.sim.space.add_member("WEB", user)
    assert seen.run(mode="incremental").success
    assert synced.row("issues", min(web.issues))["summary"] == "before it went"


# -- archived and renamed --------------------------------------------------------------------------


@pytest.mark.parametrize("listed", [True, False])
def test_an_archived_project_is_no_deletion_and_comes_back_with_what_changed(
    synced: Syncs, listed: bool
) -> None:
    space = synced.sim.space
    synced.sim.switch(archived_issues_listed=listed)
    web = space.project("WEB").id
    before = content(synced, web)
    space.archive_project("WEB")
    load_lists_and_changes(synced)
    assert synced.run("WEB").success
    assert synced.row("projects", web)["archived"] is True
    assert row_of(synced, web) == (False, None)
    assert content(synced, web) == before

    gone = min(space.project("WEB").issues)
    space.archive_project("WEB", archived=False)
    space.delete_issue(gone)
    load_lists_and_changes(synced)
    assert synced.row("projects", web)["archived"] is False
    assert synced.stored_issues() == synced.source_issues()
    assert {one[0] for one in synced.deletions("issues")} == {gone}
