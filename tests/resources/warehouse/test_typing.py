"""How values of records become typed columns."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from resources.warehouse.raw.schema import SPECS

Record = dict[str, Any]


def test_an_issue_lands_in_typed_columns_with_its_payload_whole(
    load: Any, rows: Any, issue: Any
) -> None:
    record = issue(7)
    load("issues", record)
    (row,) = rows("issues")
    assert {
        name: row[name] for name in row if name not in {"payload", "content_hash", "loaded_at"}
    } == {
        "space_key": "acme",
        "id": 90_007,
        "project_id": 300,
        "issue_key": "OPS-7",
        "key_id": 7,
        "issue_type_id": 1201,
        "summary": "鍵を回す",
        "description": "手順",
        "resolution_id": None,
        "priority_id": 3,
        "status_id": 2,
        "assignee_id": 5001,
        "category_ids": [77],
        "version_ids": [],
        "milestone_ids": [31],
        "start_date": date(2026, 8, 1),
        "due_date": None,
        "estimated_hours": Decimal("2.5"),
        "actual_hours": None,
        "parent_issue_id": None,
        "created_user_id": 5002,
        "created_at": datetime(2026, 7, 30, 8, 9, 10, tzinfo=UTC),
        "updated_user_id": 5003,
        "updated_at": datetime(2026, 8, 2, 1, 0, tzinfo=UTC),
        "run_id": "run-1",
        "deleted_at": None,
        "deleted_reason": None,
    }
    assert row["payload"] == record


OTHERS: list[tuple[str, Record, Record]] = [
    (
        "space",
        {"spaceKey": "acme", "name": "Acme", "ownerId": 11, "lang": "ja", "timezone": "Asia/Tokyo",
         "reportSendTime": "18:30:00", "textFormattingRule": "markdown",
         "created": "2019-03-04T01:02:03Z", "updated": None},
        {"space_key": "acme", "name": "Acme", "owner_id": 11, "timezone": "Asia/Tokyo",
            "report_send_time": "18:30:00",
         "created_at": datetime(2019, 3, 4, 1, 2, 3, tzinfo=UTC), "updated_at": None},
    ),
    (
        "users",
        {"id": 5012, "userId": None, "name": "Mori", "roleType": 2, "lang": None,
            "nulabAccount": {"nulabId": "u3"},
         "mailAddress": None, "lastLoginTime": "2026-05-06T07:08:09Z", "keyword": "もり"},
        {"id": 5012, "user_id": None, "nulab_account_id": "u3",
         "last_login_at": datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)},
    ),
    (
        "projects",
        {"id": 300, "projectKey": "OPS", "name": "運用", "archived": False,
            "textFormattingRule": "markdown",
         "chartEnabled": True, "displayOrder": 2147483646},
        {"id": 300, "project_key": "OPS", "name": "運用", "archived": False, "chart_enabled": True,
         "display_order": 2147483646, "use_git": None},
    ),
    (
        "teams",
        {"id": 40, "name": "Support", "members": [{"id": 9}, {"id": 5}], "displayOrder": None,
         "createdUser": {"id": 9}, "created": "2024-01-02T03:04:05Z", "updatedUser": None,
         "updated": None},
        {"id": 40, "member_ids": [5, 9], "display_order": None, "created_user_id": 9,
            "updated_user_id": None},
    ),
    (
        "statuses",
        {"id": 1, "projectId": 300, "name": "Open", "color": "#ed8077", "displayOrder": -1},
        {"project_id": 300, "id": 1, "name": "Open", "color": "#ed8077", "display_order": -1},
    ),
    (
        "issue_types",
        {"id": 1201, "projectId": 300, "name": "Task", "color": "#7ea800", "displayOrder": 0,
         "templateSummary": "S", "templateDescription": None},
        {"id": 1201, "template_summary": "S", "template_description": None},
    ),
    (
        "versions",
        {"id": 31, "projectId": 300, "name": "Q3", "description": None, "startDate": None,
         "releaseDueDate": "2026-09-29T15:00:00Z", "archived": True, "displayOrder": 1},
        {"id": 31, "start_date": None, "release_due_date": date(2026, 9, 30), "archived": True},
    ),
    (
        "custom_fields",
        {"id": 8, "projectId": 300, "typeId": 5, "name": "Colour", "description": "",
            "required": False,
         "useIssueType": True, "applicableIssueTypes": [1202, 1201], "displayOrder": 3,
         "version": {"id": 31},
         "items": [{"id": 1, "name": "Red", "displayOrder": 0}], "allowAddItem": True},
        {"id": 8, "type_id": 5, "required": False, "use_issue_type": True,
            "applicable_issue_type_ids": [1201, 1202],
         "items": [{"id": 1, "name": "Red", "displayOrder": 0}], "allow_add_item": True,
         "unit": None},
    ),
    (
        "comments",
        {"id": 640001, "projectId": 300, "issueId": 90017, "content": "Done on staging",
         "changeLog": [], "createdUser": {"id": 5001}, "created": "2026-08-02T01:00:00Z",
         "updated": "2026-08-03T01:00:00Z", "stars": [], "notifications": []},
        {"content": "Done on staging", "created_user_id": 5001, "issue_id": 90017,
         "created_at": datetime(2026, 8, 2, 1, tzinfo=UTC),
         "updated_at": datetime(2026, 8, 3, 1, tzinfo=UTC)},
    ),
    ("priorities", {"id": 2, "name": "高"}, {"id": 2, "name": "高"}),
    ("resolutions", {"id": 0, "name": "Fixed"}, {"id": 0, "name": "Fixed"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "record", "expected"), OTHERS, ids=[table for table, *_ in OTHERS]
)
def test_a_record_of_each_other_table_lands_typed(
    load: Any, rows: Any, table: str, record: Record, expected: Record
) -> None:
    result = load(table, record)
    (row,) = rows(table)
    assert {name: row[name] for name in expected} == expected
    assert row["payload"] == record
    assert len(result.inserted) == 1
    assert result.unexpected_fields == ()


def test_a_member_and_a_category_get_the_project_they_lack_from_the_caller(
    load: Any, rows: Any, user: Any
) -> None:
    assert load("project_members", user(1), user(2), extra={"project_id": 300}).inserted == (
        (300, 5001),
        (300, 5002),
    )
    load("categories", {"id": 77, "name": "Infra"}, extra={"project_id": 300})
    load("categories", {"id": 78, "name": "Own", "projectId": 301}, extra={"project_id": 300})
    assert [row["project_id"] for row in rows("categories")] == [300, 301]


def test_an_absent_key_and_null_are_the_same(load: Any, rows: Any, issue: Any) -> None:
    full = issue(1, category=None, versions=None, customFields=None, updated=None)
    sparse = {name: value for name, value in full.items() if value is not None}
    load("issues", full)
    before = rows("issues")
    assert load("issues", sparse).unchanged == 1
    assert rows("issues") == before
    assert before[0]["category_ids"] == []


def test_a_date_is_read_in_the_zone_it_was_meant_in(load: Any, rows: Any, issue: Any) -> None:
    for number, (received, zone, expected) in enumerate((
        ("2026-08-01T00:00:00Z", "Asia/Tokyo", date(2026, 8, 1)),
        ("2026-08-01T00:00:00Z", "America/New_York", date(2026, 8, 1)),
        ("2026-07-31T15:00:00Z", "Asia/Tokyo", date(2026, 8, 1)),
        ("2026-08-01T04:00:00Z", "America/New_York", date(2026, 8, 1)),
        ("2026-01-01T05:00:00Z", "America/New_York", date(2026, 1, 1)),
        ("2026-08-01T00:00:00+09:00", "Asia/Tokyo", date(2026, 8, 1)),
        ("2026-08-01", "Asia/Tokyo", date(2026, 8, 1)),
        ("2024-02-29T00:00:00Z", "Asia/Tokyo", date(2024, 2, 29)),
        (None, "Asia/Tokyo", None),
    )):  # fmt: skip
        load("issues", issue(number, dueDate=received), timezone=zone)
        assert rows("issues")[-1]["due_date"] == expected


def test_ids_above_32_bits_and_resolution_zero_are_kept(load: Any, rows: Any, issue: Any) -> None:
    big = 2**53 - 1
    result = load(
        "issues",
        issue(
            1,
            id=big,
            parentIssueId=2**31 + 1,
            resolution={"id": 0, "name": "Fixed"},
            assignee={"id": 2**40},
        ),
    )
    (row,) = rows("issues")
    assert (row["id"], row["parent_issue_id"], row["resolution_id"], row["assignee_id"]) == (
        big,
        2**31 + 1,
        0,
        2**40,
    )
    assert result.inserted_ids == (big,)


def test_text_is_kept_as_it_is(load: Any, rows: Any, issue: Any) -> None:
    texts = [
        "漢字とかな、ｶﾅ、㌔",
        "emoji 😀 and 𠮷野家",
        "line\r\nline\ttab\n",
        "'; DROP TABLE raw.issues; --",
        'quotes " and \\ and \\u0000 as six characters, %s %(x)s :name $1 {}',
        "",
    ]
    made = [issue(at, summary=words, description=words) for at, words in enumerate(texts)]
    assert load("issues", *made).rejected == 0
    for row, words in zip(rows("issues"), texts, strict=True):
        assert row["summary"] == row["description"] == row["payload"]["summary"] == words


@pytest.mark.parametrize(
    "bad", [chr(0), chr(0xD83D), chr(0xDE00)], ids=["NUL", "high surrogate", "low surrogate"]
)
def test_characters_that_jsonb_cannot_hold_are_replaced_everywhere(
    load: Any, rows: Any, issue: Any, bad: str
) -> None:
    fields = [{"id": 1, "fieldTypeId": 1, "name": f"a{bad}", "value": f"{bad}b"}]
    record = issue(1, summary=f"x{bad}y", customFields=fields) | {f"new{bad}": [bad]}
    result = load("issues", record)
    (row,) = rows("issues")
    assert row["summary"] == "x\ufffdy"
    assert row["payload"]["customFields"][0] == {
        "id": 1,
        "fieldTypeId": 1,
        "name": "a\ufffd",
        "value": "\ufffdb",
    }
    assert row["payload"]["new\ufffd"] == ["\ufffd"]
    assert (result.rejected, len(result.inserted)) == (0, 1)


def test_an_unknown_field_is_kept_and_reported_once(load: Any, rows: Any, issue: Any) -> None:
    record = issue(1, aiSummary={"text": "new"})
    assert load("issues", record, issue(2, aiSummary=None)).unexpected_fields == ("aiSummary",)
    assert rows("issues")[0]["payload"]["aiSummary"] == {"text": "new"}
    assert load("issues", issue(3, aiSummary={"text": "again"})).unexpected_fields == ()
    assert load("issues", record, space_key="other").unexpected_fields == ("aiSummary",)


def test_references_and_keys_name_columns_and_tables_that_exist() -> None:
    for spec in SPECS.values():
        assert set(spec.references) <= set(spec.table.c.keys())
        assert set(spec.references.values()) <= set(SPECS)
        assert spec.table.primary_key.columns.keys() == ["space_key", *spec.key]
        assert spec.business_key is None or spec.business_key in spec.table.c


def test_a_word_that_postgresql_takes_for_a_time_is_no_time(
    load: Any, rows: Any, issue: Any
) -> None:
    for word in ("yesterday", "now", "infinity", "epoch", "-infinity", "", "7"):
        spoilt = [issue(1, updated=word), issue(2, startDate=word), issue(3, created=word)]
        assert load("issues", *spoilt, issue(4)).rejected == 3
    assert [row["id"] for row in rows("issues")] == [90_004]
