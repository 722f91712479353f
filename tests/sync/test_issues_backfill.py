"""`raw/issues`, backfill: every shape of run reads its window whole, and finds what has vanished from it."""

from datetime import UTC, datetime

from assets.location import SETTINGS
from assets.partitions import month_keys, month_of, partition_key
from pipelines.jobs import issues_config
from simulator import RequestInfo, SpaceSpec
from tests.deployment import Deploy, Deployment, checks, counts, failures, observed, recorded

REREAD = "partition re-read; confirmed by GET /issues?id[]"


def in_months(deployment: Deployment, project: str, *months: str) -> dict[int, int]:
    """Return id -> time of change of the source's issues in some partitions of a project."""
    return {
        identifier: moment
        for identifier, moment in deployment.source_issues(project).items()
        if month_of(datetime.fromtimestamp(moment, UTC)) in months
    }


def an_issue(deployment: Deployment, project: str, month: str) -> int:
    return next(iter(in_months(deployment, project, month)))


def test_the_first_load_equals_the_source_and_the_second_changes_nothing(deployment: Deployment) -> None:
    deployment.run("users")
    deployment.run("projects")
    first, second = deployment.run_issues(), deployment.run_issues()
    assert failures(first) == failures(second) == []
    everything = deployment.source_issues()
    assert deployment.stored_issues() == everything
    assert counts(observed(first)) == {"read": len(everything), "inserted": len(everything)}
    assert counts(observed(second)) == {"read": len(everything), "unchanged": len(everything)}
    assert set(checks(first).values()) == {True}
    assert {row["run_id"] for row in deployment.rows("issues")} == {first.run_id}


def test_one_partition_holds_the_issues_of_its_project_and_month(deployment: Deployment) -> None:
    run = deployment.run("issues", partition_key="WEB|2026-03")
    assert deployment.stored_issues() == in_months(deployment, "WEB", "2026-03")
    [(key, said)] = recorded(run).items()
    assert key == "WEB|2026-03"
    assert said["dagster/partition_row_count"] == said["load/rows_inserted"] == len(deployment.rows("issues"))
    assert said["load/window_start"] == datetime(2026, 3, 1, tzinfo=SETTINGS.zone).timestamp()
    assert said["load/window_end"] == datetime(2026, 4, 1, tzinfo=SETTINGS.zone).timestamp()
    rows = said["load/completeness_proof"].pop("rows")  # those that the widened days hold
    assert rows >= said["load/rows_read"]
    assert said["load/completeness_proof"] == {"how": "one page", "passes": 1, "pages": 1, "count": None, "retries": 0}


def test_the_first_partition_holds_everything_older_too(deployment: Deployment) -> None:
    run = deployment.run("issues", partition_key="OPS|2026-01")
    assert deployment.stored_issues() == in_months(deployment, "OPS", "2026-01")
    older = deployment.query("SELECT count(*) AS n FROM raw.issues WHERE updated_at < '2025-12-31'")
    assert older[0]["n"] > 0
    assert recorded(run)["OPS|2026-01"]["dagster/partition_row_count"] == len(deployment.rows("issues"))


def test_a_range_of_months_records_each_month_with_its_own_rows(deployment: Deployment) -> None:
    run = deployment.run_issues("WEB", first="2026-02", last="2026-04")
    assert deployment.stored_issues() == in_months(deployment, "WEB", "2026-02", "2026-03", "2026-04")
    inserted = {key: said["load/rows_inserted"] for key, said in recorded(run).items()}
    assert inserted == {f"WEB|{month}": len(in_months(deployment, "WEB", month)) for month in ("2026-02", "2026-03", "2026-04")}


def test_a_range_of_projects_records_the_month_of_each(deployment: Deployment) -> None:
    run = deployment.run_issues("OPS", "WEB", first="2026-03", last="2026-03")
    assert deployment.stored_issues() == in_months(deployment, "OPS", "2026-03") | in_months(deployment, "WEB", "2026-03")
    assert set(recorded(run)) == {"OPS|2026-03", "WEB|2026-03"}


def test_a_rectangle_records_every_cell_once(deployment: Deployment) -> None:
    run = deployment.run_issues("WEB", "APP", first="2026-04", last="2026-06")
    months = ("2026-04", "2026-05", "2026-06")
    assert set(recorded(run)) == {partition_key(project, month) for project in ("WEB", "APP") for month in months}
    assert deployment.stored_issues() == in_months(deployment, "WEB", *months) | in_months(deployment, "APP", *months)


