"""Which rows the checks of the large tables look at: a load at what is new, the nightly rolling
refresh at all.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import dagster as dg
import pytest
from sqlalchemy import Connection, func, select, text

from assets.checks.table_verdicts import Verdict
from assets.checks.tables import CHECKED_IN_THEIR_RUNS, TABLE_CHECKS, TableCheck, check_result
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.spec import TableSpec
from resources.warehouse.raw.written_rows import all_there_before, written_since
from resources.warehouse.state.check_marks import forget_right, right_until
from tests.deployment import Deployment, shown_rows

BY_NAME = {check.name: check for check in TABLE_CHECKS}
MASKED = "user-0123456789abcdef0123"
NAMED = f"payload = jsonb_set(payload, '{{createdUser,name}}', '\"{MASKED}\"')"
NEWEST = "id = (SELECT max(id) FROM raw.{table})"
ASSIGNED = (
    "(comment_id, position) = (SELECT comment_id, position FROM raw.issue_changes "
    "WHERE field = 'assignee' AND new_value IS NOT NULL ORDER BY 1, 2 LIMIT 1)"
)
#: Check and table -> what breaks it in one row, and in which.
FAULTS = {
    ("keys_unique", "issues"): (
        "issue_key = (SELECT issue_key FROM raw.issues ORDER BY id LIMIT 1)",
        NEWEST,
    ),
    ("people_alike", "issues"): (NAMED, NEWEST),
    ("people_alike", "comments"): (NAMED, NEWEST),
    ("people_alike", "activities"): (NAMED, NEWEST),
    ("people_alike", "issue_changes"): (f"new_value = '{MASKED}'", ASSIGNED),
    ("references_resolve", "issues"): ("priority_id = 99", NEWEST),
    ("references_resolve", "comments"): ("issue_id = 99", NEWEST),
    ("references_resolve", "activities"): ("project_id = 99", NEWEST),
    ("references_resolve", "issue_changes"): ("issue_id = 99", ASSIGNED),
}


def look(
    deployment: Deployment, check: TableCheck, table: str, *, whole: bool = False
) -> dg.AssetCheckResult:
    return check_result(deployment.engine, check, table, "acme", whole=whole)


def broken(table: str, fault: str, rows: str, *, written: bool) -> str:
    """Return the statement that breaks rows, as a load writes them or behind the checks' back."""
    moved = ", loaded_at = clock_timestamp()" if written else ""
    return f"UPDATE raw.{table} SET {fault}{moved} WHERE {rows.format(table=table)}"


def mark(deployment: Deployment, check: str, table: str) -> datetime | None:
    with deployment.engine.connect() as connection:
        return right_until(connection, "acme", table, check)


def test_every_check_of_rows_is_tried_on_each_large_table() -> None:
    assert set(FAULTS) == {
        (check.name, table)
        for check in TABLE_CHECKS
        for table in CHECKED_IN_THEIR_RUNS
        if check.of_rows and check.applies(SPECS[table])
    }


@pytest.mark.parametrize(("name", "table"), FAULTS)
def test_a_look_at_what_is_new_sees_only_a_fault_that_was_written(
    loaded: Deployment, name: str, table: str
) -> None:
    check, (fault, rows) = BY_NAME[name], FAULTS[name, table]
    loaded.change(broken(table, fault, rows, written=False))
    assert look(loaded, check, table).passed, "it was broken behind the checks' back"
    loaded.change(broken(table, fault, rows, written=True))
    for _ in range(2):
        result = look(loaded, check, table)
        assert not result.passed
        assert shown_rows(result)


def test_a_fault_that_only_the_whole_look_finds_is_found_by_each_until_it_is_gone(
    loaded: Deployment,
) -> None:
    check = BY_NAME["references_resolve"]
    loaded.change("UPDATE raw.issues SET priority_id = priority_id + 90")
    assert look(loaded, check, "issues").passed
    assert not look(loaded, check, "issues", whole=True).passed
    assert not look(loaded, check, "issues").passed
    loaded.change("UPDATE raw.issues SET priority_id = priority_id - 90")
    result = look(loaded, check, "issues")
    assert (result.passed, result.metadata["looked_at"].value) == (True, "all rows")
    result = look(loaded, check, "issues")
    assert str(result.metadata["looked_at"].value).startswith("rows written since ")


