"""`raw/issues`, incremental: what changed since the watermark, in one pass over all projects, never less."""

from datetime import UTC, datetime, timedelta

import pytest

from assets.partitions import month_keys, partition_key
from resources.warehouse.schema import SPECS
from simulator import Fault, RequestInfo
from tests.deployment import Deployment, checks, counts, failures, observed, recorded


def watermarks(deployment: Deployment) -> dict[str, datetime]:
    """Return project key -> watermark."""
    rows = deployment.query(
        "SELECT project_key, watermark FROM ops.sync_state JOIN raw.projects ON project_id = id WHERE scope = 'issues'"
    )
    return {row["project_key"]: row["watermark"] for row in rows}


def test_a_quiet_source_changes_nothing_and_records_the_current_month_of_each_project(loaded: Deployment) -> None:
    before = loaded.rows("issues")
    run = loaded.run_issues(mode="incremental", first=month_keys()[-1])
    assert run.success
    assert counts(observed(run)) == {}
    assert loaded.rows("issues") == before
    assert set(recorded(run)) == {partition_key(project, month_keys()[-1]) for project in ("OPS", "WEB", "APP")}


def test_edits_creations_and_bulk_edits_are_loaded_and_nothing_else_is_touched(loaded: Deployment) -> None:
    space = loaded.sim.space
    ids = sorted(space.project("OPS").issues)
    space.edit_issue(ids[0], summary="直した")
    space.bulk_edit(ids[1:6], priority_id=2)
    created = [space.create_issue(project).id for project in ("WEB", "APP", "APP")]
    changed = {*ids[:6], *created}
    run = loaded.run_issues(mode="incremental", first=month_keys()[-1])
    assert loaded.stored_issues() == loaded.source_issues()
    assert counts(observed(run)) == {"read": 9, "inserted": 3, "updated": 6}
    assert {row["id"] for row in loaded.rows("issues") if row["run_id"] == run.run_id} == changed
    said = recorded(run)
    assert counts(said[partition_key("OPS", month_keys()[-1])]) == {"read": 6, "updated": 6}
    assert counts(said[partition_key("APP", month_keys()[-1])]) == {"read": 2, "inserted": 2}
    assert 0 <= said[partition_key("APP", month_keys()[-1])]["load/lag_seconds"] < 120
    assert set(checks(run).values()) == {True}
    assert "updated" not in counts(observed(loaded.run_issues(mode="incremental", first=month_keys()[-1])))


def test_the_watermark_is_the_sources_clock_at_the_start_of_the_read(loaded: Deployment) -> None:
    moments = watermarks(loaded)
    assert set(moments) == {"OPS", "WEB", "APP"}
    ahead = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    loaded.sim.clock.freeze(ahead)  # the source's clock runs three days ahead of ours
    loaded.run_issues(mode="incremental")
    assert set(watermarks(loaded).values()) == {ahead}


def test_a_change_made_while_the_load_reads_is_found_by_the_next_one(loaded: Deployment) -> None:
    space = loaded.sim.space
    late = min(space.project("OPS").issues)
    once = iter([True])

    def work(request: RequestInfo) -> None:
        if request.route == "/issues" and next(once, False):
            space.create_issue("WEB")
            space.edit_issue(late, summary="直した")

    loaded.sim.before_request(work)
    loaded.run_issues(mode="incremental")
    space.edit_issue(late, summary="もう一度")
    loaded.run_issues(mode="incremental")
    assert loaded.stored_issues() == loaded.source_issues()
    assert loaded.row("issues", late)["summary"] == "もう一度"


def test_a_new_project_is_read_whole_beside_the_others(loaded: Deployment) -> None:
    space = loaded.sim.space
    space.add_project("NEW", "新規")
    space.create_issue("NEW", at=datetime(2026, 3, 5, tzinfo=UTC))
    space.create_issue("NEW")
    loaded.discover()
    run = loaded.run_issues(mode="incremental")
    assert failures(run) == []
    assert loaded.stored_issues() == loaded.source_issues()
    whole = {key for key in recorded(run) if key.startswith("NEW|")}
    assert whole == {partition_key("NEW", month) for month in month_keys()}
    assert "NEW" in {row["project_key"] for row in loaded.query("SELECT project_key FROM ops.sync_history WHERE mode = 'backfill'")}


def test_a_project_that_was_not_asked_for_is_not_read(loaded: Deployment) -> None:
    space = loaded.sim.space
    made = space.create_issue("WEB").id
    loaded.run_issues("OPS", mode="incremental", first=month_keys()[-1])
    assert made not in loaded.stored_issues()
    loaded.run_issues("WEB", mode="incremental", first=month_keys()[-1])
    assert made in loaded.stored_issues()


def test_a_renamed_project_goes_on_under_its_new_key(loaded: Deployment) -> None:
    space = loaded.sim.space
    space.rename_project("WEB", key="SITE")
    made = space.create_issue("SITE").id
    loaded.discover()
    run = loaded.run_issues(mode="incremental", first=month_keys()[-1])
    assert failures(run) == []
    assert made in loaded.stored_issues()
    assert partition_key("SITE", month_keys()[-1]) in recorded(run)


