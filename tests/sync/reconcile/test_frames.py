"""Both sides are made comparable: characters and numbers as PostgreSQL keeps them, columns against
payload, bad payloads alone.
"""

import json
from typing import Any

import pytest
from sqlalchemy import Engine

from resources.warehouse.raw.loader import merge
from resources.warehouse.raw.schema import SPECS
from sync.reconcile.compare_rows import (
    Row,
    as_differences,
    differing_rows,
    source_frame,
    warehouse_frame,
    with_ids,
)
from sync.reconcile.payload_columns import wrong_columns
from sync.reconcile.verdict import COLUMN, CONTENT, EXTRA, MISSING, SHOWN, STALE, short
from sync.results.verify_json import shown_difference
from tests.databases import execute
from tests.syncs import Syncs

ISSUES = SPECS["issues"]


def issue(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "projectId": 300,
        "issueKey": f"OPS-{number}",
        "updated": "2026-05-01T00:00:00Z",
        **fields,
    }


def store(engine: Engine, *records: dict[str, Any]) -> None:
    with engine.begin() as connection:
        merge(connection, ISSUES, records, space_key="acme", timezone="Asia/Tokyo", run_id="r")


def differing(engine: Engine, *records: Any) -> dict[str, str]:
    with engine.connect() as connection:
        stored = warehouse_frame(connection, ISSUES, "acme")
    return {
        one.key: one.kind
        for one, _ in as_differences(
            ISSUES, differing_rows(source_frame(ISSUES, [Row(one) for one in records]), stored)
        )
    }


@pytest.mark.parametrize(
    "value",
    [
        "a\x00b", "lone \ud800", "絵文字 😀", "back\\u0000slash", "1e+5 and e+1", 1e16, 1e22,
        1.5e300, -1e20, 0.1, 1e-7, 2**63, [1e17, {"x": 1e18}], {"deep": {"ly": ["nested\x00"]}},
    ],
    ids=ascii,
)  # fmt: skip
def test_a_value_that_is_stored_in_another_form_is_no_difference(
    warehouse: Engine, value: Any
) -> None:
    assert differing(warehouse) == {}
    store(warehouse, issue(1, mood=value))
    assert differing(warehouse, issue(1, mood=value)) == {}
    assert differing(warehouse, issue(1, mood="another")) == {"1": CONTENT}


def test_each_kind_of_difference_is_found_by_the_frames(warehouse: Engine) -> None:
    store(warehouse, *(issue(number) for number in range(1, 6)))
    execute(
        warehouse,
        "UPDATE raw.issues SET deleted_at = now(), deleted_reason = 'gone' WHERE id IN (4, 5)",
    )
    found = differing(
        warehouse,
        issue(1),
        issue(2, summary="x"),
        issue(3, updated="2026-05-02T00:00:00Z"),
        issue(4),
        issue(7),
        "no record",
    )
    keyless = [key for key in found if key.startswith("?")]
    assert [found.pop(key) for key in keyless] == [MISSING]
    assert found == {"2": CONTENT, "3": STALE, "4": MISSING, "7": MISSING}
    assert differing(warehouse, issue(1)) == {"2": EXTRA, "3": EXTRA}


def test_a_difference_says_what_each_side_has(warehouse: Engine) -> None:
    store(warehouse, issue(1, summary="old", status={"id": 1, "name": "Open"}), issue(2), issue(3))
    with warehouse.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE raw.issues SET deleted_at = now(), deleted_reason = 'gone' WHERE id = 2"
        )
        stored = warehouse_frame(connection, ISSUES, "acme", with_ids(ISSUES, [1, 2, 3]))
    newer = issue(3, updated="2026-05-02T00:00:00Z")
    source = source_frame(
        ISSUES,
        [
            Row(issue(1, summary="new", status={"id": 4, "name": "Closed"}), 300),
            Row(issue(2), 300),
            Row(newer, 300),
        ],
    )
    words = {
        one.key: (one.source, one.warehouse, one.project_id)
        for one, _ in as_differences(ISSUES, differing_rows(source, stored))
    }
    assert words["1"] == ('status=4, summary="new"', 'status=1, summary="old"', 300)
    assert words["2"] == ("changed 2026-05-01T00:00:00Z", "marked deleted: gone", 300)
    assert words["3"] == ("changed 2026-05-02T00:00:00Z", "changed 2026-05-01T00:00:00Z", 300)


