"""State between runs: watermarks, freshness, keys of renamed projects, and one sync of a kind at a time."""

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from resources.warehouse.connect import engine
from resources.warehouse.errors import WarehouseBusyError
from resources.warehouse.loader import merge
from resources.warehouse.schema import SPECS
from resources.warehouse.state import (
    get_watermarks,
    project_id_for_key,
    project_states,
    record_failure,
    record_project_keys,
    record_success,
    set_watermark,
    sync_lock,
)

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)

HOLD = """
import sys
from resources.warehouse.connect import engine
from resources.warehouse.state import sync_lock
with sync_lock(engine(sys.argv[1]), "acme", "issues"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_watermark_only_moves_forward(warehouse: Engine) -> None:
    with warehouse.begin() as conn:
        assert get_watermarks(conn, "acme", "issues") == {}
        set_watermark(conn, "acme", "issues", 300, NOON)
        set_watermark(conn, "acme", "issues", 300, NOON - timedelta(hours=1))
        set_watermark(conn, "acme", "issues", 301, NOON + timedelta(hours=1))
        set_watermark(conn, "acme", "comments", 300, NOON + timedelta(days=1))
        set_watermark(conn, "other", "issues", 300, NOON + timedelta(days=1))
        assert get_watermarks(conn, "acme", "issues") == {300: NOON, 301: NOON + timedelta(hours=1)}


def test_rows_and_their_watermark_commit_together_or_not_at_all(warehouse: Engine, rows: Any, issue: Any) -> None:
    def killed_before_commit() -> None:
        with warehouse.begin() as conn:
            merge(conn, SPECS["issues"], [issue(1)], space_key="acme", timezone="UTC", run_id="run")
            set_watermark(conn, "acme", "issues", 300, NOON)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed_before_commit()
    assert rows("issues") == []
    with warehouse.begin() as conn:
        assert get_watermarks(conn, "acme", "issues") == {}


def test_a_failure_keeps_the_last_success_and_a_success_clears_the_error(warehouse: Engine) -> None:
    with warehouse.begin() as conn:
        record_success(conn, "acme", "issues", [300, 301, 300])
        first = project_states(conn, "acme", "issues")
        record_failure(conn, "acme", "issues", [300], "GET /issues: 500")
        record_success(conn, "acme", "issues", [])
        second = project_states(conn, "acme", "issues")
        record_success(conn, "acme", "issues", [300])
        third = project_states(conn, "acme", "issues")
    assert second[301] == first[301]
    assert second[300].last_success_at == first[300].last_success_at
    assert second[300].last_error == "GET /issues: 500"
    last = [states[300].last_attempt_at for states in (first, second, third)]
    assert None not in last
    assert last == sorted(last, key=str)
    assert third[300].last_error is None
    assert third[300].last_success_at == third[300].last_attempt_at


def test_a_recorded_outcome_leaves_the_watermark_alone(warehouse: Engine) -> None:
    with warehouse.begin() as conn:
        record_failure(conn, "acme", "issues", [300], "down")
        assert get_watermarks(conn, "acme", "issues") == {}
        set_watermark(conn, "acme", "issues", 300, NOON)
        record_success(conn, "acme", "issues", [300])
        assert get_watermarks(conn, "acme", "issues") == {300: NOON}


def test_a_renamed_project_is_found_by_either_key_until_another_takes_it(warehouse: Engine) -> None:
    for keys in ({"OPS": 300, "DEV": 301}, {"RUN": 300, "DEV": 301}):
        with warehouse.begin() as conn:
            record_project_keys(conn, "acme", keys)
    with warehouse.begin() as conn:
        assert [project_id_for_key(conn, "acme", key) for key in ("OPS", "RUN", "DEV", "NEW")] == [300, 300, 301, None]
        assert project_id_for_key(conn, "other", "OPS") is None
        record_project_keys(conn, "acme", {"OPS": 302})
        record_project_keys(conn, "acme", {})
        assert project_id_for_key(conn, "acme", "OPS") == 302


def test_one_holder_of_a_lock_and_no_one_hinders_another_name(warehouse: Engine, warehouse_url: str) -> None:
    other = engine(warehouse_url)
    with sync_lock(warehouse, "acme", "issues"):
        with pytest.raises(WarehouseBusyError, match="sync of issues is running on acme"), sync_lock(other, "acme", "issues"):
            pass
        with sync_lock(other, "acme", "users"), sync_lock(other, "beta", "issues"):
            pass
    with sync_lock(other, "acme", "issues"):
        pass
    other.dispose()


def test_a_lock_is_released_by_an_error_and_by_the_death_of_its_holder(warehouse: Engine, warehouse_url: str) -> None:
    with pytest.raises(ZeroDivisionError), sync_lock(warehouse, "acme", "issues"):
        _ = 1 / 0
    holder = subprocess.Popen([sys.executable, "-c", HOLD, warehouse_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    started = time.monotonic()
    with pytest.raises(WarehouseBusyError), sync_lock(warehouse, "acme", "issues", wait_seconds=0.3):
        pass
    assert time.monotonic() - started >= 0.3
    holder.kill()
    holder.communicate()
    with sync_lock(warehouse, "acme", "issues", wait_seconds=10):
        pass


def test_a_lock_leaves_no_transaction_open_and_no_connection_behind(warehouse: Engine) -> None:
    with sync_lock(warehouse, "acme", "issues"), warehouse.connect() as conn:
        idle = text("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'")
        assert conn.execute(idle).scalar_one() == 0
    with warehouse.connect() as conn:
        held = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
                    "(SELECT oid FROM pg_database WHERE datname = current_database())")  # fmt: skip
        assert conn.execute(held).scalar_one() == 0


def test_a_lock_whose_connection_is_lost_does_not_hide_how_the_block_ended(warehouse: Engine) -> None:
    kill = text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted "
                "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")  # fmt: skip

    def lose_it_and_fail() -> None:
        with sync_lock(warehouse, "acme", "issues"), warehouse.connect() as conn:
            conn.execute(kill)
            raise ValueError("the block's own failure")

    with sync_lock(warehouse, "acme", "issues"), warehouse.connect() as conn:
        assert conn.execute(kill).scalar_one()
    with pytest.raises(ValueError, match="own failure"):
        lose_it_and_fail()