def test_a_backfill_from_a_jobs_page_loads_its_whole_range(deployment: Deployment) -> None:
    first = {"dagster/partition/project": "OPS", "dagster/partition/updated_month": "2026-03"}
    run = deployment.run_issues("OPS", "WEB", first="2026-03", last="2026-05", tags=first)
    assert len(recorded(run)) == 6
    months = ("2026-03", "2026-04", "2026-05")
    assert deployment.stored_issues() == in_months(deployment, "OPS", *months) | in_months(deployment, "WEB", *months)


def test_an_empty_window_is_a_partition_with_no_rows(deployment: Deployment) -> None:
    deployment.sim.space.add_project("EMPTY", "空")
    deployment.discover()
    run = deployment.run_issues("EMPTY", first="2026-03", last="2026-04")
    assert run.success
    assert {key: counts(said) for key, said in recorded(run).items()} == {"EMPTY|2026-03": {}, "EMPTY|2026-04": {}}
    assert deployment.rows("issues") == []


def test_the_numbers_of_the_partitions_add_up_to_those_of_the_run(loaded: Deployment) -> None:
    space = loaded.sim.space
    space.delete_issue(an_issue(loaded, "OPS", "2026-03"))
    space.edit_issue(an_issue(loaded, "WEB", "2026-04"), summary="直した")
    space.move_issue(an_issue(loaded, "OPS", "2026-05"), "APP")
    space.create_issue("APP")
    run = loaded.run_issues()
    assert failures(run) == []
    sums: dict[str, int] = {}
    for said in recorded(run).values():
        for name, count in counts(said).items():
            sums[name] = sums.get(name, 0) + count
    assert sums == counts(observed(run))
    assert (sums["inserted"], sums["updated"], sums["deleted"]) == (1, 2, 1)
    assert sum(said["dagster/partition_row_count"] for said in recorded(run).values()) == len(space.issues)
    assert observed(run)["dagster/row_count"] == len(space.issues)


def test_a_deleted_issue_is_marked_after_a_read_that_confirms_it(loaded: Deployment) -> None:
    space = loaded.sim.space
    gone = {an_issue(loaded, "OPS", month) for month in ("2026-02", "2026-03", "2026-06")}
    for identifier in gone:
        space.delete_issue(identifier)
    loaded.sim.requests.clear()
    run = loaded.run_issues("OPS")
    assert loaded.deletions("issues") == {(identifier, "deleted", REREAD) for identifier in gone}
    confirming = [asked(request) for request in loaded.sim.requests.recent() if asked(request)]
    assert confirming == [gone]
    deleted = {key: said["load/rows_deleted"] for key, said in recorded(run).items() if said["load/rows_deleted"]}
    assert deleted == {"OPS|2026-02": 1, "OPS|2026-03": 1, "OPS|2026-06": 1}
    assert loaded.stored_issues() == loaded.source_issues()
    assert "deleted" not in counts(observed(loaded.run_issues("OPS")))


def asked(request: RequestInfo) -> set[int]:
    """Return the ids that a request asks for by id."""
    return {int(value) for name, value in request.params if name == "id[]"}


def test_an_issue_that_moved_to_another_month_is_not_deleted(loaded: Deployment) -> None:
    moved = an_issue(loaded, "OPS", "2026-03")
    loaded.sim.space.edit_issue(moved, summary="直した")
    run = loaded.run_issues("OPS", first="2026-03", last="2026-03")
    assert loaded.row("issues", moved)["deleted_at"] is None
    assert loaded.row("issues", moved)["summary"] == "直した"
    said = recorded(run)["OPS|2026-03"]
    assert counts(said)["updated"] == 1
    assert said["dagster/partition_row_count"] == len(in_months(loaded, "OPS", "2026-03"))  # it counts where it is now
    assert not loaded.rows("issues", deleted=True)


def test_an_issue_that_moved_to_another_project_is_not_deleted(loaded: Deployment) -> None:
    space = loaded.sim.space
    moved = an_issue(loaded, "OPS", "2026-03")
    space.move_issue(moved, "APP")
    assert loaded.run_issues("OPS").success
    row = loaded.row("issues", moved)
    assert (row["deleted_at"], row["project_id"]) == (None, space.project("APP").id)
    assert row["issue_key"].startswith("APP-")


