"""The merge: at least once, merged to exactly once, whatever the data and whoever else is
loading.
"""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from resources.warehouse.raw.loader import WORTH_ASKING, merge
from resources.warehouse.raw.quarantine import pending_rejections, resolve_rejections
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.statements import DollarQuoted
from resources.warehouse.raw.tombstones import mark_issues_deleted
from resources.warehouse.state.schema_ops_records import rejected_records
from resources.warehouse.warehouse_errors import WarehouseError
from tests.databases import heard

ISSUES = SPECS["issues"]
WHO: dict[str, Any] = {"space_key": "acme", "timezone": "Asia/Tokyo", "run_id": "run-1"}


@pytest.fixture(params=[1, WORTH_ASKING], ids=["asked which are stored", "all sent"])
def load(request: pytest.FixtureRequest, load: Any) -> Any:
    """Merge small batches as large ones are merged, too."""
    return partial(load, worth_asking=request.param)


def _quarantined(engine: Engine) -> list[dict[str, Any]]:
    with engine.connect() as conn:
        return [
            dict(row)
            for row in conn.execute(
                select(rejected_records).order_by(rejected_records.c.id)
            ).mappings()
        ]


def test_a_changed_record_updates_its_row_and_no_other(load: Any, rows: Any, issue: Any) -> None:
    load("issues", issue(1), issue(2))
    result = load(
        "issues", issue(1), issue(2, summary="new", updated="2026-08-03T00:00:00Z"), run_id="run-2"
    )
    assert (result.inserted_ids, result.updated_ids, result.unchanged) == ((), (90_002,), 1)
    assert [(row["summary"], row["run_id"]) for row in rows("issues")] == [
        ("鍵を回す", "run-1"),
        ("new", "run-2"),
    ]


def test_a_login_is_stored_but_counts_as_no_change_of_the_user(
    load: Any, rows: Any, user: Any
) -> None:
    load("users", user(1), user(2))
    before = rows("users")
    later = "2026-08-01T00:00:00Z"
    result = load("users", user(1, lastLoginTime=later), user(2), run_id="run-2")
    assert (result.inserted, result.updated, result.unchanged) == ((), (), 2)
    assert rows("users") == [
        before[0]
        | {
            "payload": user(1, lastLoginTime=later),
            "last_login_at": datetime(2026, 8, 1, tzinfo=UTC),
        },
        before[1],
    ]
    load("users", user(1, name="New", lastLoginTime="2026-08-02T00:00:00Z"), run_id="run-3")
    assert [row["run_id"] for row in rows("users")] == ["run-3", "run-1"]


OLD: dict[str, Any] = {"summary": "old", "updated": "2026-08-02T00:00:00Z"}
NEW: dict[str, Any] = {"summary": "new", "updated": "2026-08-03T00:00:00Z"}
NEVER: dict[str, Any] = {"summary": "never changed", "updated": None}


@pytest.mark.parametrize(
    ("stored", "read", "left"),
    [
        (NEW, [OLD], NEW),
        (OLD, [OLD | {"stars": [{"id": 1}]}], OLD | {"stars": [{"id": 1}]}),
        # One without a time of change is as old as it was made.
        (NEVER, [OLD], OLD),
        (OLD, [NEVER], OLD),
        (NEVER, [OLD, NEW, NEVER], NEW),
    ],
)
def test_a_record_that_is_not_older_overwrites(
    load: Any, rows: Any, issue: Any, stored: Any, read: list[Any], left: Any
) -> None:
    load("issues", issue(1, **stored))
    result = load("issues", *(issue(1, **one) for one in read))
    assert result.updated_ids == (() if left == stored else (90_001,))
    assert result.unchanged == len(read) - len(result.updated)
    assert rows("issues")[0]["payload"] == issue(1, **left)


def test_spaces_do_not_see_each_other(load: Any, rows: Any, issue: Any) -> None:
    load("issues", issue(1))
    assert load("issues", issue(1), space_key="other").inserted_ids == (90_001,)
    assert len(rows("issues")) == 2


def test_a_failure_after_the_merge_rolls_back_whole(
    warehouse: Engine, rows: Any, issue: Any
) -> None:
    def fail() -> None:
        with warehouse.begin() as conn:
            merge(conn, ISSUES, [issue(1), issue(2, dueDate="bad"), issue(3, risk=1)], **WHO)
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        fail()
    assert rows("issues") == []
    assert _quarantined(warehouse) == []


