"""The tables of what happened: comments, activities and field changes are typed whatever shape they
come in.
"""

from typing import Any

from sqlalchemy import Engine

from tests.databases import execute

CREATED = "2026-08-02T01:00:00Z"


def a_comment(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": 640_000 + number, "projectId": 300, "issueId": 90_017, "content": "Done on staging",
        "changeLog": [],
        "createdUser": {"id": 5_001}, "created": CREATED, "updated": CREATED, "stars": [],
        "notifications": [],
    } | changes  # fmt: skip


def an_activity(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": 777_000 + number, "project": {"id": 300, "projectKey": "OPS"}, "type": 2,
        "content": {"id": 90_017, "key_id": 42, "comment": {"id": 640_021, "content": ""},
            "changes": []},
        "notifications": [], "createdUser": {"id": 5_001}, "created": CREATED,
    } | changes  # fmt: skip


def a_change(position: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "commentId": 640_001, "position": position, "issueId": 90_017, "projectId": 300,
        "created": CREATED,
        "createdUser": {"id": 5_001}, "field": "status", "sourceField": "status",
        "kind": "standard",
        "oldValue": "Open", "newValue": "Closed", "oldId": 1, "newId": 4, "oldIds": None,
        "newIds": None,
        "customFieldId": None, "changeLog": {"field": "status"},
    } | changes  # fmt: skip


def test_a_comment_without_issue_and_project_takes_those_of_the_request(
    load: Any, rows: Any
) -> None:
    old = {
        name: value for name, value in a_comment(1).items() if name not in ("issueId", "projectId")
    }
    load("comments", old, a_comment(2), extra={"issue_id": 90_017, "project_id": 300})
    assert [(row["id"], row["issue_id"], row["project_id"]) for row in rows("comments")] == [
        (640_001, 90_017, 300),
        (640_002, 90_017, 300),
    ]


def test_an_activity_is_typed_and_read_again_it_changes_nothing(load: Any, rows: Any) -> None:
    load("activities", an_activity(1))
    (row,) = rows("activities")
    assert (row["project_id"], row["type"], row["content_id"], row["comment_id"]) == (
        300,
        2,
        90_017,
        640_021,
    )
    again = load(
        "activities",
        an_activity(
            1,
            project={"id": 300, "projectKey": "RUN"},
            content={"id": 90_017, "summary": "renamed"},
        ),
    )
    assert (again.unchanged, again.updated) == (1, ())
    assert rows("activities") == [row]


def test_an_activity_is_kept_whatever_its_content_is(load: Any, rows: Any) -> None:
    contents: list[tuple[Any, tuple[int | None, int | None]]] = [
        ({"id": "0193a4c5f0e77b", "title": "A document"}, (None, None)),
        ({"id": "90017", "comment": {"id": "640021"}}, (90_017, 640_021)),
        ({"id": None, "comment": None}, (None, None)),
        ({"id": 1.5, "comment": "said"}, (None, None)),
        ({"id": "9" * 30, "comment": {"content": "without an id"}}, (None, None)),
        ({"id": [1], "comment": [{"id": 1}]}, (None, None)),
        ({"link": [{"id": 90_017}], "comment": {"content": ""}}, (None, None)),
        (None, (None, None)),
        ("text", (None, None)),
        ([], (None, None)),
    ]
    made = [an_activity(at, content=content) for at, (content, _) in enumerate(contents)]
    assert load("activities", *made, an_activity(len(made), project=None)).rejected == 0
    *found, homeless = rows("activities")
    assert [(row["content_id"], row["comment_id"]) for row in found] == [ids for _, ids in contents]
    assert homeless["project_id"] is None


def test_the_ids_of_a_change_are_null_where_not_all_are_known(load: Any, rows: Any) -> None:
    load(
        "issue_changes",
        a_change(0),
        a_change(1, oldIds=[], newIds=[77, 12], oldId=None, newId=None),
    )
    names = ("old_id", "new_id", "old_ids", "new_ids")
    assert [tuple(row[name] for name in names) for row in rows("issue_changes")] == [
        (1, 4, None, None),
        (None, None, [], [12, 77]),
    ]


def test_a_change_whose_ids_become_known_is_written_again(load: Any, rows: Any) -> None:
    load("issue_changes", a_change(0, newId=None), a_change(1))
    result = load("issue_changes", a_change(0), a_change(1))
    assert result.updated == ((640_001, 0),)
    assert [row["new_id"] for row in rows("issue_changes")] == [4, 4]


def test_a_row_whose_hash_is_emptied_is_written_again_even_by_an_older_version(
    warehouse: Engine, load: Any, rows: Any
) -> None:
    load("comments", a_comment(1, updated="2026-08-04T00:00:00Z", content="wrong"), a_comment(2))
    assert load("comments", a_comment(1, content="right"), a_comment(2)).updated == ()
    execute(warehouse, "UPDATE raw.comments SET content_hash = ''")
    assert load("comments", a_comment(1, content="right"), a_comment(2)).updated_ids == (
        640_001,
        640_002,
    )
    assert rows("comments")[0]["content"] == "right"
    assert load("comments", a_comment(1, content="right"), a_comment(2)).updated == ()
