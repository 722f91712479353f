"""`raw/issues` when something is wrong: what was loaded stays recorded, bad records are put aside,
nothing is lost.
"""

from collections.abc import Callable
from typing import Any

from simulator import Fault, RequestInfo
from tests.syncs import Syncs, failures

ESTIMATE_OF_NO_NUMBER = {"estimatedHours": "abc"}


def fail_for(syncs: Syncs, project: str, fault: Fault) -> None:
    """Let every read of the issues of a project meet a fault."""
    project_id = str(syncs.sim.space.project(project).id)

    def arm(request: RequestInfo) -> None:
        if request.route == "/issues" and request.param("projectId[]") == project_id:
            syncs.sim.faults.add(fault)

    syncs.sim.before_request(arm)


def spoil(syncs: Syncs, issue: int, **fields: Any) -> Callable[[], None]:
    """Let the source send wrong fields of an issue, until the function that is returned is
    called.
    """
    healed: list[bool] = []

    def rewrite(request: RequestInfo, body: Any) -> Any:
        if request.route == "/issues" and not healed:
            return [record | fields if record["id"] == issue else record for record in body]
        return body

    syncs.sim.rewrite_response(rewrite)
    return lambda: healed.append(True)


def in_quarantine(syncs: Syncs) -> list[int]:
    """Return the ids of the issues that could not be loaded and are not settled: what the check
    `no_rejected_records` looks for.
    """
    found = syncs.query(
        "SELECT record_key FROM ops.rejected_records WHERE reason = 'rejected' AND "
        "resolved_at IS NULL ORDER BY id"
    )
    return [int(row["record_key"]) for row in found]


def test_a_failure_in_the_third_project_leaves_the_first_two_recorded(syncs: Syncs) -> None:
    fail_for(syncs, "APP", Fault(status=403, path="/issues"))
    run = syncs.issues()
    [line] = failures(run)
    assert line.startswith("issues: APP: GET /issues: 403, code 5")
    assert {key.split("|")[0] for key in run.partitions()} == {"OPS", "WEB"}
    assert syncs.stored_issues() == syncs.source_issues("OPS", "WEB")
    history = syncs.query(
        "SELECT project_key, status FROM ops.sync_history WHERE sync_type = 'issues' ORDER BY id"
    )
    assert [(row["project_key"], row["status"]) for row in history] == [
        ("OPS", "completed"),
        ("WEB", "completed"),
        ("APP", "failed"),
    ]


def test_a_source_that_goes_away_keeps_the_first_project_and_ends_the_run(syncs: Syncs) -> None:
    fail_for(syncs, "WEB", Fault(status=500, path="/issues", times=None))
    run = syncs.issues()
    [line] = failures(run)
    assert line.startswith("issues: GET /issues: 500")
    assert {key.split("|")[0] for key in run.partitions()} == {"OPS"}
    assert syncs.stored_issues() == syncs.source_issues("OPS")


def test_a_project_that_the_source_cannot_serve_holds_up_no_other(syncs: Syncs) -> None:
    fail_for(syncs, "WEB", Fault(status=500, path="/issues"))
    run = syncs.issues()
    [line] = failures(run)
    assert line.startswith("issues: WEB: GET /issues: 500")
    assert {key.split("|")[0] for key in run.partitions()} == {"OPS", "APP"}
    assert syncs.stored_issues() == syncs.source_issues("OPS", "APP")


def test_a_number_for_the_bar_that_the_source_refuses_fails_no_load(syncs: Syncs) -> None:
    syncs.sim.faults.add(Fault(status=414, path="/issues/count", times=1))
    run = syncs.issues()
    assert failures(run) == []
    assert syncs.stored_issues() == syncs.source_issues()


def test_a_key_that_is_revoked_in_the_second_project_ends_the_run(syncs: Syncs) -> None:
    fail_for(syncs, "WEB", Fault(status=401, path="/issues"))
    [line] = failures(syncs.issues())
    assert line.startswith("issues: GET /issues: 401, code 11")
    assert "check BACKLOG_API_KEY" in line
    assert syncs.stored_issues() == syncs.source_issues("OPS")


def test_a_page_that_fails_half_way_deletes_nothing_and_the_next_run_completes_it(
    synced: Syncs,
) -> None:
    before = synced.stored_issues()
    fail_for(synced, "OPS", Fault("truncate", path="/issues"))
    run = synced.issues("OPS")
    assert not run.success
    assert synced.stored_issues() == before
    assert not synced.rows("issues", deleted=True)


