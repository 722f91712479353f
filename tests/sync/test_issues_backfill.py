"""`raw/issues`, backfill: every shape of run reads its window whole, and finds what has vanished
from it.
"""

from datetime import UTC, datetime
from typing import Any

from simulator import Fault, RequestInfo
from sync.counts import Span
from tests.syncs import CALENDAR, Syncs, counts, failures

WATERMARKS = "SELECT project_id, watermark FROM ops.sync_state WHERE scope = 'issues'"
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
    return min(found, key=lambda one: (one in syncs.sim.space.children, one))


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


def test_one_partition_holds_the_issues_of_its_project_and_month(syncs: Syncs) -> None:
    run = syncs.issues("WEB", first="2026-03", last="2026-03")
    assert syncs.stored_issues() == in_months(syncs, "WEB", "2026-03")
    [(key, said)] = run.partitions().items()
    assert key == "WEB|2026-03"
    assert said.stored == said.counts.inserted == len(syncs.rows("issues"))
    [done] = run.passes
    assert done.window == Span(
        datetime(2026, 3, 1, tzinfo=CALENDAR.zone), datetime(2026, 4, 1, tzinfo=CALENDAR.zone)
    )
    [proof] = run.proofs()
    rows = proof.pop("rows")  # those that the widened days hold
    assert rows >= said.counts.read
    assert proof == {"how": "one page", "passes": 1, "pages": 1, "count": None, "retries": 0}


def test_the_first_partition_holds_everything_older_too(syncs: Syncs) -> None:
    run = syncs.issues("OPS", first="2026-01", last="2026-01")
    assert syncs.stored_issues() == in_months(syncs, "OPS", "2026-01")
    older = syncs.query("SELECT count(*) AS n FROM raw.issues WHERE updated_at < '2025-12-31'")
    assert older[0]["n"] > 0
    assert run.partitions()["OPS|2026-01"].stored == len(syncs.rows("issues"))


def test_the_same_months_of_several_projects_are_read_in_one_pass(synced: Syncs) -> None:
    deleted, spared = an_issue(synced, "APP", "2026-03"), an_issue(synced, "APP", "2026-05")
    for issue in (deleted, spared):
        synced.sim.space.delete_issue(issue)
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
    history = synced.query(
        "SELECT project_key, projects FROM ops.sync_history WHERE sync_type = 'issues' "
        "ORDER BY id DESC LIMIT 1"
    )
    assert history == [{"project_key": None, "projects": None}], "all projects of the space"


def test_a_project_that_spoils_a_pass_of_several_keeps_no_other_from_loading(syncs: Syncs) -> None:
    spoilt = str(syncs.sim.space.project("WEB").id)

    def arm(request: RequestInfo) -> None:
        if request.route == "/issues" and spoilt in [
            value for name, value in request.params if name == "projectId[]"
        ]:
            syncs.sim.faults.add(Fault(status=403, path="/issues"))

    syncs.sim.before_request(arm)
    run = syncs.issues(first="2026-03", last="2026-03")
    assert [line.split(":")[1] for line in failures(run)] == [" WEB"]
    assert syncs.stored_issues() == in_months(syncs, "OPS", "2026-03") | in_months(
        syncs, "APP", "2026-03"
    )


def test_an_issue_without_its_project_is_put_aside_for_the_project_that_lists_it(
    synced: Syncs,
) -> None:
    odd = an_issue(synced, "WEB", "2026-03")

    def spoil(request: RequestInfo, body: Any) -> Any:
        if request.route != "/issues":
            return body
        return [
            {**record, "id": None, "projectId": None} if record["id"] == odd else record
            for record in body
        ]

    synced.sim.rewrite_response(spoil)
    run = synced.issues(first="2026-03", last="2026-03")
    assert run.counts()["rejected"]
    web = synced.sim.space.project("WEB").id
    entries = synced.query(
        "SELECT project_id FROM ops.rejected_records WHERE table_name = "
        "'issues' AND resolved_at IS NULL"
    )
    assert entries == [{"project_id": web}]
    assert len(run.passes) == 3, "each project by itself"