def test_the_watermark_does_not_move_when_the_read_fails_and_the_next_load_finds_the_change(loaded: Deployment) -> None:
    before = watermarks(loaded)
    made = loaded.sim.space.create_issue("APP").id
    loaded.sim.faults.add(Fault(status=400, path="/issues", times=None))
    run = loaded.run_issues(mode="incremental")
    assert not run.success
    assert watermarks(loaded) == before
    errors = loaded.query("SELECT last_error FROM ops.sync_state WHERE scope = 'issues'")
    assert all("GET /issues: 400" in row["last_error"] for row in errors)
    loaded.sim.faults.clear()
    assert loaded.run_issues(mode="incremental").success
    assert made in loaded.stored_issues()
    assert {row["last_error"] for row in loaded.query("SELECT last_error FROM ops.sync_state WHERE scope = 'issues'")} == {None}


def test_a_source_that_is_down_moves_no_watermark_and_says_so_in_one_line(loaded: Deployment) -> None:
    before = watermarks(loaded)
    loaded.sim.faults.add(Fault(status=503, path="/issues", times=None))
    [line] = failures(loaded.run_issues(mode="incremental"))
    assert line.startswith("issues: GET /issues: 503")
    assert "\n" not in line
    assert watermarks(loaded) == before
    [history] = loaded.query("SELECT status, error FROM ops.sync_history WHERE mode = 'incremental' AND sync_type = 'issues'")
    assert (history["status"], "503" in history["error"]) == ("failed", True)


def test_one_project_that_refuses_does_not_hold_back_the_others(loaded: Deployment) -> None:
    space = loaded.sim.space
    refusing = space.project("WEB").id
    made = {key: space.create_issue(key).id for key in ("OPS", "WEB", "APP")}
    before = watermarks(loaded)

    def refuse(request: RequestInfo) -> None:
        if request.route == "/issues" and ("projectId[]", str(refusing)) in request.params:
            loaded.sim.faults.add(Fault(status=403, path="/issues"))

    loaded.sim.before_request(refuse)
    run = loaded.run_issues(mode="incremental")
    [line] = failures(run)
    assert line.startswith("issues: WEB: GET /issues: 403")
    assert made["OPS"] in loaded.stored_issues()
    assert made["APP"] in loaded.stored_issues()
    assert made["WEB"] not in loaded.stored_issues()
    after = watermarks(loaded)
    assert after["WEB"] == before["WEB"]
    assert {key.split("|")[0] for key in recorded(run)} == {"OPS", "APP"}
    warnings = loaded.log(run, "WARNING")
    assert any("3 projects in one pass" in text for text in warnings)


@pytest.mark.parametrize(("changed", "passes"), [(20, 1), (21, 2)])
def test_a_project_that_is_behind_makes_no_other_read_more_again_than_one_request_brings(
    loaded: Deployment, changed: int, passes: int
) -> None:
    space, clock = loaded.sim.space, loaded.sim.clock
    clock.freeze(datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5))
    space.bulk_edit(sorted(space.project("OPS").issues)[:changed], priority_id=2)
    late = space.create_issue("WEB").id
    clock.advance(3600)
    assert loaded.run_issues("OPS", mode="incremental").success
    clock.advance(3600)
    loaded.sim.requests.clear()
    run = loaded.run_issues(mode="incremental")
    asked = [request.params for request in loaded.sim.requests.recent() if request.route == "/issues"]
    assert len({tuple(value for name, value in params if name == "projectId[]") for params in asked}) == passes
    again = {"unchanged": changed} if passes == 1 else {}
    assert counts(observed(run)) == {"read": 1 + sum(again.values()), "inserted": 1, **again}
    assert late in loaded.stored_issues()
    assert len(set(watermarks(loaded).values())) == 1


def test_an_issue_changed_in_the_second_of_the_watermark_is_not_lost(loaded: Deployment) -> None:
    space = loaded.sim.space
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
    loaded.sim.clock.freeze(moment)
    loaded.run_issues(mode="incremental")
    made = space.create_issue("OPS", at=moment).id
    loaded.run_issues(mode="incremental")
    assert made in loaded.stored_issues()


def test_an_older_version_never_overwrites_a_newer_one(loaded: Deployment) -> None:
    edited = min(loaded.sim.space.project("OPS").issues)
    table = SPECS["issues"].table.fullname
    loaded.change(
        f"UPDATE {table} SET summary = 'newer', content_hash = 'x', updated_at = now() + interval '1 hour' WHERE id = {edited}"
    )
    loaded.sim.space.edit_issue(edited, summary="older")
    loaded.run_issues(mode="incremental")


def test_the_lock_of_a_killed_load_is_free_and_its_history_is_closed(loaded: Deployment) -> None:
    loaded.change(
        "INSERT INTO ops.sync_history (space_key, sync_type, mode, status, run_id)"
        " VALUES ('acme', 'issues', 'incremental', 'in_progress', 'dead')"
    )
    loaded.run_issues(mode="incremental")
    [row] = loaded.query("SELECT status, error FROM ops.sync_history WHERE run_id = 'dead'")
    assert row["status"] == "failed"
    assert "killed" in row["error"]


def test_a_project_that_got_another_key_is_read_again_so_that_the_keys_of_its_issues_are_right(loaded: Deployment) -> None:
    loaded.sim.space.rename_project("OPS", key="RUN")
    assert loaded.discover().run_issues(mode="incremental", first=month_keys()[-1]).success
    assert {row["issue_key"].split("-")[0] for row in loaded.rows("issues")} == {"RUN", "WEB", "APP"}
    loaded.sim.requests.clear()
    assert loaded.run_issues(mode="incremental", first=month_keys()[-1]).success
    assert loaded.sim.requests.count(route="/issues") == 1
