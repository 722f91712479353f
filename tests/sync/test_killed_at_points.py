"""A load that is killed at a point that `sync/store.py` names, just before the commit, then just
after it: the next one ends with the warehouse equal to the source.
"""

import re

import pytest

from simulator.model import Issue
from sync import store
from tests.sync.killed_load import POINTS, dies_at
from tests.sync.trouble import ESTIMATE_OF_NO_NUMBER, spoil
from tests.syncs import Syncs, load, load_feed

#: More than the minute that each load of changes reads again.
HOUR = 3_600
DAY = 24 * HOUR


def edit_in_silence(syncs: Syncs, issue: Issue, summary: str) -> None:
    """Edit an issue without an activity, so that only its `updated` tells of it."""
    syncs.space.edit_issue(issue, summary=summary)
    for feed in (syncs.space, syncs.space.projects[issue.project_id]):
        feed.activities.pop()


def import_pages(syncs: Syncs, edited: Issue) -> None:
    """Let the next load of changes read several pages, with an edited issue on the first one. What
    is new is in another project: its number of issues shows what is missing there.
    """
    edit_in_silence(syncs, edited, "on the first page")
    other = next(project for project in syncs.space.projects if project != edited.project_id)
    for _ in range(3):
        syncs.sim.clock.advance(HOUR)
        syncs.space.import_issues(other, 50)


def trim_feed(syncs: Syncs, commented: Issue) -> None:
    """Let the source drop an activity before a load has read it."""
    load_feed(syncs)
    syncs.sim.switch(activity_retention_days=2)
    syncs.space.comment(commented, "reported by a row that is trimmed before anybody reads it")
    syncs.sim.clock.advance(30 * DAY)


def quarantine(syncs: Syncs, issue: Issue) -> None:
    """Load an issue once that cannot be stored."""
    heal = spoil(syncs, {issue.id: ESTIMATE_OF_NO_NUMBER})
    syncs.space.edit_issue(issue, summary="refused")
    load(syncs)
    heal()


def people_work(syncs: Syncs, point: str) -> None:
    """Change something of each kind, so that a load comes to a point."""
    first = next(iter(syncs.space.projects.values()))
    sorted_in = next(issue for issue in first.issues.values() if issue.category_ids)
    others = [one for one in syncs.space.issues.values() if one.comments and not one.category_ids]
    edited, commented, deleted, left_alone = others[:4]
    match point:
        case "issues":
            import_pages(syncs, left_alone)
        case "gap":
            trim_feed(syncs, left_alone)
        case "quarantine":
            quarantine(syncs, deleted)
    edit_in_silence(syncs, edited, "on the last page")
    syncs.space.comment(commented, "said")
    syncs.space.delete_category(first.id, sorted_in.category_ids[0])
    syncs.space.delete_issue(deleted)
    syncs.sim.clock.advance(HOUR)


def test_the_points_that_are_tried_are_those_that_the_store_names() -> None:
    assert re.findall(r"(?m)^- (\w+):", store.__doc__ or "") == [*POINTS]


@pytest.mark.parametrize("point", POINTS)
def test_after_a_kill_at_a_commit_the_next_load_ends_equal(synced: Syncs, point: str) -> None:
    people_work(synced, point)
    assert dies_at(synced, point, "before")
    synced.sim.clock.advance(HOUR)
    assert dies_at(synced, point, "after")
    synced.sim.clock.advance(HOUR)
    assert synced.listing("categories").success
    load(synced)
    found = synced.compare()
    assert (found.status, found.differences) == ("equal", [])
    assert not synced.query("SELECT id FROM ops.sync_outcomes WHERE status = 'in_progress'")
