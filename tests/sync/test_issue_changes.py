"""`raw/issue_changes`: each change in standard words, with the ids that the names meant then, and
none rather than wrong.
"""

from typing import Any

import pytest
from sqlalchemy import RowMapping

from simulator.masters import CHECKBOX, MULTIPLE, RADIO, SINGLE, TEXT
from simulator.model import Issue
from sync.change_ids import ChangeIds, known_changes
from tests.syncs import Syncs, load

HOUR = 3600
#: A later activity of a comment, without changes.
NOTIFIED = """
INSERT INTO raw.activities SELECT (jsonb_populate_record(a, jsonb_build_object(
    'id', a.id + 1000000, 'type', 17, 'payload', jsonb_set(a.payload, '{{content,changes}}', '[]')
))).* FROM raw.activities AS a WHERE a.comment_id = {comment} AND a.type = 2
"""


def look(syncs: Syncs) -> None:
    """Let the masters be listed, a while after what was before and before what comes."""
    syncs.sim.clock.advance(HOUR)
    assert syncs.listing().success
    syncs.sim.clock.advance(HOUR)


def one(syncs: Syncs, project: str = "OPS") -> Issue:
    return next(iter(syncs.space.project(project).issues.values()))


def change(syncs: Syncs, issue: Issue, **fields: Any) -> int:
    """Edit an issue and return the comment that tells of it."""
    row = syncs.space.edit_issue(issue, **fields)
    assert row is not None
    return row.id


def changes_by(syncs: Syncs, comment: int) -> list[RowMapping]:
    return [row for row in syncs.rows("issue_changes") if row["comment_id"] == comment]


def ids(syncs: Syncs, comment: int) -> tuple[Any, Any]:
    [row] = changes_by(syncs, comment)
    for side in ("old", "new"):
        several = row[f"{side}_ids"]
        assert row[f"{side}_id"] == (several[0] if several and len(several) == 1 else None)
    return row["old_ids"], row["new_ids"]


def test_each_field_of_an_edit_is_a_row_in_standard_words(synced: Syncs) -> None:
    space, issue = synced.sim.space, one(synced)
    space.edit_issue(issue, assignee_id=None, due_date=None, resolution_id=None, actual_hours=None)
    user = next(iter(space.users))
    comment = change(
        synced, issue, assignee_id=user, due_date="2026-08-01", resolution_id=0, actual_hours=1.5
    )
    load(synced)
    rows = changes_by(synced, comment)
    assert [row["position"] for row in rows] == [0, 1, 2, 3]
    assert {
        row["field"]: (row["source_field"], row["kind"], row["new_value"], row["new_id"])
        for row in rows
    } == {
        "assignee": ("assigner", "standard", space.users[user].name, user),
        "due_date": ("limitDate", "standard", "2026-08-01", None),
        "resolution": ("resolution", "standard", "対応済み", 0),
        "actual_hours": ("actualHours", "standard", "1.5", None),
    }
    assert {
        (row["issue_id"], row["project_id"], row["created_user_id"], row["old_value"])
        for row in rows
    } == {(issue.id, issue.project_id, space.administrator.id, None)}


def test_a_second_activity_of_a_comment_takes_no_ids_away(synced: Syncs) -> None:
    """Backlog tells who was notified in an activity of its own; whether that has the changes, too,
    is not documented.
    """
    space, issue = synced.sim.space, one(synced)
    mine = space.add_status("OPS", "Checking").id
    comment = change(synced, issue, status_id=mine)
    load(synced)
    assert ids(synced, comment)[1] == [mine]
    synced.change(NOTIFIED.format(comment=comment))
    synced.change("DELETE FROM ops.names WHERE kind = 'statuses'")
    load(synced, "backfill")
    assert ids(synced, comment)[1] == [mine]


def test_what_is_found_of_a_change_does_not_depend_on_the_others_of_its_page(synced: Syncs) -> None:
    first, second = list(synced.space.project("OPS").issues.values())[:2]
    priority = change(synced, first, priority_id=2 if first.priority_id != 2 else 3)
    status = change(synced, second, status_id=synced.space.add_status("OPS", "Checking").id)
    load(synced)
    with synced.engine.connect() as connection:
        known = known_changes(connection, "acme", [priority, status])
        resolve = ChangeIds(connection, "acme").resolve
        alone = [resolve(connection, [one])[0] for one in known]
        assert len(alone) == 2
        assert resolve(connection, known) == alone