def test_all_rows_are_looked_at_again_after_a_day(loaded: Deployment) -> None:
    check = BY_NAME["keys_unique"]
    look(loaded, check, "issues", whole=True)
    for age, seen in (("23 hours", "rows written since"), ("1 day", "all rows")):
        loaded.change(f"UPDATE ops.check_marks SET all_until = now() - interval '{age}'")
        result = look(loaded, check, "issues")
        assert str(result.metadata["looked_at"].value).startswith(seen)


def test_a_key_that_an_older_row_has_too_is_found(loaded: Deployment) -> None:
    [older, newer] = loaded.query(
        "SELECT id, issue_key FROM raw.issues WHERE id IN "
        "((SELECT min(id) FROM raw.issues), (SELECT max(id) FROM raw.issues)) ORDER BY id"
    )
    loaded.change(
        f"UPDATE raw.issues SET issue_key = '{newer['issue_key']}' WHERE id = {older['id']}"
    )
    assert look(loaded, BY_NAME["keys_unique"], "issues").passed
    loaded.change(f"UPDATE raw.issues SET loaded_at = now() WHERE id = {newer['id']}")
    result = look(loaded, BY_NAME["keys_unique"], "issues")
    assert shown_rows(result) == [{"issue_key": newer["issue_key"], "rows": "2"}]


def test_users_who_are_all_masked_now_show_that_older_rows_are_not(loaded: Deployment) -> None:
    masked = f"payload = jsonb_set(payload, '{{name}}', '\"{MASKED}\"')"
    loaded.change(f"UPDATE raw.users SET {masked}, loaded_at = clock_timestamp()")
    result = look(loaded, BY_NAME["people_alike"], "comments")
    assert not result.passed
    assert {row["table"] for row in shown_rows(result)} == {"users", "comments"}


def test_a_row_of_a_transaction_at_work_is_looked_at_when_it_is_there(loaded: Deployment) -> None:
    check = BY_NAME["references_resolve"]
    with loaded.engine.begin() as at_work:
        at_work.execute(text(broken("issues", "priority_id = 99", NEWEST, written=True)))
        assert look(loaded, check, "issues").passed
    assert not look(loaded, check, "issues").passed


def meanwhile(check: TableCheck, do: Callable[[], None]) -> TableCheck:
    """Return the check with something that happens after its look."""

    def evaluate(
        connection: Connection, spec: TableSpec, space_key: str, since: datetime | None
    ) -> Verdict:
        verdict = check.evaluate(connection, spec, space_key, since)
        do()
        return verdict

    return replace(check, evaluate=evaluate)


def test_a_look_that_is_broken_off_is_repeated(loaded: Deployment) -> None:
    def broken_off() -> None:
        raise KeyboardInterrupt

    check = BY_NAME["keys_unique"]
    before = mark(loaded, check.name, "issues")
    with pytest.raises(KeyboardInterrupt):
        look(loaded, meanwhile(check, broken_off), "issues")
    assert mark(loaded, check.name, "issues") == before
    look(loaded, check, "issues")
    assert mark(loaded, check.name, "issues") != before


def test_what_another_look_at_all_rows_finds_meanwhile_is_not_passed_over(
    loaded: Deployment,
) -> None:
    check = BY_NAME["keys_unique"]

    def found() -> None:
        with loaded.engine.begin() as other:
            forget_right(other, "acme", "issues", check.name)

    assert look(loaded, meanwhile(check, found), "issues").passed
    assert mark(loaded, check.name, "issues") is None


@pytest.mark.parametrize("table", CHECKED_IN_THEIR_RUNS)
def test_rows_written_since_a_moment_are_chosen_whatever_their_project(
    loaded: Deployment, table: str
) -> None:
    rows = SPECS[table].table
    with loaded.engine.begin() as connection:
        moment = all_there_before(connection)
    projects = ["300000 + project_id"] + ["NULL"] * bool(rows.c.project_id.nullable)
    for number, project in enumerate(projects):
        loaded.change(
            f"UPDATE raw.{table} SET project_id = {project}, loaded_at = clock_timestamp() "
            f"WHERE abs(hashtext(payload::text)) % 5 = {number}".replace("::", r"\:\:")
        )
    written = (rows.c.space_key == "acme", rows.c.loaded_at >= moment)
    with loaded.engine.connect() as connection:
        query = select(func.count()).select_from(rows)
        expected = connection.execute(query.where(*written)).scalar_one()
        assert expected > 0
        chosen = query.where(written_since(rows, "acme", moment))
        assert connection.execute(chosen).scalar_one() == expected
