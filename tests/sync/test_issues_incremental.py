"""`raw/issues`, incremental: what changed since the watermark, in one pass over all projects, never
less.
"""

from datetime import UTC, datetime, timedelta

import pytest

from simulator import Fault
from tests.sync.trouble import once, refuse
from tests.syncs import CALENDAR, Syncs, counts, failures, load, watermarks

NOW = CALENDAR.months()[-1]


def test_a_quiet_source_changes_nothing_and_records_the_current_month(synced: Syncs) -> None:
    before = synced.rows("issues")
    run = load(synced, first=NOW)
    assert run.counts() == {}
    assert synced.rows("issues") == before
    assert set(run.partitions()) == {f"{project}|{NOW}" for project in ("OPS", "WEB", "APP")}


def test_edits_creations_and_bulk_edits_are_loaded_and_nothing_else_is_written(
    synced: Syncs,
) -> None:
    ids = sorted(synced.space.project("OPS").issues)
    synced.space.edit_issue(ids[0], summary="直した")
    synced.space.bulk_edit(ids[1:6], priority_id=2)
    created = [synced.space.create_issue(project).id for project in ("WEB", "APP", "APP")]
    changed = {*ids[:6], *created}
    run = synced.run(mode="incremental", first=NOW)
    assert synced.stored_issues() == synced.source_issues()
    assert run.counts() == {"read": 9, "inserted": 3, "updated": 6}
    assert {row["id"] for row in synced.rows("issues") if row["run_id"] == run.run_id} == changed
    said = run.partitions()
    assert counts(said[f"OPS|{NOW}"].counts) == {"read": 6, "updated": 6}
    assert counts(said[f"APP|{NOW}"].counts) == {"read": 2, "inserted": 2}
    [window] = [done.window for done in run.passes if done.table == "issues"]
    assert window is not None
    assert window.newest_change == max(row["updated_at"] for row in synced.rows("issues"))
    compared = synced.compare()
    assert (compared.status, list(compared.errors)) == ("equal", [])


def test_the_watermark_is_the_sources_clock_at_the_start_of_the_read(synced: Syncs) -> None:
    moments = watermarks(synced)
    assert set(moments) == {"OPS", "WEB", "APP"}
    ahead = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    synced.sim.clock.freeze(ahead)  # the source's clock runs three days ahead of ours
    synced.run(mode="incremental")
    assert set(watermarks(synced).values()) == {ahead}


def test_a_change_made_while_the_load_reads_is_found_by_the_next_one(synced: Syncs) -> None:
    late = min(synced.space.project("OPS").issues)

    def work() -> None:
        synced.space.create_issue("WEB")
        synced.space.edit_issue(late, summary="直した")

    once(synced, lambda request: request.route == "/issues", work)
    synced.run(mode="incremental")
    synced.space.edit_issue(late, summary="もう一度")
    synced.run(mode="incremental")
    assert synced.stored_issues() == synced.source_issues()
    assert synced.row("issues", late)["summary"] == "もう一度"


def test_a_new_project_is_read_whole_and_the_others_incrementally(synced: Syncs) -> None:
    synced.space.add_project("NEW", "新規")
    synced.space.create_issue("NEW", at=datetime(2026, 3, 5, tzinfo=UTC))
    synced.space.create_issue("NEW")
    run = load(synced)
    assert synced.stored_issues() == synced.source_issues()
    whole = {key for key in run.partitions() if key.startswith("NEW|")}
    assert whole == {f"NEW|{month}" for month in CALENDAR.months()}
    assert "NEW" in {
        row["project_key"]
        for row in synced.query("SELECT project_key FROM ops.sync_history WHERE mode = 'backfill'")
    }


def test_a_project_that_was_not_asked_for_is_not_read(synced: Syncs) -> None:
    made = synced.space.create_issue("WEB").id
    synced.run("OPS", mode="incremental", first=NOW)
    assert made not in synced.stored_issues()
    synced.run("WEB", mode="incremental", first=NOW)
    assert made in synced.stored_issues()


def test_a_renamed_project_goes_on_under_its_new_key(synced: Syncs) -> None:
    synced.space.rename_project("WEB", key="SITE")
    made = synced.space.create_issue("SITE").id
    run = load(synced, first=NOW)
    assert made in synced.stored_issues()
    assert f"SITE|{NOW}" in run.partitions()
    keys = {row["issue_key"].split("-")[0] for row in synced.rows("issues")}
    assert keys == {"OPS", "SITE", "APP"}, "those that were stored are read again"
    synced.sim.requests.clear()
    assert synced.run(mode="incremental", first=NOW).success
    assert synced.sim.requests.count(route="/issues") == 1


def test_the_watermark_stays_when_a_read_fails_and_the_next_finds_the_change(synced: Syncs) -> None:
    before = watermarks(synced)
    made = synced.space.create_issue("APP").id
    synced.sim.faults.add(Fault(status=400, path="/issues", times=None))
    run = synced.run(mode="incremental")
    assert not run.success
    assert watermarks(synced) == before
    errors = "SELECT last_error FROM ops.sync_state WHERE scope = 'issues'"
    assert all("GET /issues: 400" in row["last_error"] for row in synced.query(errors))
    synced.sim.faults.clear()
    assert synced.run(mode="incremental").success
    assert made in synced.stored_issues()
    assert {row["last_error"] for row in synced.query(errors)} == {None}


@pytest.mark.parametrize("status", [403, 503])
def test_one_project_that_refuses_does_not_hold_back_the_others(synced: Syncs, status: int) -> None:
    made = {key: synced.space.create_issue(key).id for key in ("OPS", "WEB", "APP")}
    before = watermarks(synced)
    refuse(synced, "WEB", Fault(status=status, path="/issues"))
    run = synced.run(mode="incremental")
    [line] = failures(run)
    assert line.startswith(f"issues: WEB: GET /issues: {status}")
    stored = synced.ids("issues")
    assert {key for key, issue in made.items() if issue in stored} == {"OPS", "APP"}
    assert watermarks(synced)["WEB"] == before["WEB"]
    assert {key.split("|")[0] for key in run.partitions()} == {"OPS", "APP"}


@pytest.mark.parametrize(("changed", "passes"), [(20, 1), (21, 2)])
def test_a_project_that_is_behind_makes_no_other_read_much_again(
    synced: Syncs, changed: int, passes: int
) -> None:
    space, clock = synced.sim.space, synced.sim.clock
    clock.freeze(datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5))
    space.bulk_edit(sorted(space.project("OPS").issues)[:changed], priority_id=2)
    late = space.create_issue("WEB").id
    clock.advance(3600)
    assert synced.run("OPS", mode="incremental").success
    clock.advance(3600)
    synced.sim.requests.clear()
    run = synced.run(mode="incremental")
    asked = {
        tuple(value for name, value in request.params if name == "projectId[]")
        for request in synced.sim.requests.recent()
        if request.route == "/issues"
    }
    assert len(asked) == passes
    assert run.counts().get("unchanged", 0) == (changed if passes == 1 else 0)
    assert late in synced.stored_issues()
    assert len(set(watermarks(synced).values())) == 1
