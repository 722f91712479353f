"""What issues lose when something that they refer to is deleted, which moves no `updated`: they are read again, and no other is."""

from collections.abc import Callable
from typing import Any

import pytest

from assets.issues import Mode
from simulator import World
from simulator.masters import SINGLE
from simulator.model import Issue
from tests.deployment import Deployment, failures


def issue_type(space: World) -> int:
    return space.add_issue_type("OPS", "Incident").id


def category(space: World) -> int:
    return space.add_category("OPS", "Printing").id


def version(space: World) -> int:
    return space.add_version("OPS", "2.0").id


def custom_field(space: World) -> int:
    return space.add_field("OPS", SINGLE, "Colour", items=("Red", "Blue")).id


MASTERS: dict[str, tuple[Callable[[World], int], Callable[[int], dict[str, Any]], Callable[[World, int], None]]] = {
    "issue_types": (
        issue_type,
        lambda made: {"type_id": made},
        lambda space, made: space.delete_issue_type("OPS", made, min(space.project("OPS").issue_types)),
    ),
    "categories": (category, lambda made: {"category_ids": (made,)}, lambda space, made: space.delete_category("OPS", made)),
    "versions": (version, lambda made: {"version_ids": (made,)}, lambda space, made: space.delete_version("OPS", made)),
    "milestones": (version, lambda made: {"milestone_ids": (made,)}, lambda space, made: space.delete_version("OPS", made)),
    "custom_fields": (
        custom_field,
        lambda made: {"custom": {made: ((1,), None)}},
        lambda space, made: space.delete_field("OPS", made),
    ),
}


def asked_by_id(deployment: Deployment) -> list[set[int]]:
    """Return which issues each request asked for by id since the last look."""
    asked = [{int(value) for name, value in one.params if name == "id[]"} for one in deployment.sim.requests.recent()]
    deployment.sim.requests.clear()
    return [ids for ids in asked if ids]


def load(deployment: Deployment, mode: Mode) -> None:
    run = deployment.run_issues(mode=mode)
    assert run.success, failures(run)


def shown(deployment: Deployment, issue: Issue) -> tuple[object, ...]:
    """Return what the warehouse says of an issue that others may delete."""
    row = deployment.row("issues", issue.id)
    fields = {field["id"] for field in row["payload"]["customFields"]}
    return row["issue_type_id"], row["category_ids"], row["version_ids"], row["milestone_ids"], fields


def true(deployment: Deployment, issue: Issue) -> tuple[object, ...]:
    home = deployment.sim.space.projects[issue.project_id]
    fields = {field.id for field in home.fields.values() if field.applies_to(issue.type_id)}
    return issue.type_id, list(issue.category_ids), list(issue.version_ids), list(issue.milestone_ids), fields


@pytest.mark.parametrize("mode", ["targeted", "incremental"])
@pytest.mark.parametrize("kind", MASTERS)
def test_issues_lose_a_deleted_master_with_the_next_load(loaded: Deployment, kind: str, mode: Mode) -> None:
    add, values, delete = MASTERS[kind]
    space = loaded.sim.space
    cascading_references = list(space.project("OPS").issues.values())[:2]
    made = add(space)
    for issue in cascading_references:
        space.edit_issue(issue, **values(made))
    loaded.sim.clock.advance(3600)  # no load of changes looks as far back
    assert loaded.run("projects").success
    load(loaded, "incremental")
    assert [shown(loaded, issue) for issue in cascading_references] == [true(loaded, issue) for issue in cascading_references]
    delete(space, made)
    assert [shown(loaded, issue) for issue in cascading_references] != [true(loaded, issue) for issue in cascading_references]
    assert loaded.run("projects").success
    asked_by_id(loaded)
    load(loaded, mode)
    assert [shown(loaded, issue) for issue in cascading_references] == [true(loaded, issue) for issue in cascading_references]
    assert asked_by_id(loaded) == [{issue.id for issue in cascading_references}], (
        "each issue that shows it, and no other, in one request"
    )
    load(loaded, mode)
    assert asked_by_id(loaded) == []


def test_an_issue_that_was_read_before_a_deletion_and_stored_after_it_loses_what_is_gone_as_well(loaded: Deployment) -> None:
    space = loaded.sim.space
    holder = next(issue for issue in space.project("OPS").issues.values() if issue.category_ids)
    space.delete_category("OPS", holder.category_ids[0])
    before = loaded.row("issues", holder.id)["category_ids"]
    assert loaded.run("projects", only=["categories"]).success
    load(loaded, "targeted")
    assert shown(loaded, holder) == true(loaded, holder)
    # What a page holds that was on its way while the category went, and was stored when its holders had been looked for.
    loaded.change(f"UPDATE raw.issues SET category_ids = '{{{before[0]}}}', content_hash = 'before' WHERE id = {holder.id}")
    load(loaded, "targeted")
    assert shown(loaded, holder) != true(loaded, holder)
    assert loaded.run("projects", only=["categories"]).success
    load(loaded, "targeted")
    assert shown(loaded, holder) == true(loaded, holder)
    asked_by_id(loaded)
    assert loaded.run("projects", only=["categories"]).success
    load(loaded, "targeted")
    assert asked_by_id(loaded) == []


def test_children_of_a_deleted_issue_are_on_their_own_with_the_load_that_marks_it(loaded: Deployment) -> None:
    space = loaded.sim.space
    parent, *children = list(space.project("OPS").issues.values())[:4]
    for child in children:
        space.edit_issue(child, parent_id=parent.id)
    loaded.sim.clock.advance(3600)
    load(loaded, "incremental")
    assert {loaded.row("issues", child.id)["parent_issue_id"] for child in children} == {parent.id}
    space.delete_issue(parent)
    load(loaded, "incremental")
    assert {loaded.row("issues", child.id)["parent_issue_id"] for child in children} == {None}
    asked_by_id(loaded)
    load(loaded, "incremental")
    assert asked_by_id(loaded) == []


def test_an_account_that_is_closed_makes_no_issue_be_read_again(loaded: Deployment) -> None:
    space, owner = loaded.sim.space, loaded.sim.space.administrator.id
    gone = next(issue.assignee_id for issue in space.issues.values() if issue.assignee_id and issue.assignee_id != owner)
    space.delete_user(gone)
    assert loaded.run("users").success
    assert loaded.run("projects").success
    asked_by_id(loaded)
    load(loaded, "targeted")
    assert asked_by_id(loaded) == []
