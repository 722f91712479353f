"""What issues lose when something that they refer to is deleted, which moves no `updated`: they are
read again, and no other is.
"""

from collections.abc import Callable
from typing import Any

import pytest

from simulator import Fault, World
from simulator.masters import SINGLE
from simulator.model import Issue
from sync.modes import Mode
from tests.syncs import Syncs, load

#: Master -> how it is made, what an issue shows of it, how it is deleted.
MASTERS: dict[
    str,
    tuple[Callable[[World], Any], Callable[[int], dict[str, Any]], Callable[[World, int], None]],
] = {
    "issue_types": (
        lambda space: space.add_issue_type("OPS", "Incident"),
        lambda made: {"type_id": made},
        lambda space, made: space.delete_issue_type(
            "OPS", made, min(space.project("OPS").issue_types)
        ),
    ),
    "categories": (
        lambda space: space.add_category("OPS", "Printing"),
        lambda made: {"category_ids": (made,)},
        lambda space, made: space.delete_category("OPS", made),
    ),
    "versions": (
        lambda space: space.add_version("OPS", "2.0"),
        lambda made: {"version_ids": (made,)},
        lambda space, made: space.delete_version("OPS", made),
    ),
    "milestones": (
        lambda space: space.add_version("OPS", "2.0"),
        lambda made: {"milestone_ids": (made,)},
        lambda space, made: space.delete_version("OPS", made),
    ),
    "custom_fields": (
        lambda space: space.add_field("OPS", SINGLE, "Colour", items=("Red", "Blue")),
        lambda made: {"custom": {made: ((1,), None)}},
        lambda space, made: space.delete_field("OPS", made),
    ),
}


def asked_by_id(syncs: Syncs) -> list[set[int]]:
    """Return which issues each request asked for by id since the last look."""
    asked = [
        {int(value) for name, value in one.params if name == "id[]"}
        for one in syncs.sim.requests.recent()
    ]
    syncs.sim.requests.clear()
    return [ids for ids in asked if ids]


def shown(syncs: Syncs, *issues: Issue) -> list[tuple[object, ...]]:
    """Return what the warehouse says of issues that others may delete."""
    return [
        (
            row["issue_type_id"],
            row["category_ids"],
            row["version_ids"],
            row["milestone_ids"],
            {field["id"] for field in row["payload"]["customFields"]},
        )
        for row in (syncs.row("issues", issue.id) for issue in issues)
    ]


def true(syncs: Syncs, *issues: Issue) -> list[tuple[object, ...]]:
    """Return the same of the source."""
    return [
        (
            issue.type_id,
            list(issue.category_ids),
            list(issue.version_ids),
            list(issue.milestone_ids),
            {
                field.id
                for field in syncs.sim.space.projects[issue.project_id].fields.values()
                if field.applies_to(issue.type_id)
            },
        )
        for issue in issues
    ]


@pytest.mark.parametrize("mode", ["targeted", pytest.param("incremental", marks=pytest.mark.full)])
@pytest.mark.parametrize("kind", MASTERS)
def test_issues_lose_a_deleted_master_with_the_next_load(
    synced: Syncs, kind: str, mode: Mode
) -> None:
    add, values, delete = MASTERS[kind]
    space = synced.sim.space
    holders = list(space.project("OPS").issues.values())[:2]
    made = add(space).id
    for issue in holders:
        space.edit_issue(issue, **values(made))
    synced.sim.clock.advance(3600)  # no load of changes looks as far back
    assert synced.listing().success
    load(synced, "incremental")
    assert shown(synced, *holders) == true(synced, *holders)
    delete(space, made)
    assert shown(synced, *holders) != true(synced, *holders)
    assert synced.listing().success
    asked_by_id(synced)
    load(synced, mode)
    assert shown(synced, *holders) == true(synced, *holders)
    assert asked_by_id(synced) == [{issue.id for issue in holders}], (
        "each issue that shows it, and no other, in one request"
    )
    load(synced, mode)
    assert asked_by_id(synced) == []


def test_an_issue_read_before_a_deletion_and_stored_after_it_loses_it_too(synced: Syncs) -> None:
    space = synced.sim.space
    holder = next(issue for issue in space.project("OPS").issues.values() if issue.category_ids)
    space.delete_category("OPS", holder.category_ids[0])
    before = synced.row("issues", holder.id)["category_ids"]
    assert synced.listing("categories").success
    load(synced, "targeted")
    assert shown(synced, holder) == true(synced, holder)
    # What a page holds that was on its way while the category went, and was stored when its holders
    # had been looked for.
    synced.change(
        f"UPDATE raw.issues SET category_ids = '{{{before[0]}}}', content_hash = "
        f"'before' WHERE id = {holder.id}"
    )
    load(synced, "targeted")
    assert shown(synced, holder) != true(synced, holder)
    assert synced.listing("categories").success
    load(synced, "targeted")
    assert shown(synced, holder) == true(synced, holder)
    asked_by_id(synced)
    assert synced.listing("categories").success
    load(synced, "targeted")
    assert asked_by_id(synced) == []


@pytest.mark.parametrize("feed_readable", [True, False])
def test_children_of_a_deleted_issue_are_on_their_own_with_the_load_that_marks_it(
    synced: Syncs, feed_readable: bool
) -> None:
    space = synced.sim.space
    parent, *children = list(space.project("OPS").issues.values())[:4]
    for child in children:
        space.edit_issue(child, parent_id=parent.id)
    space.move_issue(children[0], "WEB")
    synced.sim.clock.advance(3600)
    load(synced, "incremental")
    assert {synced.row("issues", child.id)["parent_issue_id"] for child in children} == {parent.id}
    space.delete_issue(parent)
    if not feed_readable:
        # Then the parent is missed when its project is read whole, after the pass over the changes
        # of all.
        synced.sim.faults.add(Fault(status=403, path="/space/activities", times=None))
    load(synced, "incremental")
    assert {synced.row("issues", child.id)["parent_issue_id"] for child in children} == {None}
    asked_by_id(synced)
    load(synced, "incremental")
    assert asked_by_id(synced) == []


def test_an_account_that_is_closed_makes_no_issue_be_read_again(synced: Syncs) -> None:
    space, owner = synced.sim.space, synced.sim.space.administrator.id
    gone = next(
        issue.assignee_id
        for issue in space.issues.values()
        if issue.assignee_id and issue.assignee_id != owner
    )
    space.delete_user(gone)
    assert synced.listing().success
    asked_by_id(synced)
    load(synced, "targeted")
    assert asked_by_id(synced) == []
