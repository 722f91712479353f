"""`raw/issues` when something is wrong: what was loaded stays recorded, bad records are put aside, nothing is lost."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pytest

from assets.partitions import RANGE_END_TAG, RANGE_START_TAG
from resources.progress import LogProgress
from resources.warehouse.locks import Locks
from simulator import Fault, RequestInfo
from tests.deployment import Deployment, checks, counts, failures, observed, recorded

ESTIMATE_OF_NO_NUMBER = {"estimatedHours": "abc"}


def fail_for(deployment: Deployment, project: str, fault: Fault) -> None:
    """Let every read of the issues of a project meet a fault."""
    requested = str(deployment.sim.space.project(project).id)

    def arm(request: RequestInfo) -> None:
        if request.route == "/issues" and request.param("projectId[]") == requested:
            deployment.sim.faults.add(fault)

    deployment.sim.before_request(arm)


def spoil(deployment: Deployment, issue: int, **fields: Any) -> Callable[[], None]:
    """Let the source send wrong fields of an issue, until the function that is returned is called."""
    healed: list[bool] = []

    def rewrite(request: RequestInfo, body: Any) -> Any:
        if request.route == "/issues" and not healed:
            return [record | fields if record["id"] == issue else record for record in body]
        return body

    deployment.sim.rewrite_response(rewrite)
    return lambda: healed.append(True)


def test_a_failure_in_the_third_project_leaves_the_first_two_recorded(deployment: Deployment) -> None:
    fail_for(deployment, "APP", Fault(status=403, path="/issues"))
    run = deployment.run_issues()
    [line] = failures(run)
    assert line.startswith("issues: APP: GET /issues: 403, code 5")
    assert {key.split("|")[0] for key in recorded(run)} == {"OPS", "WEB"}
    assert deployment.stored_issues() == deployment.source_issues("OPS", "WEB")
    history = deployment.query("SELECT project_key, status FROM ops.sync_history WHERE sync_type = 'issues' ORDER BY id")
    assert [(row["project_key"], row["status"]) for row in history] == [
        ("OPS", "completed"),
        ("WEB", "completed"),
        ("APP", "failed"),
    ]


def test_a_failure_in_the_first_project_does_not_keep_the_others_from_loading(deployment: Deployment) -> None:
    fail_for(deployment, "OPS", Fault(status=403, path="/issues"))
    run = deployment.run_issues()
    assert len(failures(run)) == 1
    assert {key.split("|")[0] for key in recorded(run)} == {"WEB", "APP"}
    assert observed(run)["load/failures"] == 1
    assert deployment.stored_issues() == deployment.source_issues("WEB", "APP")


def test_a_source_that_goes_away_in_the_second_project_keeps_the_first_and_ends_the_run(deployment: Deployment) -> None:
    fail_for(deployment, "WEB", Fault(status=500, path="/issues"))
    run = deployment.run_issues()
    [line] = failures(run)
    assert line.startswith("issues: GET /issues: 500")
    assert {key.split("|")[0] for key in recorded(run)} == {"OPS"}
    assert deployment.stored_issues() == deployment.source_issues("OPS")


def test_a_key_that_is_revoked_in_the_second_project_ends_the_run(deployment: Deployment) -> None:
    fail_for(deployment, "WEB", Fault(status=401, path="/issues"))
    [line] = failures(deployment.run_issues())
    assert line.startswith("issues: GET /issues: 401, code 11")
    assert "check BACKLOG_API_KEY" in line
    assert deployment.stored_issues() == deployment.source_issues("OPS")


def test_a_page_that_fails_half_way_deletes_nothing_and_the_next_run_completes_it(loaded: Deployment) -> None:
    before = loaded.stored_issues()
    fail_for(loaded, "OPS", Fault("truncate", path="/issues"))
    run = loaded.run_issues("OPS")
    assert not run.success
    assert loaded.stored_issues() == before
    assert not loaded.rows("issues", deleted=True)


def test_a_project_that_nobody_can_see_is_named_and_the_others_load(deployment: Deployment) -> None:
    deployment.instance.add_dynamic_partitions("backlog_projects", ["GONE"])
    run = deployment.run_issues()
    [line] = failures(run)
    assert line == "issues: GONE: no visible project has or had this key: deleted, or access lost?"
    assert deployment.stored_issues() == deployment.source_issues()
    assert {key.split("|")[0] for key in recorded(run)} == {"OPS", "WEB", "APP"}


@pytest.mark.parametrize(("covered", "first"), [(("TYPO",), "TYPO"), (("OPS", "TYPO"), "OPS")])
def test_a_backfill_of_a_key_that_is_no_project_refuses_it_before_it_does_anything(
    loaded: Deployment, covered: tuple[str, ...], first: str
) -> None:
    loaded.instance.add_dynamic_partitions("backlog_projects", ["TYPO"])
    loaded.sim.requests.clear()
    tags = {RANGE_START_TAG: f"{first}|2026-05", RANGE_END_TAG: "TYPO|2026-05"}
    run = loaded.by_hand("issues", "comments", "issue_changes", tags=tags)
    [line] = failures(run)
    assert line.startswith("issues: no project has or had the key TYPO: nothing was loaded. Choose the partitions of projects only")
    assert recorded(run) == {}
    assert loaded.sim.requests.by_route() == {"/projects": 1}


def test_a_run_of_changes_leaves_out_a_key_that_is_no_project(loaded: Deployment) -> None:
    loaded.instance.add_dynamic_partitions("backlog_projects", ["TYPO"])
    loaded.sim.space.add_project("NEW", "新規")
    loaded.discover()
    assert not loaded.run_issues("TYPO", mode="incremental").success
    run = loaded.run_issues(mode="incremental")
    assert run.success, failures(run)
    assert {key.split("|")[0] for key in recorded(run)} == {"OPS", "WEB", "APP", "NEW"}


def test_a_project_that_was_deleted_keeps_its_rows(loaded: Deployment) -> None:
    before = loaded.rows("issues")
    loaded.sim.space.delete_project("APP")
    assert not loaded.run_issues("APP").success
    assert loaded.run_issues("OPS", "WEB", mode="incremental").success
    assert loaded.rows("issues") == before


def test_a_record_that_cannot_be_typed_is_put_aside_and_the_rest_loads_with_a_red_check(deployment: Deployment) -> None:
    bad = next(iter(deployment.source_issues("OPS")))
    spoil(deployment, bad, **ESTIMATE_OF_NO_NUMBER)
    run = deployment.run_issues()
    assert failures(run) == []
    assert set(deployment.stored_issues()) == set(deployment.source_issues()) - {bad}
    assert counts(observed(run))["rejected"] == 1
    assert sum(said["load/rows_rejected"] for said in recorded(run).values()) == 1
    assert checks(run)["no_rejected_records"] is False
    [entry] = deployment.query("SELECT record_key, reason, payload, error, resolved_at FROM ops.rejected_records")
    assert (entry["record_key"], entry["reason"], entry["resolved_at"]) == (str(bad), "rejected", None)
    assert '"estimatedHours":"abc"' in entry["payload"]
    [history] = deployment.query("SELECT items_failed FROM ops.sync_history WHERE project_key = 'OPS'")
    assert history["items_failed"] == 1


def test_a_record_in_quarantine_is_read_again_by_the_next_load_and_settled_when_it_is_good(deployment: Deployment) -> None:
    bad = next(iter(deployment.source_issues("OPS")))
    heal = spoil(deployment, bad, **ESTIMATE_OF_NO_NUMBER)
    deployment.run_issues()
    still = deployment.run_issues(mode="incremental")
    assert checks(still)["no_rejected_records"] is False
    heal()
    run = deployment.run_issues(mode="incremental")
    assert deployment.stored_issues() == deployment.source_issues()
    assert checks(run)["no_rejected_records"] is True
    [entry] = deployment.query("SELECT resolved_at FROM ops.rejected_records")
    assert entry["resolved_at"] is not None


def test_a_record_in_quarantine_that_the_source_no_longer_has_is_settled(deployment: Deployment) -> None:
    bad = next(iter(deployment.source_issues("OPS")))
    spoil(deployment, bad, **ESTIMATE_OF_NO_NUMBER)
    deployment.run_issues()
    deployment.sim.space.delete_issue(bad)
    run = deployment.run_issues(mode="incremental")
    assert checks(run)["no_rejected_records"] is True


def test_a_bad_version_of_a_known_record_leaves_the_good_one_in_place(loaded: Deployment) -> None:
    bad = next(iter(loaded.source_issues("OPS")))
    before = loaded.row("issues", bad)
    loaded.sim.space.edit_issue(bad, summary="直した")
    spoil(loaded, bad, **ESTIMATE_OF_NO_NUMBER)
    assert counts(observed(loaded.run_issues(mode="incremental"))) == {"read": 1, "rejected": 1}
    assert loaded.row("issues", bad) == before
    loaded.run_issues("OPS")
    assert loaded.row("issues", bad)["deleted_at"] is None


def test_an_issue_whose_time_of_change_cannot_be_read_is_put_aside_until_it_can(deployment: Deployment) -> None:
    bad = next(iter(deployment.source_issues("OPS")))
    heal = spoil(deployment, bad, updated="some day")
    run = deployment.run_issues()
    assert failures(run) == []
    assert set(deployment.stored_issues()) == set(deployment.source_issues()) - {bad}
    assert checks(run)["no_rejected_records"] is False
    heal()
    assert deployment.run_issues(mode="incremental").success
    assert deployment.stored_issues() == deployment.source_issues()


def test_a_field_that_no_column_knows_is_warned_of_once_and_kept(deployment: Deployment) -> None:
    known = next(iter(deployment.source_issues("OPS")))
    spoil(deployment, known, mood={"name": "上機嫌"})
    first, second = deployment.run_issues(), deployment.run_issues()
    assert [line for line in deployment.log(first, "WARNING") if "'mood'" in line]
    assert not [line for line in deployment.log(second, "WARNING") if "'mood'" in line]
    assert first.success
    assert checks(first)["no_unexpected_fields"] is False
    assert deployment.row("issues", known)["payload"]["mood"] == {"name": "上機嫌"}


def test_characters_that_the_database_cannot_hold_are_replaced_and_the_row_is_loaded(deployment: Deployment) -> None:
    odd = next(iter(deployment.source_issues("OPS")))
    spoil(deployment, odd, summary="a\x00b\ud800c")
    run = deployment.run_issues()
    assert deployment.row("issues", odd)["summary"] == "a\ufffdb\ufffdc"
    assert checks(run)["no_rejected_records"] is True
    [entry] = deployment.query("SELECT reason FROM ops.rejected_records")
    assert entry["reason"] == "characters_replaced"


class Watcher(LogProgress):
    """Notes what a load tells, and lets a lock go when the load waits for it."""

    def __init__(self) -> None:
        super().__init__(write=lambda _line: None)
        self.waits: list[str] = []
        self.rows: dict[str, Mapping[str, int]] = {}
        self.requests: Counter[str] = Counter()
        self.advanced: Counter[str] = Counter()
        self.waiting = threading.Event()

    def advance(self, what: str, rows: int) -> None:
        self.advanced[what] += rows

    def wait(self, reason: str, seconds: float, until: datetime) -> None:
        self.waits.append(reason)
        self.waiting.set()

    def done(self, what: str, rows: Mapping[str, int], requests: Mapping[str, int]) -> None:
        self.rows[what] = rows
        self.requests.update(requests)


def test_a_load_waits_for_another_load_of_its_project_to_end(deployment: Deployment) -> None:
    watcher = Watcher()
    held = threading.Event()
    project = deployment.sim.space.project("OPS").id

    def hold() -> None:
        with Locks(deployment.engine, "acme") as locks:
            locks.acquire(f"issues/{project}")
            held.set()
            watcher.waiting.wait(30)

    other = threading.Thread(target=hold)
    other.start()
    held.wait(30)
    run = deployment.with_progress(watcher).run_issues()
    other.join()
    assert run.success
    [waited_for] = watcher.waits
    assert re.fullmatch(
        rf"other load of issues of project {project} to end \(process \d+ on \S+, since 20[-0-9 :]+ UTC\)", waited_for
    )


def test_a_load_tells_how_far_it_is_and_what_became_of_its_rows(deployment: Deployment) -> None:
    watcher = Watcher()
    deployment.with_progress(watcher).run_issues()
    source = deployment.sim.space
    said = [comment for issue in source.issues.values() for comment in issue.comments]
    sizes = {"issues": len(source.issues), "comments": len(said), "issue_changes": sum(len(one.changes) for one in said)}
    # Comments are asked for issue by issue, so that is how far they are; the changes come with them.
    assert (watcher.advanced["issues"], watcher.advanced["comments"]) == (sizes["issues"], sizes["issues"])
    assert {table: (watcher.rows[table]["read"], watcher.rows[table]["inserted"]) for table in sizes} == {
        table: (rows, rows) for table, rows in sizes.items()
    }
    made = deployment.sim.requests.by_bucket()
    assert watcher.requests == {**made, "retries": 0, "rate_limited": 0}
