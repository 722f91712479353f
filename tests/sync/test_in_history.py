"""What a load leaves in `ops.sync_history`: which projects it covers, and a row also where it fails
before its first one.
"""

from resources.warehouse.state.known_spaces import space_or_url
from simulator import Fault
from tests.syncs import Loaded, Syncs

REFUSED = Fault(status=401, times=None)


def rows(syncs: Syncs, run: Loaded) -> list[tuple[object, ...]]:
    found = syncs.query(f"SELECT * FROM ops.sync_history WHERE run_id = '{run.run_id}' ORDER BY id")
    return [
        (row["sync_type"], row["mode"], row["status"], row["project_key"], row["projects"])
        for row in found
    ]


def test_a_sync_says_which_projects_it_covers(synced: Syncs) -> None:
    one, two, every = (
        synced.run(*some, mode="incremental") for some in (["OPS"], ["OPS", "WEB"], [])
    )
    feed = (
        "activities",
        "incremental",
        "completed",
        None,
        None,
    )  # is that of the whole space, whatever is asked for
    assert rows(synced, one) == [
        feed,
        *((name, "incremental", "completed", "OPS", ["OPS"]) for name in ("issues", "comments")),
    ]
    both = ["OPS", "WEB"]
    assert rows(synced, two) == [
        feed,
        *((name, "incremental", "completed", None, both) for name in ("issues", "comments")),
    ]
    assert rows(synced, every) == [
        feed,
        *((name, "incremental", "completed", None, None) for name in ("issues", "comments")),
    ]


def test_a_load_that_the_source_refuses_at_once_is_in_the_history_with_its_cause(
    synced: Syncs,
) -> None:
    synced.sim.faults.add(REFUSED)
    by_hand, feed = synced.listing("projects"), synced.run("OPS", mode="incremental")
    one, two = synced.issues("OPS", mode="incremental"), synced.issues("OPS", "WEB")
    synced.sim.faults.clear()
    assert rows(synced, by_hand) == [("projects", "full", "failed", None, None)]
    assert rows(synced, feed) == [("activities", "incremental", "failed", None, None)]
    assert rows(synced, one) == [("issues", "incremental", "failed", "OPS", ["OPS"])]
    assert rows(synced, two) == [("issues", "backfill", "failed", None, ["OPS", "WEB"])]
    [row] = synced.query(f"SELECT * FROM ops.sync_history WHERE run_id = '{by_hand.run_id}'")
    assert row["error"].startswith("GET /space: 401")
    assert (row["requests"], row["ended_at"] >= row["started_at"]) == (1, True)


def test_a_load_that_fails_in_the_middle_is_in_the_history_once(synced: Syncs) -> None:
    synced.sim.faults.add(Fault(status=401, path="/projects/[^/]+/categories", times=None))
    synced.sim.faults.add(Fault(status=403, path="/projects/[^/]+/versions", times=None))
    broken_off, in_parts = synced.listing("categories"), synced.listing("versions")
    for run, name in ((broken_off, "categories"), (in_parts, "versions")):
        assert rows(synced, run) == [(name, "full", "failed", None, None)]
    [first, second] = (
        synced.query(f"SELECT * FROM ops.sync_history WHERE run_id = '{run.run_id}'")[0]
        for run in (broken_off, in_parts)
    )
    assert first["error"].startswith("GET /projects/OPS/categories: 401")
    assert [
        second["error"].count(f"{key}: GET /projects/{key}/versions: 403")
        for key in ("OPS", "WEB", "APP")
    ] == [1, 1, 1]
    assert (broken_off.broken_off, in_parts.broken_off) == (True, False)


def test_a_load_that_fails_before_its_first_row_gets_one_with_its_requests(synced: Syncs) -> None:
    synced.sim.faults.add(Fault(status=401, path="/projects", times=None))
    run = synced.issues("OPS", "WEB", mode="incremental")
    assert rows(synced, run) == [("issues", "incremental", "failed", None, ["OPS", "WEB"])]
    [row] = synced.query(f"SELECT * FROM ops.sync_history WHERE run_id = '{run.run_id}'")
    assert row["error"].startswith("GET /projects: 401")
    assert row["requests"] == 2  # the space, and the list of projects


def test_what_a_load_has_read_and_refused_is_in_its_row(synced: Syncs) -> None:
    [refused, *others] = synced.sim.space.project("OPS").categories
    synced.sim.rewrite_response(
        lambda request, body: (
            [one | {"displayOrder": "x"} if one["id"] == refused else one for one in body]
            if request.route == "/projects/{project}/categories"
            else body
        )
    )
    before = len(synced.rows("categories"))
    run = synced.listing("categories")
    assert run.tables["categories"].rejected == 1
    [row] = synced.query(f"SELECT * FROM ops.sync_history WHERE run_id = '{run.run_id}'")
    assert (row["status"], row["items_synced"], row["items_failed"], row["requests"]) == (
        "completed",
        before - 1,
        1,
        4,
    )
    assert others


def test_a_first_load_ever_that_fails_is_taken_over_by_the_space_once_it_is_known(
    syncs: Syncs,
) -> None:
    syncs.sim.faults.add(REFUSED)
    failed = syncs.listing("users")
    assert space_or_url(syncs.engine, syncs.sim.url) == syncs.sim.url
    assert {row["space_key"] for row in syncs.query("SELECT * FROM ops.sync_history")} == {
        syncs.sim.url
    }
    syncs.sim.faults.clear()
    assert syncs.listing("users").success
    assert space_or_url(syncs.engine, syncs.sim.url) == "acme"
    assert {row["space_key"] for row in syncs.query("SELECT * FROM ops.sync_history")} == {"acme"}
    assert rows(syncs, failed) == [("users", "full", "failed", None, None)]


def test_issues_of_a_renamed_project_are_in_the_history_under_its_new_key(synced: Syncs) -> None:
    synced.sim.space.rename_project("WEB", key="SITE")
    assert synced.listing("projects").success
    run = synced.run(mode="incremental")
    assert run.success
    assert ("issues", "incremental", "completed", "SITE", ["SITE"]) in rows(synced, run)
