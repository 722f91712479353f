"""`raw/issues` when something is wrong: what was loaded stays recorded, bad records are put aside,
nothing is lost.
"""

import pytest

from simulator import Fault
from tests.sync.trouble import ESTIMATE_OF_NO_NUMBER, refuse, spoil
from tests.syncs import Syncs, failures


def in_quarantine(syncs: Syncs) -> list[int]:
    """Return the ids of the issues that could not be loaded and are not settled: what the check
    `no_rejected_records` looks for.
    """
    found = syncs.query(
        "SELECT record_key FROM ops.rejected_records WHERE reason = 'rejected' AND "
        "resolved_at IS NULL ORDER BY id"
    )
    return [int(row["record_key"]) for row in found]


ALL = ("OPS", "WEB", "APP")


@pytest.mark.parametrize(
    ("project", "fault", "said", "loaded"),
    [
        ("APP", Fault(status=403, path="/issues"), "APP: GET /issues: 403, code 5", "OPS WEB"),
        ("WEB", Fault(status=500, path="/issues"), "WEB: GET /issues: 500", "OPS APP"),
        ("WEB", Fault(status=500, path="/issues", times=None), "GET /issues: 500", "OPS"),
        ("WEB", Fault(status=401, path="/issues"), "GET /issues: 401, code 11", "OPS"),
    ],
    ids=["refused", "not served", "the source goes away", "the key is revoked"],
)
def test_a_project_fails_by_itself_unless_no_other_can_be_read_either(
    syncs: Syncs, project: str, fault: Fault, said: str, loaded: str
) -> None:
    refuse(syncs, project, fault)
    run = syncs.issues()
    [line] = failures(run)
    assert line.startswith(f"issues: {said}")
    assert {key.split("|")[0] for key in run.partitions()} == {*loaded.split()}
    assert syncs.stored_issues() == syncs.source_issues(*loaded.split())
    history = syncs.query(
        "SELECT project_key, status FROM ops.sync_history WHERE sync_type = 'issues' ORDER BY id"
    )
    tried = ALL if len(loaded.split()) > 1 else ("OPS", "WEB")
    assert [tuple(row.values()) for row in history] == [
        (key, "failed" if key == project else "completed") for key in tried
    ]


def test_a_number_for_the_bar_that_the_source_refuses_fails_no_load(syncs: Syncs) -> None:
    syncs.sim.faults.add(Fault(status=414, path="/issues/count", times=1))
    run = syncs.issues()
    assert failures(run) == []
    assert syncs.stored_issues() == syncs.source_issues()


def test_a_page_that_fails_half_way_deletes_nothing(
    synced: Syncs,
) -> None:
    before = synced.stored_issues()
    refuse(synced, "OPS", Fault("truncate", path="/issues"))
    assert not synced.issues("OPS").success
    assert synced.stored_issues() == before
    assert not synced.rows("issues", deleted=True)


def test_a_project_that_nobody_sees_is_named_and_keeps_its_rows_and_the_others_load(
    synced: Syncs,
) -> None:
    before, made = synced.stored_issues(), synced.space.create_issue("APP")
    synced.space.delete_project("WEB")
    run = synced.issues(*ALL)
    [line] = failures(run)
    assert line.startswith("issues: WEB: no visible project")
    assert synced.stored_issues() == before | {made.id: made.updated}
    assert {key.split("|")[0] for key in run.partitions()} == {"OPS", "APP"}


@pytest.mark.parametrize("deleted", [False, True])
def test_a_record_that_cannot_be_typed_is_put_aside_until_it_is_good_or_gone(
    syncs: Syncs, deleted: bool
) -> None:
    bad = next(iter(syncs.source_issues("OPS")))
    heal = spoil(syncs, {bad: ESTIMATE_OF_NO_NUMBER})
    run = syncs.issues()
    assert failures(run) == []
    assert set(syncs.stored_issues()) == set(syncs.source_issues()) - {bad}
    assert run.counts()["rejected"] == 1
    assert sum(said.counts.rejected for said in run.partitions().values()) == 1
    [history] = syncs.query("SELECT items_failed FROM ops.sync_history WHERE project_key = 'OPS'")
    assert history["items_failed"] == 1
    assert syncs.issues(mode="incremental").success
    assert in_quarantine(syncs) == [bad]
    if deleted:
        syncs.space.delete_issue(bad)
    else:
        heal()
    assert syncs.issues(mode="incremental").success
    assert syncs.stored_issues() == syncs.source_issues()
    assert in_quarantine(syncs) == []


def test_an_issue_without_its_project_belongs_to_the_one_that_was_read_alone(synced: Syncs) -> None:
    alone, together = synced.space.create_issue("OPS").id, synced.space.create_issue("WEB").id
    spoil(synced, {one: {"id": None, "projectId": None} for one in (alone, together)})
    found = "SELECT project_id FROM ops.rejected_records ORDER BY id"
    assert synced.issues("OPS").success
    assert [row["project_id"] for row in synced.query(found)] == [synced.space.project("OPS").id]
    assert synced.issues("WEB", "APP", mode="incremental").success
    assert [row["project_id"] for row in synced.query(found)] == [
        synced.space.project("OPS").id,
        None,
    ]


def test_a_bad_version_of_a_known_record_leaves_the_good_one_in_place(synced: Syncs) -> None:
    bad = next(iter(synced.source_issues("OPS")))
    before = synced.row("issues", bad)
    synced.space.edit_issue(bad, summary="直した")
    spoil(synced, {bad: ESTIMATE_OF_NO_NUMBER})
    assert synced.issues(mode="incremental").counts() == {"read": 1, "rejected": 1}
    assert synced.row("issues", bad) == before
    synced.issues("OPS")
    assert synced.row("issues", bad)["deleted_at"] is None