def test_months_up_to_now_move_the_watermarks_that_they_reach_in_one_pass_too(
    synced: Syncs,
) -> None:
    before = {row["project_id"]: row["watermark"] for row in synced.query(WATERMARKS)}
    first, last = CALENDAR.months()[-2:]
    assert failures(synced.issues(first=first, last=last)) == []
    assert all(row["watermark"] > before[row["project_id"]] for row in synced.query(WATERMARKS))
    now = {row["project_id"]: row["watermark"] for row in synced.query(WATERMARKS)}
    assert failures(synced.issues(first=first, last=first)) == []
    assert {row["project_id"]: row["watermark"] for row in synced.query(WATERMARKS)} == now


def test_projects_and_months_record_every_partition_once_with_its_own_rows(syncs: Syncs) -> None:
    run = syncs.issues("WEB", "APP", first="2026-04", last="2026-06")
    months = ("2026-04", "2026-05", "2026-06")
    assert {key: said.counts.inserted for key, said in run.partitions().items()} == {
        f"{project}|{month}": len(in_months(syncs, project, month))
        for project in ("WEB", "APP")
        for month in months
    }
    assert syncs.stored_issues() == in_months(syncs, "WEB", *months) | in_months(
        syncs, "APP", *months
    )


def test_an_empty_window_is_a_partition_with_no_rows(syncs: Syncs) -> None:
    syncs.sim.space.add_project("EMPTY", "空")
    run = syncs.issues("EMPTY", first="2026-03", last="2026-04")
    assert run.success
    assert {key: counts(said.counts) for key, said in run.partitions().items()} == {
        "EMPTY|2026-03": {},
        "EMPTY|2026-04": {},
    }
    assert syncs.rows("issues") == []


def test_the_numbers_of_the_partitions_add_up_to_those_of_the_run(synced: Syncs) -> None:
    space = synced.sim.space
    space.delete_issue(an_issue(synced, "OPS", "2026-03"))
    space.edit_issue(an_issue(synced, "WEB", "2026-05"), summary="直した")
    space.move_issue(an_issue(synced, "OPS", "2026-05"), "APP")
    space.create_issue("APP")
    run = synced.issues()
    assert failures(run) == []
    sums: dict[str, int] = {}
    for said in run.partitions().values():
        for name, count in counts(said.counts).items():
            sums[name] = sums.get(name, 0) + count
    assert sums == run.counts()
    assert (sums["inserted"], sums["updated"], sums["deleted"]) == (1, 2, 1)
    assert sum(said.stored for said in run.partitions().values()) == len(space.issues)
    assert run.totals["issues"].stored == len(space.issues)


def test_a_deleted_issue_is_marked_after_a_read_that_confirms_it(synced: Syncs) -> None:
    space = synced.sim.space
    gone = {an_issue(synced, "OPS", month) for month in ("2026-02", "2026-03", "2026-06")}
    for identifier in gone:
        space.delete_issue(identifier)
    synced.sim.requests.clear()
    run = synced.issues("OPS")
    assert synced.deletions("issues") == {(identifier, "deleted", REREAD) for identifier in gone}
    confirming = [asked(request) for request in synced.sim.requests.recent() if asked(request)]
    assert confirming == [gone]
    deleted = {
        key: said.counts.deleted for key, said in run.partitions().items() if said.counts.deleted
    }
    assert deleted == {"OPS|2026-02": 1, "OPS|2026-03": 1, "OPS|2026-06": 1}
    assert synced.stored_issues() == synced.source_issues()
    assert "deleted" not in synced.issues("OPS").counts()


def asked(request: RequestInfo) -> set[int]:
    """Return the ids that a request asks for by id."""
    return {int(value) for name, value in request.params if name == "id[]"}