def test_a_project_that_nobody_can_see_is_named_and_the_others_load(syncs: Syncs) -> None:
    run = syncs.issues("OPS", "GONE", "WEB", "APP")
    [line] = failures(run)
    assert line == "issues: GONE: no visible project has or had this key: deleted, or access lost?"
    assert syncs.stored_issues() == syncs.source_issues()
    assert {key.split("|")[0] for key in run.partitions()} == {"OPS", "WEB", "APP"}


def test_a_project_that_was_deleted_keeps_its_rows(synced: Syncs) -> None:
    before = synced.rows("issues")
    synced.sim.space.delete_project("APP")
    assert not synced.issues("APP").success
    assert synced.issues("OPS", "WEB", mode="incremental").success
    assert synced.rows("issues") == before


def test_a_record_that_cannot_be_typed_is_put_aside_and_the_rest_loads(syncs: Syncs) -> None:
    bad = next(iter(syncs.source_issues("OPS")))
    spoil(syncs, bad, **ESTIMATE_OF_NO_NUMBER)
    run = syncs.issues()
    assert failures(run) == []
    assert set(syncs.stored_issues()) == set(syncs.source_issues()) - {bad}
    assert run.counts()["rejected"] == 1
    assert sum(said.counts.rejected for said in run.partitions().values()) == 1
    assert in_quarantine(syncs) == [bad]
    [entry] = syncs.query(
        "SELECT record_key, reason, payload, error, resolved_at FROM ops.rejected_records"
    )
    assert (entry["record_key"], entry["reason"], entry["resolved_at"]) == (
        str(bad),
        "rejected",
        None,
    )
    assert '"estimatedHours":"abc"' in entry["payload"]
    [history] = syncs.query("SELECT items_failed FROM ops.sync_history WHERE project_key = 'OPS'")
    assert history["items_failed"] == 1


def test_a_record_in_quarantine_is_read_again_and_acknowledged_when_it_is_good(
    syncs: Syncs,
) -> None:
    bad = next(iter(syncs.source_issues("OPS")))
    heal = spoil(syncs, bad, **ESTIMATE_OF_NO_NUMBER)
    syncs.issues()
    assert syncs.issues(mode="incremental").success
    assert in_quarantine(syncs) == [bad]
    heal()
    assert syncs.issues(mode="incremental").success
    assert syncs.stored_issues() == syncs.source_issues()
    assert in_quarantine(syncs) == []
    [entry] = syncs.query("SELECT resolved_at FROM ops.rejected_records")
    assert entry["resolved_at"] is not None


def test_a_record_in_quarantine_that_the_source_no_longer_has_is_acknowledged(syncs: Syncs) -> None:
    bad = next(iter(syncs.source_issues("OPS")))
    spoil(syncs, bad, **ESTIMATE_OF_NO_NUMBER)
    syncs.issues()
    syncs.sim.space.delete_issue(bad)
    assert syncs.issues(mode="incremental").success
    assert in_quarantine(syncs) == []


def test_an_issue_without_its_project_belongs_to_the_one_that_was_read_alone(synced: Syncs) -> None:
    space = synced.sim.space
    alone, together = space.create_issue("OPS").id, space.create_issue("WEB").id
    for issue in (alone, together):
        spoil(synced, issue, id=None, projectId=None)
    found = "SELECT project_id FROM ops.rejected_records ORDER BY id"
    assert synced.issues("OPS").success
    assert [row["project_id"] for row in synced.query(found)] == [space.project("OPS").id]
    assert synced.issues("WEB", "APP", mode="incremental").success
    assert [row["project_id"] for row in synced.query(found)] == [space.project("OPS").id, None]


def test_a_bad_version_of_a_known_record_leaves_the_good_one_in_place(synced: Syncs) -> None:
    bad = next(iter(synced.source_issues("OPS")))
    before = synced.row("issues", bad)
    synced.sim.space.edit_issue(bad, summary="直した")
    spoil(synced, bad, **ESTIMATE_OF_NO_NUMBER)
    assert synced.issues(mode="incremental").counts() == {"read": 1, "rejected": 1}
    assert synced.row("issues", bad) == before
    synced.issues("OPS")
    assert synced.row("issues", bad)["deleted_at"] is None
