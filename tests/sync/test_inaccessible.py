"""Projects that are no longer listed: deleted ones are marked with all their rows, lost ones are
left alone and come back whole.
"""

from typing import Any

import pytest

from resources.warehouse.state.locks import Locks
from simulator import Fault, RequestInfo
from simulator.model import Project
from sync.modes import Mode
from tests.sync.trouble import leave, once
from tests.syncs import Syncs, failures, load, load_lists_and_changes, watermarks

OF_PROJECT = (
    "project_members", "statuses", "issue_types", "categories", "versions", "custom_fields",
    "issues", "comments", "issue_changes",
)  # fmt: skip


def shown(body: list[Any], hidden: set[int]) -> list[Any]:
    return [record for record in body if record["id"] not in hidden]


def member_of_all(syncs: Syncs) -> int:
    """Return an ordinary user, made a member of every project."""
    user = syncs.space.add_user("いつもの人", role=2).id
    for project in syncs.space.projects.values():
        syncs.space.add_member(project.key, user)
    return user


def counts_match(syncs: Syncs) -> bool:
    """Say whether every project that can be counted has as many issues as the source, as the check
    says it.
    """
    found = syncs.compare("count")
    return found.status == "equal" and not found.errors


def lose(syncs: Syncs) -> Project:
    """Let the key's user leave a project, and load what can be seen then; return the project."""
    leave(syncs, "WEB", syncs.space.administrator.id)
    load_lists_and_changes(syncs)
    return syncs.space.project("WEB")


def content(syncs: Syncs, project_id: int) -> dict[str, list[Any]]:
    """Return all rows of a project that are not marked deleted."""
    return {
        table: [row for row in syncs.rows(table) if row["project_id"] == project_id]
        for table in OF_PROJECT
    }


def hashes(syncs: Syncs, project_id: int) -> dict[str, set[str]]:
    """Return what is the same of these rows when they have come back."""
    rows = content(syncs, project_id)
    return {table: {row["content_hash"] for row in some} for table, some in rows.items()}


def nothing_was_deleted(syncs: Syncs) -> bool:
    return not syncs.query("SELECT 1 FROM ops.deletions")


def row_of(syncs: Syncs, project_id: int) -> tuple[bool, str | None]:
    row = syncs.row("projects", project_id)
    return row["deleted_at"] is not None, row["deleted_reason"]


# -- deleted ---------------------------------------------------------------------------------------


def test_a_deleted_project_is_marked_with_every_row_of_it_and_the_evidence(synced: Syncs) -> None:
    gone, kept = synced.space.project("WEB").id, synced.space.project("OPS").id
    before, others = content(synced, gone), content(synced, kept)
    synced.space.delete_project("WEB")
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

    # Loads and counts go on, and ask nothing more.
    assert synced.listing().success
    synced.sim.requests.clear()
    assert synced.listing("projects").tables["projects"].deleted == 0
    assert synced.sim.requests.by_route() == {"/space": 1, "/projects": 1}
    assert synced.run(mode="incremental").success
    assert synced.stored_issues() == synced.source_issues()
    assert counts_match(synced)


def test_a_project_marked_deleted_that_is_listed_again_comes_back_with_all_its_rows(
    synced: Syncs,
) -> None:
    web = synced.space.project("WEB").id
    before, hidden = hashes(synced, web), {web}
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
    assert hashes(synced, web) == before
    assert synced.stored_issues() == synced.source_issues()
    assert synced.query("SELECT 1 FROM ops.deletions WHERE restored_at IS NULL") == []


@pytest.mark.parametrize(
    "doubt",
    ["by id it is still there", "by id it is refused", "the list of all lacks listed projects"],
)
def test_a_project_is_not_taken_for_deleted_while_two_answers_disagree(
    synced: Syncs, doubt: str
) -> None:
    web = synced.space.project("WEB").id
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
    assert nothing_was_deleted(synced)


# -- inaccessible ----------------------------------------------------------------------------------


def test_a_project_that_an_administrator_left_is_inaccessible_and_all_its_rows_stay(
    synced: Syncs,
) -> None:
    web = synced.space.project("WEB").id
    before = content(synced, web)
    leave(synced, "WEB", synced.space.administrator.id)
    synced.sim.requests.clear()
    run = synced.listing("projects")
    assert synced.sim.requests.by_route() == {"/space": 1, "/projects": 2, "/users/myself": 1}
    deleted, reason = row_of(synced, web)
    assert not deleted
    assert str(reason).startswith("no access: not listed since 20")
    assert "GET /projects?all=true has it" in str(reason)
    assert synced.compare().status == "equal"
    assert run.notes["projects_without_access"] == f"WEB: {reason}"

    load_lists_and_changes(synced)
    assert row_of(synced, web) == (False, reason)
    assert content(synced, web) == before
    assert nothing_was_deleted(synced)
    assert counts_match(synced)


@pytest.mark.parametrize("how", ["lost", "deleted", "refused"])
def test_an_ordinary_key_cannot_tell_and_takes_a_project_for_inaccessible(
    synced: Syncs, how: str
) -> None:
    user = member_of_all(synced)
    seen = synced.as_user(user)
    assert seen.listing().success
    web = synced.space.project("WEB").id
    before = content(synced, web)
    if how == "deleted":
        synced.space.delete_project("WEB")
    else:
        leave(synced, "WEB", user)
    if how == "refused":
        synced.sim.faults.add(Fault(status=403, path=f"/projects/{web}", times=None))
    assert seen.listing().success
    deleted, reason = row_of(synced, web)
    assert not deleted
    said = "is refused" if how == "refused" else "finds nothing"
    assert f"GET /projects/{web} {said}" in str(reason)
    assert content(synced, web) == before

    synced.sim.requests.clear()
    assert seen.listing("projects").success
    assert synced.sim.requests.by_route() == {"/space": 1, "/projects": 1, "/users/myself": 1}

    assert synced.listing("projects").success
    assert row_of(synced, web) == ((True, "deleted") if how == "deleted" else (False, None))