def test_a_row_marked_deleted_comes_back_when_the_source_lists_it(
    warehouse: Engine, load: Any, rows: Any, issue: Any
) -> None:
    def deleted() -> tuple[bool, str | None]:
        [row] = rows("issues")
        return row["deleted_at"] is not None, row["deleted_reason"]

    load("issues", issue(1))
    with warehouse.begin() as conn:
        mark_issues_deleted(
            conn, [90_001], space_key="acme", reason="gone", evidence="looked", run_id="run-2"
        )
    load("issues", issue(1, updated="2026-08-01T00:00:00Z"))
    assert deleted() == (True, "gone"), "an older reading proves nothing"
    assert load("issues", issue(1)).updated_ids == (90_001,)
    assert deleted() == (False, None)


def test_bad_records_are_quarantined_and_the_rest_loads(
    warehouse: Engine, load: Any, rows: Any, issue: Any
) -> None:
    bad = {
        13: issue(13, dueDate="soon"),
        42: issue(42, projectId=None),
        57: issue(57, estimatedHours="many"),
        99: issue(99, category="none"),
    }
    result = load("issues", *(bad.get(n, issue(n)) for n in range(100)))
    assert (len(result.inserted), result.rejected, result.without_id, result.unchanged) == (
        96,
        4,
        (),
        0,
    )
    assert (len(rows("issues")), len(result.present_ids)) == (96, 100)
    entries = sorted(_quarantined(warehouse), key=lambda one: str(one["record_key"]))
    assert [(one["record_key"], one["reason"], json.loads(one["payload"])) for one in entries] == [
        (f"{90_000 + n}", "rejected", record) for n, record in bad.items()
    ]
    assert "soon" in entries[0]["error"]
    assert entries[0]["project_id"] == 300


def test_records_without_a_key_are_quarantined_and_never_stop_a_batch(
    warehouse: Engine, load: Any, rows: Any, issue: Any
) -> None:
    nothing = issue(1)
    del nothing["id"]
    result = load("issues", nothing, None, "text", [1], 7, issue(2), issue(3, id=None))
    assert (result.rejected, len(result.without_id), result.present_ids) == (6, 6, (90_002,))
    assert [row["id"] for row in rows("issues")] == [90_002]
    assert all(entry["record_key"].startswith("?") for entry in _quarantined(warehouse))


def test_a_number_that_json_does_not_know_is_quarantined(
    warehouse: Engine, load: Any, issue: Any
) -> None:
    assert load("issues", issue(1, estimatedHours=float("nan")), issue(2)).rejected == 1
    assert _quarantined(warehouse)[0]["payload"].count("NaN") == 1


def test_a_rejection_is_kept_once_and_resolved_by_a_good_version(
    warehouse: Engine, load: Any, issue: Any
) -> None:
    bad = issue(1, dueDate="soon")
    load("issues", bad)
    load("issues", bad, run_id="run-2")
    load("issues", issue(1, dueDate="later"), issue(2), run_id="run-3")
    (entry,) = _quarantined(warehouse)
    assert (entry["run_id"], json.loads(entry["payload"])["dueDate"]) == ("run-3", "later")
    with warehouse.begin() as conn:
        assert pending_rejections(conn, "acme", "issues") == ["90001"]
    load("issues", issue(1))
    with warehouse.begin() as conn:
        assert pending_rejections(conn, "acme", "issues") == []
    load("issues", bad | {"updated": "2026-08-05T00:00:00Z"})
    assert [entry["resolved_at"] is None for entry in _quarantined(warehouse)] == [False, True]


def test_the_quarantine_is_asked_only_while_it_has_an_open_entry_of_the_table(
    warehouse: Engine, load: Any, issue: Any
) -> None:
    def of_quarantine(*records: Any) -> list[str]:
        with heard(Engine, "before_cursor_execute", 2) as asked:
            load("issues", *records)
        return [
            one.partition(" ")[0]
            for one in asked
            if " ops.rejected_records " in one and "raw.issues" not in one
        ]

    assert of_quarantine(issue(1)) == []
    assert of_quarantine(issue(2, dueDate="soon"), issue(3)) == ["INSERT"]
    assert of_quarantine(issue(4)) == ["UPDATE"], "an entry is open, be it of another record"
    assert of_quarantine(issue(2)) == ["UPDATE"]
    assert all(entry["resolved_at"] is not None for entry in _quarantined(warehouse))
    assert of_quarantine(issue(5)) == []


