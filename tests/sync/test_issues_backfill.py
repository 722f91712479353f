"""`raw/issues`, backfill: every shape of run reads its window whole, and finds what has vanished
from it.
"""

from datetime import UTC, datetime

import pytest

from simulator import Fault
from tests.sync.trouble import asked_by_id, refuse, spoil
from tests.syncs import CALENDAR, Syncs, failures, watermarks

REREAD = "partition re-read; confirmed by GET /issues?id[]"


def in_months(syncs: Syncs, project: str, *months: str) -> dict[int, int]:
    """Return id -> time of change of the source's issues in some partitions of a project."""
    return {
        identifier: moment
        for identifier, moment in syncs.source_issues(project).items()
        if CALENDAR.month_of(datetime.fromtimestamp(moment, UTC)) in months
    }


def an_issue(syncs: Syncs, project: str, month: str) -> int:
    """Return an issue that was changed in a month, one without children where there is one."""
    found = in_months(syncs, project, month)
    return min(found, key=lambda one: (one in syncs.space.children, one))


def test_the_first_load_equals_the_source_and_the_second_changes_nothing(syncs: Syncs) -> None:
    assert failures(syncs.listing()) == []
    first, second = syncs.run(), syncs.run()
    assert failures(first) == failures(second) == []
    everything = syncs.source_issues()
    assert syncs.stored_issues() == everything
    assert first.counts() == {"read": len(everything), "inserted": len(everything)}
    assert second.counts() == {"read": len(everything), "unchanged": len(everything)}
    assert {row["run_id"] for row in syncs.rows("issues")} == {first.run_id}
    compared = syncs.compare()
    assert (compared.status, list(compared.errors)) == ("equal", [])


@pytest.mark.parametrize(
    ("projects", "months"),
    [
        (["WEB"], ["2026-03"]),
        (["OPS"], ["2026-01"]),
        (["WEB", "EMPTY", "APP"], ["2026-04", "2026-05", "2026-06"]),
    ],
    ids=["one", "the first, with all that is older", "several, one without issues"],
)
def test_each_partition_is_recorded_once_with_the_issues_of_its_project_and_month(
    syncs: Syncs, projects: list[str], months: list[str]
) -> None:
    syncs.space.add_project("EMPTY", "空")
    run = syncs.issues(*projects, first=months[0], last=months[-1])
    expected = {
        f"{project}|{month}": in_months(syncs, project, month)
        for project in projects
        for month in months
    }
    assert {key: (said.counts.inserted, said.stored) for key, said in run.partitions().items()} == {
        key: (len(issues), len(issues)) for key, issues in expected.items()
    }
    assert syncs.ids("issues") == {issue for issues in expected.values() for issue in issues}
    older = min(row["updated_at"] for row in syncs.rows("issues")).year < 2026
    assert older is (months == ["2026-01"])


def test_the_same_months_of_several_projects_are_read_in_one_pass(synced: Syncs) -> None:
    deleted, spared = an_issue(synced, "APP", "2026-03"), an_issue(synced, "APP", "2026-05")
    for issue in (deleted, spared):
        synced.space.delete_issue(issue)
    synced.sim.requests.clear()
    run = synced.issues(first="2026-03", last="2026-03")
    assert failures(run) == []
    assert synced.sim.requests.count(route="/issues") == 2, (
        "the window of three projects, and the deleted issue by its id"
    )
    assert [row["id"] for row in synced.rows("issues", deleted=True)] == [deleted]
    assert set(run.partitions()) == {"OPS|2026-03", "WEB|2026-03", "APP|2026-03"}
    assert run.partitions()["APP|2026-03"].counts.deleted == 1
    [done] = run.passes
    assert len(done.partitions) == 3


def test_a_project_that_spoils_a_pass_of_several_keeps_no_other_from_loading(syncs: Syncs) -> None:
    refuse(syncs, "WEB", Fault(status=403, path="/issues"))
    run = syncs.issues(first="2026-03", last="2026-03")
    assert [line.split(":")[1] for line in failures(run)] == [" WEB"]
    assert syncs.stored_issues() == in_months(syncs, "OPS", "2026-03") | in_months(
        syncs, "APP", "2026-03"
    )