def test_a_project_that_comes_back_is_read_whole_with_all_that_happened_meanwhile(
    synced: Syncs,
) -> None:
    space, web = synced.sim.space, lose(synced)
    gone, edited = sorted(web.issues)[:2]
    space.delete_issue(gone)
    space.edit_issue(edited, summary="meanwhile")
    space.create_issue("WEB")
    space.delete_category("WEB", next(iter(web.categories)))
    space.rename_project("WEB", key="SITE")
    synced.sim.faults.add(Fault(status=403, path="/space/activities", times=None))
    load_lists_and_changes(synced)
    assert row_of(synced, web.id)[1]

    space.add_member("SITE", space.administrator.id)
    run = synced.listing()
    assert run.success, failures(run)
    assert run.notes["projects_accessible_again"] == "SITE"
    assert row_of(synced, web.id) == (False, None)
    load(synced)
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
    web = lose(synced)
    quiet, gone = sorted(web.issues, key=lambda issue: len(web.issues[issue].comments))[-2:]
    synced.space.comment(quiet, "while nobody looked")  # moves no `updated`
    synced.space.delete_issue(gone)
    synced.space.create_issue("OPS")  # moves the feed past what happened in WEB
    assert synced.run(mode="incremental").success

    synced.space.add_member("WEB", synced.space.administrator.id)
    assert synced.listing().success
    load(synced)
    assert synced.stored_issues() == synced.source_issues()
    at_source = {row.id for issue in synced.space.issues.values() for row in issue.comments}
    assert {row["id"] for row in synced.rows("comments")} == at_source
    assert {one[0] for one in synced.deletions("issues")} == {gone}
    assert {one[1] for one in synced.deletions("comments")} == {"issue deleted"}


def test_a_project_that_comes_back_is_read_whole_once_whichever_load_sees_it_first(
    synced: Syncs,
) -> None:
    space, web = synced.sim.space, lose(synced)
    synced.sim.requests.clear()
    assert synced.run(mode="incremental").success
    quiet = synced.sim.requests.by_route()
    space.add_member("WEB", space.administrator.id)
    assert synced.run(mode="incremental").success  # the activity feed says so
    assert row_of(synced, web.id) == (False, None)
    assert synced.listing().success
    synced.sim.requests.clear()
    assert synced.run(mode="incremental").success
    assert synced.sim.requests.by_route() == quiet


@pytest.mark.parametrize("seen_by", ["activities", "projects"])
def test_a_project_that_comes_back_during_a_load_stays_inaccessible_till_the_next(
    synced: Syncs, seen_by: str
) -> None:
    """That load has read what could not be seen, and will say that the project is read."""
    space, web = synced.sim.space, lose(synced)
    reason = row_of(synced, web.id)
    space.rename_project("WEB", key="SITE")
    space.add_member("SITE", space.administrator.id)
    with Locks(synced.engine, "acme", "a load of issues") as other:
        assert other.try_acquire(f"issues/{web.id}")
        run = synced.activities() if seen_by == "activities" else synced.listing("projects")
        assert run.success, failures(run)
        assert "projects_accessible_again" not in run.notes
        assert row_of(synced, web.id) == reason
    run = synced.listing()
    assert run.notes["projects_accessible_again"] == "SITE"
    assert row_of(synced, web.id) == (False, None)
    load(synced)
    assert synced.stored_issues() == synced.source_issues()


@pytest.mark.parametrize("mode", ["incremental", "backfill"])
def test_a_project_that_becomes_inaccessible_during_a_read_loses_nothing(
    synced: Syncs, mode: Mode
) -> None:
    user = member_of_all(synced)
    seen = synced.as_user(user)
    assert seen.run(mode="incremental").success
    web = synced.space.project("WEB")
    synced.space.edit_issue(min(web.issues), summary="before it went")
    before, mark = content(synced, web.id), watermarks(synced)["WEB"]

    once(synced, lambda request: request.route == "/issues", lambda: leave(synced, "WEB", user))
    run = seen.run(mode=mode)
    assert [line for line in failures(run) if "GET /projects lists WEB no longer" in line]
    assert content(synced, web.id) == before
    assert watermarks(synced)["WEB"] == mark
    assert synced.deletions("issues") == set()

    assert seen.run(mode="incremental").success
    synced.space.add_member("WEB", user)
    assert seen.run(mode="incremental").success
    assert synced.row("issues", min(web.issues))["summary"] == "before it went"


# -- archived and renamed --------------------------------------------------------------------------


@pytest.mark.parametrize("listed", [True, False])
def test_an_archived_project_is_no_deletion_and_comes_back_with_what_changed(
    synced: Syncs, listed: bool
) -> None:
    synced.sim.switch(archived_issues_listed=listed)
    web = synced.space.project("WEB").id
    before = content(synced, web)
    synced.space.archive_project("WEB")
    load_lists_and_changes(synced)
    assert synced.run("WEB").success
    assert synced.issues("WEB", first="2026-03", last="2026-03").success
    assert synced.row("projects", web)["archived"] is True
    assert row_of(synced, web) == (False, None)
    assert content(synced, web) == before

    gone = min(synced.space.project("WEB").issues)
    synced.space.archive_project("WEB", archived=False)
    synced.space.delete_issue(gone)
    load_lists_and_changes(synced)
    assert synced.row("projects", web)["archived"] is False
    assert synced.stored_issues() == synced.source_issues()
    assert {one[0] for one in synced.deletions("issues")} == {gone}
