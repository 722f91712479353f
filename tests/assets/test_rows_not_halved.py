"""The check `rows_not_halved`: the last read of a whole table, next to those before it."""

import pytest

from assets.checks.table_verdicts import READS_BEFORE
from assets.checks.tables import TABLE_CHECKS, check_result
from tests.deployment import Deployment, checks

[CHECK] = [check for check in TABLE_CHECKS if check.name == "rows_not_halved"]


def read(
    deployment: Deployment,
    *rows: int,
    table: str = "users",
    space: str = "acme",
    status: str = "completed",
    mode: str = "full",
) -> None:
    """Write down reads that found so many rows, one after the other."""
    deployment.change(
        "INSERT INTO ops.sync_history"
        " (space_key, sync_type, mode, status, items_synced, run_id, started_at, ended_at)"
        f" SELECT '{space}', '{table}', '{mode}', '{status}', rows, 'r', clock_timestamp(), now()"
        f" FROM unnest(ARRAY{list(rows)}) WITH ORDINALITY AS read (rows, number) ORDER BY number"
    )


def holds(deployment: Deployment, table: str = "users") -> bool:
    return check_result(deployment.engine, CHECK, table, "acme").passed


@pytest.mark.parametrize(
    ("before", "last", "is_green"),
    [(21, 11, True), (21, 10, False), (20, 10, True), (20, 9, False), (19, 0, True), (9, 90, True)],
)
def test_a_half_is_enough(loaded: Deployment, before: int, last: int, is_green: bool) -> None:
    loaded.change("DELETE FROM ops.sync_history WHERE sync_type = 'users'")
    read(loaded, before)
    assert holds(loaded), "there is none before it"
    read(loaded, last)
    assert holds(loaded) is is_green


def test_it_stays_red_until_the_rows_are_back_or_thirty_reads_long(loaded: Deployment) -> None:
    read(loaded, 100, 40, 40)
    assert not holds(loaded)
    read(loaded, 50)
    assert holds(loaded)
    read(loaded, *[40] * (READS_BEFORE - 3))
    assert not holds(loaded)
    read(loaded, 40)
    assert holds(loaded)


def test_reads_of_others_and_those_that_failed_do_not_count(loaded: Deployment) -> None:
    read(loaded, 100, 1, space="other")
    read(loaded, 100, 1, status="failed")
    read(loaded, 100, 1, mode="incremental")
    read(loaded, 100, 1, table="teams")
    assert holds(loaded)
    assert not holds(loaded, "teams")


def test_a_load_evaluates_it_for_each_table_that_it_reads(loaded: Deployment) -> None:
    read(loaded, 200, table="statuses")
    run = loaded.run("projects")
    assert run.success
    assert not checks(run, "statuses")["rows_not_halved"]
    assert checks(run, "versions")["rows_not_halved"]
