"""What the space says of itself: read once a day, kept in versions, and lost by no refusal."""

from typing import Any

import pytest

from simulator import Fault, SpaceSpec
from simulator.masters import MEMBER
from tests.syncs import DAILY, StartSyncs, Syncs, failures

ROUTES = {"licence": "/space/licence", "disk_usage": "/space/diskUsage"}
ALWAYS: dict[str, Any] = {"times": None}


def a_day_passes(syncs: Syncs) -> None:
    """Let all syncs have been a day ago."""
    syncs.change("UPDATE ops.sync_history SET started_at = started_at - interval '1 day'")


def test_licence_and_disk_usage_are_those_of_the_space(syncs: Syncs) -> None:
    assert failures(syncs.listing(*DAILY)) == []
    with syncs.client() as client:
        licence, usage = client.record("/space/licence"), client.record("/space/diskUsage")
    [row] = syncs.rows("licence")
    names = ("version", "payload", "active", "user_limit", "storage_limit")
    assert [row[name] for name in names] == [1, licence, True, 0, licence["storageLimit"]]
    assert row["ends_at"].isoformat() == licence["limitDate"].replace("Z", "+00:00")
    [row] = syncs.rows("disk_usage")
    assert (row["payload"], row["details"]) == (usage, usage["details"])
    assert {name: row[f"{name}_bytes"] for name in ("capacity", "issue", "file", "git")} == {
        name: usage[name] for name in ("capacity", "issue", "file", "git")
    }


def test_each_is_read_once_a_day_for_one_request(syncs: Syncs) -> None:
    for day in (1, 2):
        for _ in range(2):
            loaded = syncs.listing(*DAILY)
            assert failures(loaded) == []
        assert loaded.notes["not_read"] == "it is read once a day, and was today"
        assert [syncs.sim.requests.count(route=ROUTES[table]) for table in DAILY] == [day, day]
        a_day_passes(syncs)


def test_a_changed_licence_is_a_new_version_and_the_old_one_stays(syncs: Syncs) -> None:
    syncs.listing("licence")
    [first] = syncs.rows("licence")
    a_day_passes(syncs)
    assert syncs.listing("licence").counts("licence") == {"read": 1, "unchanged": 1}
    assert syncs.rows("licence") == [first]
    for limit in (5, 0):
        a_day_passes(syncs)
        syncs.sim.space.change_licence(userLimit=limit)
        assert syncs.listing("licence").counts("licence") == {"read": 1, "inserted": 1}
    rows = sorted(syncs.rows("licence"), key=lambda row: int(row["version"]))
    assert rows[0] == first
    assert [(row["version"], row["user_limit"]) for row in rows] == [(1, 0), (2, 5), (3, 0)]


def test_disk_usage_is_one_row_that_follows_the_space(syncs: Syncs) -> None:
    syncs.listing("disk_usage")
    a_day_passes(syncs)
    syncs.sim.space.change_licence(storageLimit=2**50)
    assert syncs.listing("disk_usage").counts("disk_usage") == {"read": 1, "updated": 1}
    assert [row["capacity_bytes"] for row in syncs.rows("disk_usage")] == [2**50]


def test_the_kinds_of_an_old_space_are_known_too(start_syncs: StartSyncs) -> None:
    syncs = start_syncs(SpaceSpec(seed=3, users=8, projects=1, issues=0))
    syncs.sim.switch(usage_kinds="old")
    assert failures(syncs.listing("disk_usage")) == []
    assert [row["git_lfs_bytes"] for row in syncs.rows("disk_usage")] == [None]
    assert syncs.query("SELECT * FROM ops.unexpected_fields") == []


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("table", DAILY)
def test_a_space_that_refuses_it_is_said_once_and_loses_nothing(
    syncs: Syncs, table: str, status: int
) -> None:
    syncs.listing(table)
    before = syncs.rows(table)
    assert len(before) == 1
    a_day_passes(syncs)
    syncs.sim.faults.add(Fault(status=status, path=ROUTES[table], **ALWAYS))
    loaded = syncs.listing(table)
    assert failures(loaded) == []
    said = f"GET {ROUTES[table]}: {status}"
    assert [line.startswith(said) for line in loaded.log("WARNING")] == [True]
    assert loaded.notes["not_read"].startswith(said)
    assert syncs.rows(table) == before
    assert syncs.listing(table).log("WARNING") == []
    statuses = syncs.query("SELECT DISTINCT status, error FROM ops.sync_history")
    assert statuses == [{"status": "completed", "error": None}]


def test_an_ordinary_key_reads_the_licence_and_not_the_disk_usage(syncs: Syncs) -> None:
    users = syncs.sim.space.users.values()
    ordinary = syncs.as_user(next(user.id for user in users if user.role == MEMBER))
    assert failures(ordinary.listing(*DAILY)) == []
    assert len(syncs.rows("licence")) == 1
    assert syncs.rows("disk_usage") == []


@pytest.mark.parametrize("table", DAILY)
def test_any_other_error_fails_the_load_and_leaves_the_row(syncs: Syncs, table: str) -> None:
    syncs.listing(table)
    before = syncs.rows(table)
    a_day_passes(syncs)
    syncs.sim.faults.add(Fault("html", 200, path=ROUTES[table], **ALWAYS))
    [line] = failures(syncs.listing(table))
    assert line.startswith(f"{table}: GET {ROUTES[table]}: 200, but the body is not JSON")
    assert syncs.rows(table) == before
    syncs.sim.faults.clear()
    assert syncs.listing(table).counts(table)["read"] == 1