def test_an_issue_that_comes_back_is_no_longer_deleted(loaded: Deployment) -> None:
    loaded.change("UPDATE raw.issues SET deleted_at = now(), deleted_reason = 'by mistake'")
    run = loaded.run_issues()
    assert counts(observed(run))["updated"] == len(loaded.source_issues())
    assert loaded.stored_issues() == loaded.source_issues()


def test_what_moves_only_in_nested_copies_changes_no_issue(loaded: Deployment) -> None:
    space = loaded.sim.space
    before = loaded.rows("issues")
    for user in space.users:
        space.log_in(user)
    space.rename_user(list(space.users)[1], "改名")
    for project in space.projects.values():
        space.rename_category(project.id, next(iter(project.categories)), "改名")
        space.rename_version(project.id, next(iter(project.versions)), "改名")
        space.rename_status(project.id, 1, "改名")
        space.rename_issue_type(project.id, next(iter(project.issue_types)), "改名")
    run = loaded.run_issues()
    assert counts(observed(run)) == {"read": len(before), "unchanged": len(before)}
    assert loaded.rows("issues") == before


def test_a_change_that_moves_no_time_is_seen_by_a_backfill(loaded: Deployment) -> None:
    starred = an_issue(loaded, "WEB", "2026-04")
    loaded.sim.space.star(starred)
    assert counts(observed(loaded.run_issues("WEB")))["updated"] == 1
    assert len(loaded.row("issues", starred)["payload"]["stars"]) >= 1


def test_a_renamed_project_is_still_loaded_by_its_old_key_and_its_history_stays(loaded: Deployment) -> None:
    loaded.sim.space.rename_project("WEB", key="SITE")
    assert loaded.run("projects").success
    old = loaded.run("issues", partition_key="WEB|2026-04")
    assert failures(old) == []
    assert recorded(old)["WEB|2026-04"]["dagster/partition_row_count"] == len(in_months(loaded, "SITE", "2026-04"))
    loaded.discover()
    assert set(loaded.partitions) == {"OPS", "WEB", "APP", "SITE"}
    assert failures(loaded.run_issues("SITE")) == []
    keys = {row["issue_key"].split("-")[0] for row in loaded.rows("issues")}
    assert keys == {"OPS", "SITE", "APP"}
    assert not loaded.rows("issues", deleted=True)


def test_an_archived_project_is_loaded_like_any_other(deploy: Deploy) -> None:
    deployment = deploy(SpaceSpec(seed=3, users=6, projects=4, issues=60, history_days=240)).load()
    [archived] = [project for project in deployment.sim.space.projects.values() if project.archived]
    assert archived.issues
    assert deployment.stored_issues() == deployment.source_issues()


def test_an_archived_project_whose_issues_are_not_served_keeps_its_rows_and_fails_nothing(loaded: Deployment) -> None:
    loaded.sim.space.archive_project("APP")
    loaded.sim.switch(archived_issues_listed=False)
    before = loaded.rows("issues")
    run = loaded.run_issues("OPS", "WEB")
    assert run.success
    assert loaded.rows("issues") == before


def test_the_table_of_a_range_says_what_the_run_did_in_the_history(loaded: Deployment) -> None:
    history = loaded.query(
        "SELECT mode, project_key, status, items_synced, requests FROM ops.sync_history WHERE sync_type = 'issues' ORDER BY id"
    )
    assert [(row["mode"], row["project_key"], row["status"]) for row in history] == [
        ("backfill", project, "completed") for project in ("OPS", "WEB", "APP")
    ]
    assert sum(row["items_synced"] for row in history) == len(loaded.source_issues())
    assert all(row["requests"] for row in history)


def test_months_can_be_loaded_in_any_order_and_end_as_one_load_of_all(deployment: Deployment) -> None:
    for month in reversed(month_keys()[:7]):
        assert deployment.run_issues(first=month, last=month).success
    assert deployment.stored_issues() == deployment.source_issues()
    deployment.run("issues", partition_key=partition_key("OPS", month_keys()[-1]), config=issues_config("backfill"))
    assert deployment.stored_issues() == deployment.source_issues()
