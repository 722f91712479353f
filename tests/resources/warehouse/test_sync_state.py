"""State between runs: watermarks, freshness, keys of renamed projects."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from resources.problems.causes import Failure
from resources.warehouse.state.sync_state import (
    Checkpoint,
    clear_checkpoints,
    get_checkpoints,
    get_watermarks,
    oldest_watermark,
    project_id_for_key,
    project_states,
    record_project_failures,
    record_project_keys,
    record_success,
    set_checkpoint,
    set_watermark,
)

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)


def test_a_watermark_only_moves_forward(warehouse: Engine) -> None:
    with warehouse.begin() as conn:
        assert get_watermarks(conn, "acme", "issues") == {}
        set_watermark(conn, "acme", "issues", 300, NOON)
        set_watermark(conn, "acme", "issues", 300, NOON - timedelta(hours=1))
        set_watermark(conn, "acme", "issues", 301, NOON + timedelta(hours=1))
        set_watermark(conn, "acme", "comments", 300, NOON + timedelta(days=1))
        set_watermark(conn, "other", "issues", 300, NOON + timedelta(days=1))
        record_success(conn, "acme", "issues", [300])
        assert get_watermarks(conn, "acme", "issues") == {300: NOON, 301: NOON + timedelta(hours=1)}


def test_the_oldest_watermark_is_that_of_the_accessible_projects_of_the_keys(
    warehouse: Engine,
) -> None:
    def oldest(*keys: str) -> datetime | None:
        with warehouse.connect() as conn:
            return oldest_watermark(conn, "issues", keys)

    def listed(space: str, keys: dict[str, int]) -> None:
        with warehouse.begin() as conn:
            record_project_keys(conn, space, keys)

    listed("acme", {"WEB": 300, "OLD": 301, "LOST": 302})
    with warehouse.begin() as conn:
        for project, hours in ((300, 3), (301, 2)):
            set_watermark(conn, "acme", "issues", project, NOON + timedelta(hours=hours))
        set_watermark(conn, "acme", "comments", 300, NOON)
    assert oldest("WEB", "OLD") == NOON + timedelta(hours=2)
    assert oldest("WEB", "OLD", "LOST") is None, "one was never read"
    assert oldest("WEB", "NEW") is None, "one was never listed"
    assert oldest() is None
    listed("acme", {"WEB": 300, "RENAMED": 301})
    assert oldest("WEB", "OLD", "RENAMED", "LOST") == NOON + timedelta(hours=2), (
        "an inaccessible one, or another key, does not count"
    )
    listed("other", {"WEB": 900})
    assert oldest("WEB", "RENAMED") is None, "which of two spaces is meant is not known"


FAILURE = Failure("unavailable", "GET /issues: 500")


def test_a_failure_keeps_the_last_success_and_a_success_clears_the_error(warehouse: Engine) -> None:
    with warehouse.begin() as conn:
        record_success(conn, "acme", "issues", [300, 301, 300])
        first = project_states(conn, "acme", "issues")
        record_project_failures(conn, "acme", "issues", [300], FAILURE)
        assert get_watermarks(conn, "acme", "issues") == {}, "an outcome moves no watermark"
        record_success(conn, "acme", "issues", [])
        second = project_states(conn, "acme", "issues")
        record_success(conn, "acme", "issues", [300])
        third = project_states(conn, "acme", "issues")
    assert second[301] == first[301]
    assert (second[300].last_success_at, second[300].last_error) == (
        first[300].last_success_at,
        "GET /issues: 500",
    )
    last = [states[300].last_attempt_at for states in (first, second, third)]
    assert None not in last
    assert last == sorted(last, key=str)
    assert (second[300].last_cause, third[300].last_cause) == ("unavailable", None)
    assert third[300].last_error is None
    assert third[300].last_success_at == third[300].last_attempt_at


def test_a_renamed_project_is_found_by_either_key_until_another_takes_it(warehouse: Engine) -> None:
    for keys in ({"OPS": 300, "DEV": 301}, {"RUN": 300, "DEV": 301}):
        with warehouse.begin() as conn:
            record_project_keys(conn, "acme", keys)
    with warehouse.begin() as conn:
        assert [project_id_for_key(conn, "acme", key) for key in ("OPS", "RUN", "DEV", "NEW")] == [
            300,
            300,
            301,
            None,
        ]
        assert project_id_for_key(conn, "other", "OPS") is None
        record_project_keys(conn, "acme", {"OPS": 302})
        record_project_keys(conn, "acme", {})
        assert project_id_for_key(conn, "acme", "OPS") == 302


def test_a_checkpoint_is_of_one_space_one_scope_and_one_order(warehouse: Engine) -> None:
    at = datetime(2026, 7, 1, tzinfo=UTC)
    with warehouse.begin() as conn:
        for place, (space, scope, sort) in enumerate(
            [
                ("acme", "issues", "created"),
                ("acme", "other", "created"),
                ("else", "issues", "created"),
                ("acme", "issues", "updated"),
            ]
        ):
            set_checkpoint(conn, space, scope, [place + 1], Checkpoint(sort, {"place": place}, at))
        assert get_checkpoints(conn, "acme", "issues", "created") == {
            1: Checkpoint("created", {"place": 0}, at)
        }
        clear_checkpoints(conn, "acme", "issues", [1, 2, 3, 4])
        assert get_checkpoints(conn, "acme", "issues", "created") == {}
        assert get_checkpoints(conn, "acme", "other", "created").keys() == {2}