def test_the_rejection_of_a_record_that_is_gone_can_be_resolved(
    warehouse: Engine, load: Any, issue: Any
) -> None:
    load("issues", issue(1, dueDate="soon"), {"no": "id"})
    with warehouse.begin() as conn:
        gone = pending_rejections(conn, "acme", "issues")
        assert resolve_rejections(conn, "acme", "issues", gone) == 2
        assert resolve_rejections(conn, "acme", "issues", gone) == 0
        assert pending_rejections(conn, "acme", "issues") == []


def test_replaced_characters_keep_the_original_until_a_clean_version_comes(
    warehouse: Engine, load: Any, issue: Any
) -> None:
    record = issue(1, summary="a\x00b" + chr(0xD83D))
    load("issues", record | {"dueDate": "soon"})
    load("issues", record)
    assert load("issues", record).unchanged == 1
    rejected, entry = _quarantined(warehouse)
    assert (rejected["reason"], rejected["resolved_at"] is None) == ("rejected", False)
    assert (entry["reason"], entry["resolved_at"]) == ("characters_replaced", None)
    assert entry["error"] == "NUL or a lone surrogate is now U+FFFD"
    assert json.loads(entry["payload"])["summary"] == record["summary"]
    with warehouse.begin() as conn:
        assert pending_rejections(conn, "acme", "issues") == []
    load("issues", issue(1))
    assert all(one["resolved_at"] is not None for one in _quarantined(warehouse))


def test_a_zone_the_server_does_not_know_is_an_error_and_no_fault_of_the_records(
    warehouse: Engine, load: Any, issue: Any
) -> None:
    with pytest.raises(WarehouseError, match="time zone 'Mars/Olympus'") as caught:
        load("issues", issue(1, dueDate="2026-08-01T15:00:00Z"), timezone="Mars/Olympus")
    assert caught.value.cause == "database_unfit"
    assert _quarantined(warehouse) == []


def test_two_loads_at_once_do_not_deadlock(warehouse: Engine, rows: Any, issue: Any) -> None:
    def work(seed: int) -> None:
        shuffle = random.Random(seed)  # noqa: S311  the order must be the same every time
        for turn in range(6):
            updated = f"2026-08-0{1 + turn}T00:00:0{seed}Z"
            batch = [
                *(issue(n, summary=f"{seed}-{turn}", updated=updated, risk=1) for n in range(150)),
                *(issue(n, dueDate="bad") for n in range(200, 205)),
            ]
            shuffle.shuffle(batch)
            with warehouse.begin() as conn:
                merge(conn, ISSUES, batch, **WHO)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, (1, 2)))
    assert {row["summary"] for row in rows("issues")} == {"2-5"}
    assert len(_quarantined(warehouse)) == 5


def test_a_text_is_quoted_whatever_is_in_it(warehouse: Engine) -> None:
    query = text("SELECT CAST(:said AS text)")
    with warehouse.connect() as conn:
        for said in (
            "x$t0", "$t0$", "$t1$$t0", "$$", "%(batch)s %s :batch", "a\\'b\"c\\u0041\n",
        ):  # fmt: skip
            assert conn.execute(query, {"said": DollarQuoted(said)}).scalar_one() == said


def test_a_row_that_is_not_written_again_keeps_its_entry_for_replaced_characters(
    load: Any, warehouse: Engine, issue: Any
) -> None:
    load("issues", issue(1, createdUser={"id": 1, "name": "a\0b"}))
    [entry] = _quarantined(warehouse)
    assert (entry["reason"], entry["resolved_at"]) == ("characters_replaced", None)
    again = load("issues", issue(1, createdUser={"id": 1, "name": "ab"}))
    assert again.unchanged == 1
    assert _quarantined(warehouse) == [entry], "the row still has what replaced it"
    load("issues", issue(1, createdUser={"id": 1, "name": "ab"}, summary="new"))
    [entry] = _quarantined(warehouse)
    assert entry["resolved_at"] is not None


def test_a_field_of_a_refused_record_is_not_reported_as_one_that_is_kept(
    load: Any, issue: Any
) -> None:
    assert load("issues", issue(1, novelty=1, estimatedHours="many")).unexpected_fields == ()
    assert load("issues", issue(1, novelty=1)).unexpected_fields == ("novelty",)
