"""Issues that were moved to another project before theirs was deleted: they are kept, with their
comments, in whatever order the loads see the two.
"""

from collections.abc import Callable

import pytest

from tests.syncs import Syncs, failures, load

Step = Callable[[Syncs], object]


def projects(syncs: Syncs) -> None:
    run = syncs.listing("projects")
    assert run.success, failures(run)


def issues_alone(syncs: Syncs) -> None:
    """Load the issues without their comments, as a load that is killed in between."""
    assert syncs.issues(mode="incremental").success


def targeted(syncs: Syncs) -> None:
    load(syncs, "targeted")


#: What is loaded between the move and the deletion, and then after the deletion.
ORDERS: dict[str, tuple[list[Step], list[Step]]] = {
    "the project first": ([], [projects, targeted]),
    "the request first": ([], [targeted, projects]),
    "the request before the deletion": ([lambda syncs: syncs.activities()], [projects, targeted]),
    "the issues before the deletion": ([issues_alone], [projects, targeted]),
    "the next load of all": ([], [projects, load]),
}


@pytest.mark.parametrize("order", ORDERS)
def test_issues_that_were_moved_before_their_project_was_deleted_are_kept(
    order: str, synced: Syncs
) -> None:
    space, (before, after) = synced.space, ORDERS[order]
    [moved, *_] = {row["issue_id"] for row in synced.rows("comments")} & set(
        space.project("WEB").issues
    )
    space.move_issue(moved, "OPS")
    for step in before:
        step(synced)
    space.delete_project("WEB")
    for step in after:
        step(synced)
    compared = synced.compare()
    assert compared.status == "equal", compared.differences
    assert synced.row("issues", moved)["deleted_at"] is None