def test_an_issue_that_moved_to_another_month_is_not_deleted(synced: Syncs) -> None:
    moved = an_issue(synced, "OPS", "2026-03")
    synced.sim.space.edit_issue(moved, summary="直した")
    run = synced.issues("OPS", first="2026-03", last="2026-03")
    assert synced.row("issues", moved)["deleted_at"] is None
    assert synced.row("issues", moved)["summary"] == "直した"
    said = run.partitions()["OPS|2026-03"]
    assert said.counts.updated == 1
    assert said.stored == len(in_months(synced, "OPS", "2026-03"))  # it counts where it is now
    assert not synced.rows("issues", deleted=True)


def test_an_issue_that_moved_to_another_project_is_not_deleted(synced: Syncs) -> None:
    space = synced.sim.space
    moved = an_issue(synced, "OPS", "2026-03")
    space.move_issue(moved, "APP")
    assert synced.issues("OPS").success
    row = synced.row("issues", moved)
    assert (row["deleted_at"], row["project_id"]) == (None, space.project("APP").id)
    assert row["issue_key"].startswith("APP-")


def test_an_issue_that_comes_back_is_no_longer_deleted(synced: Syncs) -> None:
    synced.change("UPDATE raw.issues SET deleted_at = now(), deleted_reason = 'by mistake'")
    run = synced.issues()
    assert run.counts()["updated"] == len(synced.source_issues())
    assert synced.stored_issues() == synced.source_issues()


def test_what_moves_only_in_nested_copies_changes_no_issue(synced: Syncs) -> None:
    space = synced.sim.space
    before = synced.rows("issues")
    for user in space.users:
        space.log_in(user)
    space.rename_user(list(space.users)[1], "改名")
    for project in space.projects.values():
        space.rename_category(project.id, next(iter(project.categories)), "改名")
        space.rename_version(project.id, next(iter(project.versions)), "改名")
        space.rename_status(project.id, 1, "改名")
        space.rename_issue_type(project.id, next(iter(project.issue_types)), "改名")
    run = synced.issues()
    assert run.counts() == {"read": len(before), "unchanged": len(before)}
    assert synced.rows("issues") == before


def test_a_change_that_moves_no_time_is_seen_by_a_backfill(synced: Syncs) -> None:
    starred = an_issue(synced, "WEB", "2026-05")
    synced.sim.space.star(starred)
    assert synced.issues("WEB").counts()["updated"] == 1
    assert len(synced.row("issues", starred)["payload"]["stars"]) >= 1


def test_a_renamed_project_is_still_loaded_by_its_old_key_and_its_history_stays(
    synced: Syncs,
) -> None:
    synced.sim.space.rename_project("WEB", key="SITE")
    assert synced.listing("projects").success
    old = synced.issues("WEB", first="2026-04", last="2026-04")
    assert failures(old) == []
    assert old.partitions()["WEB|2026-04"].stored == len(in_months(synced, "SITE", "2026-04"))
    assert failures(synced.issues("SITE")) == []
    keys = {row["issue_key"].split("-")[0] for row in synced.rows("issues")}
    assert keys == {"OPS", "SITE", "APP"}
    assert not synced.rows("issues", deleted=True)


def test_an_archived_project_whose_issues_are_not_served_keeps_its_rows(synced: Syncs) -> None:
    synced.sim.space.archive_project("APP")
    synced.sim.switch(archived_issues_listed=False)
    before = synced.rows("issues")
    for first, last in (("", "9"), ("2026-03", "2026-03")):
        run = synced.issues(first=first, last=last)
        assert failures(run) == []
        assert synced.rows("issues") == before


def test_months_can_be_loaded_in_any_order_and_end_as_one_load_of_all(syncs: Syncs) -> None:
    months = CALENDAR.months()
    for month in reversed(months[:7]):
        assert syncs.issues(first=month, last=month).success
    assert syncs.stored_issues() == syncs.source_issues()
    assert syncs.issues("OPS", first=months[-1], last=months[-1]).success
    assert syncs.stored_issues() == syncs.source_issues()
