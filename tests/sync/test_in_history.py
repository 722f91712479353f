"""What a load leaves in `ops.sync_history`: which projects it covers, and a row also where it fails
before its first one.
"""

from sqlalchemy import RowMapping

from resources.warehouse.state.known_spaces import space_or_url
from simulator import Fault
from tests.syncs import Loaded, Syncs, load

REFUSED = Fault(status=401, times=None)


def entries(syncs: Syncs, run: Loaded) -> list[RowMapping]:
    return syncs.query(f"SELECT * FROM ops.sync_history WHERE run_id = '{run.run_id}' ORDER BY id")


def rows(syncs: Syncs, run: Loaded) -> list[tuple[object, ...]]:
    return [
        (row["sync_type"], row["mode"], row["status"], row["project_key"], row["projects"])
        for row in entries(syncs, run)
    ]


def test_a_sync_says_which_projects_it_covers(synced: Syncs) -> None:
    for asked, key, covered in (
        (["OPS"], "OPS", ["OPS"]),
        (["OPS", "WEB"], None, ["OPS", "WEB"]),
        ([], None, None),
    ):
        assert rows(synced, synced.run(*asked, mode="incremental")) == [
            # The feed is that of the whole space, whatever is asked for.
            ("activities", "incremental", "completed", None, None),
            *((name, "incremental", "completed", key, covered) for name in ("issues", "comments")),
        ]


def test_a_load_that_the_source_refuses_at_once_is_in_the_history_with_its_cause(
    synced: Syncs,
) -> None:
    synced.sim.faults.add(REFUSED)
    by_hand, feed = synced.listing("projects"), synced.run("OPS", mode="incremental")
    one, two = synced.issues("OPS", mode="incremental"), synced.issues("OPS", "WEB")
    synced.sim.faults.clear()
    assert [row for run in (by_hand, feed, one, two) for row in rows(synced, run)] == [
        ("projects", "full", "failed", None, None),
        ("activities", "incremental", "failed", None, None),
        ("issues", "incremental", "failed", "OPS", ["OPS"]),
        ("issues", "backfill", "failed", None, ["OPS", "WEB"]),
    ]
    [row] = entries(synced, by_hand)
    assert row["error"].startswith("GET /space: 401")
    assert (row["requests"], row["ended_at"] >= row["started_at"]) == (1, True)


def test_a_load_that_fails_in_the_middle_is_in_the_history_once(synced: Syncs) -> None:
    synced.sim.faults.add(Fault(status=401, path="/projects/[^/]+/categories", times=None))
    synced.sim.faults.add(Fault(status=403, path="/projects/[^/]+/versions", times=None))
    broken_off, in_parts = synced.listing("categories"), synced.listing("versions")
    for run, name in ((broken_off, "categories"), (in_parts, "versions")):
        assert rows(synced, run) == [(name, "full", "failed", None, None)]
    [first], [second] = entries(synced, broken_off), entries(synced, in_parts)
    assert first["error"].startswith("GET /projects/OPS/categories: 401")
    assert [
        second["error"].count(f"{key}: GET /projects/{key}/versions: 403")
        for key in ("OPS", "WEB", "APP")
    ] == [1, 1, 1]
    assert (broken_off.broken_off, in_parts.broken_off) == (True, False)


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
    synced.space.rename_project("WEB", key="SITE")
    assert synced.listing("projects").success
    renamed = ("issues", "incremental", "completed", "SITE", ["SITE"])
    assert renamed in rows(synced, load(synced))