def test_of_two_versions_in_one_reading_the_last_counts() -> None:
    made = source_frame(
        ISSUES, [Row(issue(1, summary="a")), Row(issue(2)), Row(issue(1, summary="b"))]
    )
    assert list(made["key"]) == ["2", "1"]
    assert made["record"].iloc[1]["summary"] == "b"


def test_a_long_value_is_cut_and_what_no_terminal_can_write_is_replaced() -> None:
    assert len(short("x" * 500)) == SHOWN
    assert short("a\ud800b") == "a?b"


#: Another value of each kind of column.
OTHERS = {
    "bigint": "-77",
    "text": "'~'",
    "numeric": "-77.5",
    "timestamptz": "'1999-01-01'",
    "date": "'1999-01-01'",
    "jsonb": "'\"~\"'",
}


def test_every_column_of_every_table_that_the_payload_gives_is_compared(synced: Syncs) -> None:
    compared = [
        (table, spec, field)
        for table, spec in SPECS.items()
        for field in spec.fields
        if table != "activities" and field.path and field.name not in spec.key
    ]
    with synced.engine.connect() as connection:
        for table in {table for table, _, _ in compared} | {"project_members"}:
            assert list(wrong_columns(connection, SPECS[table], "acme", "Asia/Tokyo")) == []
        for table, spec, field in compared:
            other = OTHERS | {"boolean": f"NOT coalesce({field.name}, false)"}
            value = other.get(field.kind.value, "'{-77}'")
            connection.exec_driver_sql(f"UPDATE raw.{table} SET {field.name} = {value}")
            found = list(wrong_columns(connection, spec, "acme", "Asia/Tokyo"))
            connection.rollback()
            assert found, (table, field.name)
            assert all(one.kind == COLUMN and f"{field.name}=" in one.warehouse for one in found)
            assert {one.issue_id != 0 for one in found} == {"issue_id" in spec.table.c}


def test_a_payload_that_cannot_be_typed_is_reported_alone_and_hides_no_other(
    warehouse: Engine,
) -> None:
    store(warehouse, *(issue(number, summary="a") for number in range(1, 40)))
    with warehouse.begin() as connection:
        connection.exec_driver_sql(
            'UPDATE raw.issues SET payload = payload || \'{"created": '
            '"yesterday"}\' WHERE id IN (7, 30)'
        )
        connection.exec_driver_sql("UPDATE raw.issues SET summary = 'b' WHERE id IN (8, 31)")
        found = {one.key: one for one in wrong_columns(connection, ISSUES, "acme", "Asia/Tokyo")}
    assert set(found) == {"7", "8", "30", "31"}
    assert found["7"].warehouse == "payload cannot be typed"
    assert (found["8"].source, found["8"].warehouse) == ("summary=a", "summary=b")


def test_only_the_rows_that_are_asked_for_are_compared(warehouse: Engine) -> None:
    store(warehouse, issue(1), issue(2), issue(3, projectId=301))
    with warehouse.begin() as connection:
        connection.exec_driver_sql("UPDATE raw.issues SET summary = 'b'")

        def keys(**chosen: Any) -> set[str]:
            return {
                one.key for one in wrong_columns(connection, ISSUES, "acme", "Asia/Tokyo", **chosen)
            }

        assert keys() == {"1", "2", "3"}
        assert keys(project_id=300) == {"1", "2"}
        assert keys(within=("id", [2, 3])) == {"2", "3"}
        assert list(wrong_columns(connection, ISSUES, "other", "Asia/Tokyo")) == []


def test_the_entries_for_programs_are_plain_json(warehouse: Engine) -> None:
    store(warehouse, issue(1))
    with warehouse.connect() as connection:
        stored = warehouse_frame(connection, ISSUES, "acme")
    [(one, _)] = as_differences(ISSUES, differing_rows(source_frame(ISSUES, []), stored))
    assert json.loads(json.dumps(shown_difference(one, {300: "OPS"}))) == {
        "table": "issues", "project": "OPS", "key": "1", "label": "OPS-1", "kind": EXTRA,
        "source": "not listed",
        "warehouse": "changed 2026-05-01T00:00:00Z", "behind": False,
    }  # fmt: skip
