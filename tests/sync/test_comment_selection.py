"""Which issues are looked at for comments that are due: those written since none was due, and all
once a day.
"""

import pytest
from sqlalchemy import text

from simulator import Fault
from simulator.model import Issue
from tests.syncs import Syncs, asked_for_comments, load

#: What a change of an issue writes: its last change moves on, and it is written now.
CHANGED = "updated_at = updated_at + interval '1 minute'"
WRITTEN = "loaded_at = statement_timestamp()"


@pytest.fixture
def quiet(synced: Syncs) -> Syncs:
    """Return the engine after a load that had no comments to ask for."""
    load(synced)
    assert asked(synced) == []
    return synced


@pytest.fixture
def issue(quiet: Syncs) -> Issue:
    return next(iter(quiet.space.issues.values()))


def asked(syncs: Syncs) -> list[int]:
    """Return the issues whose comments were asked for since the last question."""
    return [issue for issue, _ in asked_for_comments(syncs)]


def changed(issue: Issue, *also: str) -> str:
    return f"UPDATE raw.issues SET {', '.join((CHANGED, *also))} WHERE id = {issue.id}"


def test_a_row_that_is_written_is_due_and_no_other(quiet: Syncs, issue: Issue) -> None:
    quiet.change(changed(issue, WRITTEN))
    load(quiet)
    assert asked(quiet) == [issue.id]
    load(quiet)
    assert asked(quiet) == []


@pytest.mark.parametrize("days", [-1, 1], ids=["a day ago", "ahead of the clock"])
def test_a_row_that_was_changed_by_hand_is_due_a_day_after_the_last_look_at_all(
    days: int, quiet: Syncs, issue: Issue
) -> None:
    quiet.change(changed(issue))
    load(quiet)
    assert asked(quiet) == []
    quiet.change(f"UPDATE ops.check_marks SET all_until = all_until + interval '{days} day'")
    load(quiet)
    assert asked(quiet) == [issue.id]


def test_all_rows_are_looked_at_when_the_clock_was_set_back(quiet: Syncs, issue: Issue) -> None:
    quiet.change("UPDATE ops.check_marks SET right_until = right_until + interval '1 hour'")
    for _ in range(2):
        quiet.change(changed(issue, WRITTEN))
        load(quiet)
        assert asked(quiet) == [issue.id]


def test_a_row_of_a_transaction_at_work_is_due_when_it_is_there(quiet: Syncs, issue: Issue) -> None:
    with quiet.engine.begin() as at_work:
        at_work.execute(text(changed(issue, WRITTEN)))
        load(quiet)
        assert asked(quiet) == []
    load(quiet)
    assert asked(quiet) == [issue.id]


def test_what_is_refused_is_due_again_with_each_load(quiet: Syncs, issue: Issue) -> None:
    quiet.change(changed(issue, WRITTEN))
    quiet.sim.faults.add(Fault(status=403, path=f"/issues/{issue.id}/comments", times=None))
    for _ in range(2):
        assert not quiet.run(mode="incremental").success
        assert asked(quiet) == [issue.id]
    quiet.sim.faults.clear()
    load(quiet)
    assert asked(quiet) == [issue.id]


def test_what_is_due_in_a_project_is_left_to_the_load_that_covers_it(
    quiet: Syncs, issue: Issue
) -> None:
    [covered, *_] = (
        project.key for project in quiet.space.projects.values() if project.id != issue.project_id
    )
    quiet.change(changed(issue, WRITTEN))
    assert quiet.run(covered, mode="incremental").success
    assert asked(quiet) == []
    load(quiet)
    assert asked(quiet) == [issue.id]
