"""`raw/activities` when rows are bad, feeds are refused or empty, or report of issues that were
read before them.
"""

from collections.abc import Callable

import pytest

from simulator import Fault
from sync.modes import Mode
from tests.sync.trouble import spoil
from tests.syncs import (
    FEED,
    Syncs,
    activities_at_source,
    load,
    load_feed,
    refetch_requests,
)


def spoil_activities(syncs: Syncs, bad: set[int]) -> Callable[[], None]:
    """Let the feed tell a time that nobody can read for some activities; return how to end that."""
    return spoil(syncs, {one: {"created": "yesterday"} for one in bad}, FEED)


def forget_feed(syncs: Syncs) -> None:
    """Let no activity be stored, as before the first load of the feed."""
    syncs.change(
        "DELETE FROM raw.activities; DELETE FROM ops.sync_state WHERE scope = 'activities'"
    )


def quarantined(syncs: Syncs) -> list[tuple[int, bool]]:
    rows = syncs.query(
        "SELECT * FROM ops.rejected_records WHERE table_name = 'activities' ORDER BY id"
    )
    return [(int(row["record_key"]), row["resolved_at"] is None) for row in rows]


@pytest.mark.parametrize("mode", ["incremental", "targeted", "refresh"])
def test_a_bad_activity_is_quarantined_and_reports_when_it_can_be_read(
    synced: Syncs, mode: Mode
) -> None:
    issue = next(iter(synced.space.issues.values()))
    said = synced.space.comment(issue, "reported by a bad activity")
    bad = synced.space.activities[-1].id
    heal = spoil_activities(synced, {bad})
    load_feed(synced)
    # Farther back than any overlap reaches, and behind a page of others.
    synced.sim.clock.advance(5 * 86_400)
    for number in range(120):
        synced.space.create_issue("OPS", summary=str(number))
    load_feed(synced, mode)
    assert synced.ids("activities") == activities_at_source(synced) - {bad}
    assert quarantined(synced) == [(bad, True)]
    assert issue.id not in refetch_requests(synced)
    heal()
    load_feed(synced, mode)
    assert synced.ids("activities") == activities_at_source(synced)
    assert quarantined(synced) == [(bad, False)]
    assert refetch_requests(synced)[issue.id] == (said.id, False)


def test_a_bad_activity_that_is_trimmed_is_acknowledged(synced: Syncs) -> None:
    synced.space.comment(next(iter(synced.space.issues.values())), "reported by a bad activity")
    bad = synced.space.activities[-1].id
    spoil_activities(synced, {bad})
    load_feed(synced)
    synced.sim.switch(activity_retention_days=1)
    synced.sim.clock.advance(3 * 86_400)
    load_feed(synced)
    assert quarantined(synced) == [(bad, False)]


def test_many_bad_activities_cost_few_requests_and_the_nightly_pass_tries_all(
    synced: Syncs,
) -> None:
    issue = next(iter(synced.space.issues.values()))
    for number in range(450):
        synced.space.comment(issue, str(number))
    bad = {one.id for one in synced.space.activities[-450:]}
    heal = spoil_activities(synced, bad)
    load_feed(synced)
    synced.space.create_issue("OPS")
    load_feed(synced)
    synced.sim.clock.advance(5 * 86_400)
    load_feed(synced)
    heal()
    synced.sim.requests.clear()
    assert load_feed(synced).counts("activities")["inserted"] in range(290, 301)
    assert synced.sim.requests.count(route=FEED) <= 4
    load_feed(synced, "refresh")
    assert synced.ids("activities") == activities_at_source(synced)
    assert not any(waiting for _, waiting in quarantined(synced))


def test_a_project_whose_feed_is_refused_keeps_nothing_from_loading(synced: Syncs) -> None:
    new = synced.space.add_project("NEW", "新規")
    made = synced.space.create_issue("NEW")
    synced.space.activities = [one for one in synced.space.activities if one.project_id != new.id]
    synced.sim.faults.add(Fault(status=403, path="/projects/NEW/activities", times=1))
    run = load(synced)
    assert made.id in synced.stored_issues()
    assert any("403" in line for line in run.log("WARNING"))
    assert {one.id for one in new.activities} - synced.ids("activities")
    load_feed(synced)
    assert {one.id for one in new.activities} <= synced.ids("activities")


def test_the_feed_of_a_project_that_was_never_loaded_requests_nothing(synced: Syncs) -> None:
    user = synced.space.add_user("まだ入っていない人", role=2).id
    synced.space.add_member("OPS", user)
    syncs = synced.as_user(user)
    load_feed(syncs)
    synced.change(
        "DELETE FROM ops.sync_state WHERE scope = 'issues'; DELETE FROM ops.issue_sync_state"
    )
    synced.space.add_member("APP", user)
    load_feed(syncs)
    assert {one.id for one in synced.space.project("APP").activities} <= syncs.ids("activities")
    assert refetch_requests(syncs) == {}


def test_the_first_comment_of_a_space_without_activities_is_reported(synced: Syncs) -> None:
    forget_feed(synced)
    synced.space.activities.clear()
    assert load_feed(synced).notes["load/feed_complete"] is True
    assert synced.ids("activities") == set()
    issue = next(iter(synced.space.issues.values()))
    comment = synced.space.comment(issue, "first")
    load_feed(synced)
    assert synced.ids("activities") == activities_at_source(synced)
    assert refetch_requests(synced) == {issue.id: (comment.id, False)}


def test_a_feed_that_is_granted_later_reports_unreported_comments(synced: Syncs) -> None:
    forget_feed(synced)
    synced.sim.faults.add(Fault(status=403, path=FEED, times=1))
    old, new, lost = list(synced.space.issues.values())[:3]
    synced.space.delete_comment(synced.space.comment(lost, "taken back"))
    first = synced.space.comment(old, "behind more than a page")
    assert synced.run(mode="incremental").success
    for number in range(110):
        synced.space.create_issue("WEB", summary=str(number))
    second = synced.space.comment(new, "on the newest page")
    load_feed(synced)
    found = refetch_requests(synced)
    assert (found[old.id], found[new.id]) == ((first.id, False), (second.id, False))
    assert not any(row for _, row in found.values()), "issues are read for the time of their change"
    # And one whose comment was deleted: nobody can tell it from one that was not read.
    assert found.keys() == {old.id, new.id, lost.id}
