"""Checks of tables: each holds on loaded data, and is red on data that breaks it; and of
`rows_not_halved`, which compares the last read of a whole table with those before it.
"""

import dagster as dg
import pytest

from assets.checks.table_verdicts import READS_BEFORE
from assets.checks.tables import (
    CHECKED_IN_THEIR_RUNS,
    CHECKS,
    TABLE_CHECKS,
    check_result,
    checks_of,
)
from resources.warehouse.raw.schema import SPECS
from tests.deployment import Deployment, checks, shown_rows

BY_NAME = {check.name: check for check in TABLE_CHECKS}


def verdict(deployment: Deployment, name: str, table: str) -> dg.AssetCheckResult:
    return check_result(deployment.engine, BY_NAME[name], table, "acme")


def test_every_check_passes_on_what_was_loaded(loaded: Deployment) -> None:
    broken = [
        (check.name, table)
        for table in SPECS
        for check in checks_of(table)
        if not check_result(loaded.engine, check, table, "acme").passed
    ]
    assert broken == []


BREAKS = {
    "keys_unique": (
        (
            "UPDATE raw.categories SET name = 'same' WHERE project_id = (SELECT "
            "min(id) FROM raw.projects)"
        ),
        "categories",
        dg.AssetCheckSeverity.ERROR,
    ),
    "people_alike": (
        (
            "UPDATE raw.comments SET payload = jsonb_set(payload, '{createdUser,name}', "
            "'\"user-0123456789abcdef0123\"')"
        ),
        "comments",
        dg.AssetCheckSeverity.WARN,
    ),
    "references_resolve": (
        "DELETE FROM raw.priorities WHERE id = 3",
        "issues",
        dg.AssetCheckSeverity.WARN,
    ),
    "no_unexpected_fields": (
        (
            "INSERT INTO ops.unexpected_fields (space_key, table_name, field, example) VALUES "
            "('acme', 'issues', 'mood', '1')"
        ),
        "issues",
        dg.AssetCheckSeverity.WARN,
    ),
    "no_rejected_records": (
        (
            "INSERT INTO ops.rejected_records (space_key, table_name, record_key, "
            "payload, reason, error, run_id)"
            " VALUES ('acme', 'teams', '7', '{}', 'rejected', 'bad', 'r')"
        ),
        "teams",
        dg.AssetCheckSeverity.ERROR,
    ),
    "rows_not_halved": (
        "UPDATE ops.sync_history SET sync_type = 'users', items_synced = 4 ^ (9 - id)",
        "users",
        dg.AssetCheckSeverity.ERROR,
    ),
    "no_gaps": (
        (
            "UPDATE ops.sync_state SET extra = jsonb_set(extra, '{gaps}', "
            '\'[{"since"\\:"2026-01-01","until"\\:"2026-01-05"}]\')'
            " WHERE scope = 'activities' AND project_id = 0"
        ),
        "activities",
        dg.AssetCheckSeverity.WARN,
    ),
}


def test_every_check_is_tried_on_data_that_breaks_it() -> None:
    assert set(BREAKS) == set(BY_NAME)


@pytest.mark.parametrize("name", BREAKS)
def test_a_check_is_red_on_data_that_breaks_it_and_shows_the_rows(
    loaded: Deployment, name: str
) -> None:
    sql, table, severity = BREAKS[name]
    loaded.change(sql)
    result = verdict(loaded, name, table)
    assert not result.passed
    assert result.severity == severity
    assert shown_rows(result)


@pytest.mark.parametrize(
    ("sql", "name", "table"),
    [
        (
            "UPDATE raw.categories SET name = 'same', deleted_at = now()",
            "keys_unique",
            "categories",
        ),
        (
            (
                "UPDATE raw.categories SET name = 'same' "
                "WHERE id IN (SELECT min(id) FROM raw.categories GROUP BY project_id)"
            ),
            "keys_unique",
            "categories",
        ),
        ("UPDATE raw.users SET user_id = NULL", "keys_unique", "users"),
        ("DELETE FROM raw.users", "references_resolve", "issues"),
        ("UPDATE raw.priorities SET deleted_at = now()", "references_resolve", "issues"),
    ],
)
def test_what_is_no_breach_leaves_a_check_green(
    loaded: Deployment, sql: str, name: str, table: str
) -> None:
    loaded.change(sql)
    assert verdict(loaded, name, table).passed


def test_people_who_left_before_the_first_load_are_listed_but_allowed(loaded: Deployment) -> None:
    loaded.change("DELETE FROM raw.users")
    result = verdict(loaded, "references_resolve", "issues")
    assert {row["refers_to"] for row in shown_rows(result)} == {"raw.users"}


def test_a_built_in_status_resolves_within_its_own_project(loaded: Deployment) -> None:
    loaded.change(
        "DELETE FROM raw.statuses WHERE id = 1 AND project_id = (SELECT id FROM raw.projects "
        "WHERE project_key = 'OPS')"
    )
    result = verdict(loaded, "references_resolve", "issues")
    assert not result.passed
    assert [row["column"] for row in shown_rows(result)] == ["status_id"]


def test_rows_of_another_space_in_the_same_warehouse_are_not_judged(loaded: Deployment) -> None:
    loaded.change("UPDATE raw.categories SET name = 'same', space_key = 'other'")
    assert verdict(loaded, "keys_unique", "categories").passed


def test_the_checks_of_a_table_are_evaluated_with_its_load(deployment: Deployment) -> None:
    run = deployment.run("projects")
    for table in ("projects", "versions", "space"):
        assert set(checks(run, table)) == {check.name for check in checks_of(table)}
    assert set(checks(run, "versions").values()) == {True}


def test_every_table_has_a_check() -> None:
    checked = {key.asset_key.path[-1] for check in CHECKS for key in check.check_keys} | set(
        CHECKED_IN_THEIR_RUNS
    )
    assert checked == set(SPECS)


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
    return verdict(deployment, "rows_not_halved", table).passed


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