def test_an_issue_without_its_project_is_put_aside_for_the_project_that_lists_it(
    synced: Syncs,
) -> None:
    spoil(synced, {an_issue(synced, "WEB", "2026-03"): {"id": None, "projectId": None}})
    run = synced.issues(first="2026-03", last="2026-03")
    assert run.counts()["rejected"]
    assert synced.query(
        "SELECT project_id FROM ops.rejected_records WHERE table_name = "
        "'issues' AND resolved_at IS NULL"
    ) == [{"project_id": synced.space.project("WEB").id}]
    assert len(run.passes) == 3, "each project by itself"


def test_months_up_to_now_move_the_watermarks_that_they_reach_in_one_pass_too(
    synced: Syncs,
) -> None:
    before = watermarks(synced)
    first, last = CALENDAR.months()[-2:]
    assert failures(synced.issues(first=first, last=last)) == []
    now = watermarks(synced)
    assert all(now[project] > moment for project, moment in before.items())
    assert failures(synced.issues(first=first, last=first)) == []
    assert watermarks(synced) == now


def test_a_deleted_issue_is_marked_after_a_read_that_confirms_it(synced: Syncs) -> None:
    gone = {an_issue(synced, "OPS", month) for month in ("2026-02", "2026-03", "2026-06")}
    for identifier in gone:
        synced.space.delete_issue(identifier)
    synced.sim.requests.clear()
    run = synced.issues("OPS")
    assert synced.deletions("issues") == {(identifier, "deleted", REREAD) for identifier in gone}
    assert asked_by_id(synced) == [gone], "to confirm it"
    deleted = {
        key: said.counts.deleted for key, said in run.partitions().items() if said.counts.deleted
    }
    assert deleted == {"OPS|2026-02": 1, "OPS|2026-03": 1, "OPS|2026-06": 1}
    assert synced.stored_issues() == synced.source_issues()
    assert "deleted" not in synced.issues("OPS").counts()


def test_an_issue_that_moved_to_another_month_or_project_is_not_deleted(synced: Syncs) -> None:
    edited = an_issue(synced, "OPS", "2026-03")
    synced.space.edit_issue(edited, summary="直した")
    moved = an_issue(synced, "OPS", "2026-03")
    synced.space.move_issue(moved, "APP")
    run = synced.issues("OPS", first="2026-03", last="2026-03")
    assert synced.row("issues", edited)["summary"] == "直した"
    assert synced.row("issues", moved)["project_id"] == synced.space.project("APP").id
    said = run.partitions()["OPS|2026-03"]
    assert said.counts.updated == 2
    assert said.stored == len(in_months(synced, "OPS", "2026-03")), "they count where they are now"
    assert not synced.rows("issues", deleted=True)


def test_a_renamed_project_is_still_loaded_by_its_old_key_and_its_history_stays(
    synced: Syncs,
) -> None:
    synced.space.rename_project("WEB", key="SITE")
    assert synced.listing("projects").success
    old = synced.issues("WEB", first="2026-04", last="2026-04")
    assert failures(old) == []
    assert old.partitions()["WEB|2026-04"].stored == len(in_months(synced, "SITE", "2026-04"))
    assert failures(synced.issues("SITE")) == []
    keys = {row["issue_key"].split("-")[0] for row in synced.rows("issues")}
    assert keys == {"OPS", "SITE", "APP"}
    assert not synced.rows("issues", deleted=True)


def test_months_can_be_loaded_in_any_order_and_end_as_one_load_of_all(syncs: Syncs) -> None:
    months = CALENDAR.months()
    for month in reversed(months[:7]):
        assert syncs.issues(first=month, last=month).success
    assert syncs.stored_issues() == syncs.source_issues()
    assert syncs.issues("OPS", first=months[-1], last=months[-1]).success
    assert syncs.stored_issues() == syncs.source_issues()