def test_a_name_that_another_one_got_later_means_the_one_that_had_it_then(synced: Syncs) -> None:
    space, issue = synced.sim.space, one(synced)
    first = space.add_category("OPS", "Infra").id
    look(synced)
    before = change(synced, issue, category_ids=(first,))
    space.rename_category("OPS", first, "Platform")
    look(synced)
    second = space.add_category("OPS", "Infra").id
    look(synced)
    after = change(synced, issue, category_ids=(second,))
    load(synced)
    assert ids(synced, before)[1] == [first]
    assert ids(synced, after) == ([first], [second])
    load(synced, "backfill")
    assert (ids(synced, before)[1], ids(synced, after)[1]) == ([first], [second])


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (SINGLE, ((2,), None), [2]),
        (MULTIPLE, ((1, 3), None), [1, 3]),
        (CHECKBOX, ((3, 2), None), [2, 3]),
        (CHECKBOX, ((3,), "something else"), None),
        (RADIO, ((1,), None), [1]),
        (TEXT, "Red", None),
    ],
)
def test_values_of_custom_fields_are_items_where_the_field_is_a_list(
    synced: Syncs, kind: int, value: Any, expected: list[int] | None
) -> None:
    space, issue = synced.sim.space, one(synced)
    items = ("Red", "Green, dark", "Blue") if kind != TEXT else ()
    field = space.add_field("OPS", kind, "Colour", items=items).id
    look(synced)
    comment = change(synced, issue, custom={field: value})
    load(synced)
    [row] = changes_by(synced, comment)
    assert (row["field"], row["kind"], row["source_field"]) == (
        f"custom_field_{field}",
        "custom",
        "Colour",
    )
    assert (row["custom_field_id"], row["old_value"]) == (field, None)
    assert ids(synced, comment) == (None, expected)


def test_a_parent_is_found_by_its_key_of_then_also_when_it_is_gone(synced: Syncs) -> None:
    child, parent, other = list(synced.space.project("OPS").issues.values())[:3]
    synced.space.edit_issue(child, parent_id=None)
    comment = change(synced, child, parent_id=parent.id)
    synced.space.rename_project("OPS", key="SRE")
    look(synced)
    later = change(synced, child, parent_id=other.id)
    synced.space.delete_issue(other)
    load(synced)
    assert ids(synced, comment)[1] == [parent.id]
    assert [
        row["new_value"].split("-")[0]
        for row in (*changes_by(synced, comment), *changes_by(synced, later))
    ] == ["OPS", "SRE"]
    assert ids(synced, later) == ([parent.id], [other.id])


def test_a_key_that_two_projects_had_one_after_the_other_means_nobody(synced: Syncs) -> None:
    child, parent = list(synced.space.project("OPS").issues.values())[:2]
    synced.space.edit_issue(child, parent_id=None)
    comment = change(synced, child, parent_id=parent.id)
    synced.space.rename_project("OPS", key="SRE")
    look(synced)
    synced.space.add_project("OPS", "新しい")
    look(synced)
    for _ in range(parent.key_id):
        synced.space.create_issue("OPS")
    load(synced)
    load(synced, "backfill")
    assert ids(synced, comment)[1] is None


def test_attachments_and_notifications_are_kinds_of_their_own(synced: Syncs) -> None:
    space, issue = synced.sim.space, one(synced)
    attached = space.attach(issue, "log.txt")
    made = space.create_issue("OPS", notify=[next(iter(space.users))])
    load(synced)
    [file] = changes_by(synced, issue.comments[-1].id)
    assert (file["field"], file["kind"], file["new_value"], file["new_ids"]) == (
        "attachment",
        "attachment",
        "log.txt",
        [attached.id],
    )
    [notice] = changes_by(synced, made.comments[0].id)
    assert (notice["field"], notice["kind"], notice["new_ids"]) == (
        "notification",
        "notification",
        None,
    )


def test_an_edited_comment_keeps_its_changes_and_the_same_again_writes_nothing(
    synced: Syncs,
) -> None:
    issue = one(synced)
    comment = change(synced, issue, summary="new", comment="why")
    load(synced)
    [before] = changes_by(synced, comment)
    synced.space.edit_comment(comment, "because")
    load(synced, "backfill")
    assert changes_by(synced, comment) == [before]
