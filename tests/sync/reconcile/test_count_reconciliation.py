"""The quick comparison: one request a project, numbers only, and what explains a number."""

from datetime import UTC, datetime

from pipelines.cli.verify_command import verify_exit_code
from resources.warehouse.state.reconciliations import latest
from simulator import SpaceSpec
from sync.reconcile.count_reconciliation import doubtful_projects
from sync.results.verify_json import compared_project, verify_result
from tests.syncs import StartSyncs, Syncs


def test_a_quiet_space_is_equal_for_one_request_a_project(synced: Syncs) -> None:
    found = synced.compare("count")
    assert found.status == "equal"
    assert synced.sim.requests.by_route() == {"/projects": 1, "/space": 1, "/issues/count": 3}


def doubtful(syncs: Syncs, *keys: str) -> set[str]:
    syncs.sim.requests.clear()
    with syncs.client() as client:
        return doubtful_projects(client, syncs.engine, "acme", keys)


def test_projects_that_were_equal_and_together_still_are_need_no_count_of_their_own(
    synced: Syncs,
) -> None:
    assert doubtful(synced, "OPS", "WEB", "APP") == {"OPS", "WEB", "APP"}, "never compared"
    synced.compare("count")
    assert doubtful(synced, "OPS", "WEB", "APP") == set()
    assert synced.sim.requests.by_route() == {"/projects": 1, "/issues/count": 1}
    assert doubtful(synced, "WEB") == {"WEB"}, "by itself it costs the same"
    synced.sim.space.create_issue("OPS", summary="new")
    assert doubtful(synced, "OPS", "WEB") == {"OPS", "WEB"}
    assert doubtful(synced, "WEB", "APP") == set()


#: Takes an issue of WEB out of the warehouse.
LOST = (
    "DELETE FROM raw.issues WHERE id = (SELECT min(id) FROM raw.issues WHERE issue_key LIKE "
    "'WEB-%')"
)


def test_projects_that_differed_last_or_are_archived_are_counted_by_themselves(
    synced: Syncs,
) -> None:
    synced.change(LOST)
    synced.compare("count")
    assert doubtful(synced, "OPS", "WEB", "APP") == {"WEB"}
    assert doubtful(synced, "OPS", "WEB") == {"OPS", "WEB"}
    synced.sim.space.archive_project("APP")
    assert doubtful(synced, "OPS", "WEB", "APP") == {"OPS", "WEB", "APP"}


def test_what_was_created_and_deleted_since_the_last_load_is_behind(synced: Syncs) -> None:
    space = synced.sim.space
    for _ in range(2):
        space.create_issue("OPS", summary="new")
    space.delete_issue(next(iter(space.project("OPS").issues)))
    found = synced.compare("count")
    ops = compared_project(found.projects[0])
    assert (ops["status"], ops["differences"], ops["behind"]) == ("behind", 0, 3)
    assert ops["source"] == ops["warehouse"] + 1
    assert (found.status, verify_exit_code(found), verify_exit_code(found, strict=True)) == (
        "behind",
        0,
        1,
    )


def test_an_old_issue_that_moved_in_is_behind_also_among_many_newer_ones(
    start_syncs: StartSyncs,
) -> None:
    syncs = start_syncs(SpaceSpec(seed=3, users=3, projects=2, issues=20))
    syncs.sim.space.import_issues("OPS", 120, at=datetime(2026, 6, 1, tzinfo=UTC))
    syncs.load()
    syncs.sim.space.move_issue(min(syncs.sim.space.project("WEB").issues), "OPS")
    ops = syncs.compare("count", projects=["OPS"]).projects[0]
    assert (ops.status, ops.differences, ops.since_load.get("moved here")) == ("behind", 0, 1)


def test_an_issue_that_was_edited_where_it_is_does_not_explain_a_row_too_many(
    synced: Syncs,
) -> None:
    copied, edited = sorted(synced.sim.space.project("OPS").issues)[:2]
    synced.change(
        "INSERT INTO raw.issues SELECT (jsonb_populate_record(i, '{\"id\": 77}')).* FROM "
        f"raw.issues i WHERE id = {copied}"
    )
    synced.sim.space.edit_issue(edited, summary="edited since the load")
    [found] = synced.compare("count", projects=["OPS"]).projects
    assert (found.status, found.differences, found.since_load.get("moved away")) == (
        "different",
        1,
        0,
    )


def kept(syncs: Syncs) -> list[tuple[bool, str, int, int | None]]:
    """Return what is known of each project, in the order of their ids."""
    with syncs.engine.connect() as connection:
        return [
            (one.equal, one.level, one.differences, one.row_differences)
            for _, one in sorted(latest(connection, "acme").items())
        ]


def test_a_lost_row_makes_its_project_different_which_is_kept_until_it_is_repaired(
    synced: Syncs,
) -> None:
    assert synced.compare().status == "equal"
    synced.change(LOST)
    found = synced.compare("count")
    assert [one.status for one in found.projects] == ["equal", "different", "equal"]
    assert (found.status, verify_exit_code(found)) == ("different", 1)
    assert verify_result(found, {}, 0)["tables"]["issues"]["differences"] == 1
    assert kept(synced) == [
        (True, "count", 0, 0),
        (False, "count", 1, 0),
        (True, "count", 0, 0),
    ]
    synced.compare(repair=True)
    assert {one[0] for one in kept(synced)} == {True}


def test_a_comparison_without_comments_does_not_take_back_what_a_whole_one_has_found(
    synced: Syncs,
) -> None:
    synced.change(
        "UPDATE raw.comments SET content = 'x' WHERE id = (SELECT min(id) FROM raw.comments)"
    )
    assert synced.compare().status == "different"
    synced.sim.requests.clear()
    assert synced.compare(comments=False).status == "equal"
    assert "/issues/{issue}/comments" not in synced.sim.requests.by_route()
    assert sorted(one[0] for one in kept(synced)) == [False, True, True]


def test_an_empty_space_is_equal(start_syncs: StartSyncs) -> None:
    syncs = start_syncs(SpaceSpec(seed=3, users=3, projects=1, issues=0)).load()
    assert (syncs.compare("count").status, syncs.compare().status) == ("equal", "equal")


def test_an_archived_project_that_lists_no_issues_is_neither_equal_nor_different(
    synced: Syncs,
) -> None:
    synced.sim.switch(archived_issues_listed=False)
    synced.sim.space.archive_project("APP")
    assert [one.key for one in synced.compare("count").projects] == ["OPS", "WEB"]
    app = compared_project(synced.compare().projects[2])
    assert (app["source"], app["note"]) == (0, "it is archived and lists no issues")
    assert not any(one.table in {"issues", "comments"} for one in synced.compare().differences)
