"""The nightly pass: how many issues it reads, that all have their turn in a month, and what only it can find."""

from datetime import UTC, datetime, timedelta

import pytest

from simulator.masters import SINGLE
from simulator.model import Issue
from sync.comment_selection import REFRESH_DAYS, night_size
from tests.deployment import Deployment, Run, counts, failures, observed, recorded

COMMENTS = "/issues/{issue}/comments"
ISSUES = 120
SHARE = 5  # of 120 issues, so that 29 nights are enough


def night(deployment: Deployment) -> Run:
    run = deployment.run_issues(mode="refresh")
    assert run.success, failures(run)
    return run


def asked(deployment: Deployment) -> set[int]:
    found = [int(one.path.split("/")[2]) for one in deployment.sim.requests.recent() if one.route == COMMENTS]
    deployment.sim.requests.clear()
    return set(found)


def read_at(deployment: Deployment) -> dict[int, datetime]:
    return {row["issue_id"]: row["refreshed_at"] for row in deployment.query("SELECT * FROM ops.issue_sync_state")}


def first(deployment: Deployment, *issues: Issue) -> None:
    """Let these issues have their turn tonight."""
    ids = ", ".join(str(issue.id) for issue in issues)
    deployment.change(f"UPDATE ops.issue_sync_state SET refreshed_at = '2020-01-01' WHERE issue_id IN ({ids})")


def test_a_night_reads_its_share_in_an_issue_each_and_a_request_for_the_issues_themselves(loaded: Deployment) -> None:
    assert len(loaded.sim.space.issues) == ISSUES
    asked(loaded)
    run = night(loaded)
    by_route = loaded.sim.requests.by_route()
    assert by_route[COMMENTS] == SHARE
    assert by_route["/issues"] <= 3  # one for each project
    assert observed(run, "comments")["rolling_refresh"] == "5 of 120 issues tonight; 0 not read whole in the last 30 days"
    assert sum(counts(one).get("read", 0) for one in recorded(run, "issues").values()) == SHARE


def test_every_issue_has_its_turn_within_the_month(loaded: Deployment) -> None:
    before = read_at(loaded)
    nights = 0
    while any(read_at(loaded)[issue] == moment for issue, moment in before.items()):
        # The nights of a month are those of one evening here: all that counts is whose turn was longest ago.
        night(loaded)
        nights += 1
        assert nights < REFRESH_DAYS
    assert nights == ISSUES // SHARE


def test_it_begins_with_what_was_never_read_whole_and_goes_on_with_what_was_longest_ago(loaded: Deployment) -> None:
    never, long_ago, *_ = loaded.sim.space.issues.values()
    loaded.change(f"UPDATE ops.issue_sync_state SET refreshed_at = NULL WHERE issue_id = {never.id}")
    first(loaded, long_ago)
    asked(loaded)
    run = night(loaded)
    assert {never.id, long_ago.id} < asked(loaded)
    assert "2 not read whole" in observed(run, "comments")["rolling_refresh"]
    assert read_at(loaded)[never.id] > datetime.now(UTC) - timedelta(minutes=10)


@pytest.mark.parametrize(
    ("issues", "rate", "reserve", "size", "share"),
    [
        (0, 600, 0.2, 0, 0),
        (1, 600, 0.2, 1, 1),
        (29, 600, 0.2, 1, 1),
        (30, 600, 0.2, 2, 2),
        (1_000_000, 600, 0.2, 34_483, 34_483),  # a paid plan reads 57,600 in two hours
        (1_000_000, 60, 0.2, 5_760, 34_483),  # a free one so many
        (1_000_000, 60, 1.0, 1, 34_483),
    ],
)
def test_a_night_is_large_enough_for_the_month_and_no_larger_than_the_request_budget(
    issues: int, rate: int, reserve: float, size: int, share: int
) -> None:
    assert night_size(issues, rate, reserve) == (size, share)
    assert size < share or size * (REFRESH_DAYS - 1) >= issues


def test_it_finds_stars_linked_files_emptied_fields_and_comments_that_were_edited_or_deleted(loaded: Deployment) -> None:
    space = loaded.sim.space
    starred, linked, spoken, quiet = [issue for issue in space.issues.values() if len(issue.comments) > 2][:4]
    space.star(starred)
    linked.shared_files += (space.project(linked.project_id).files[0],)  # as when the activity was trimmed unread
    space.delete_comment(spoken.comments[0])
    space.edit_comment(spoken.comments[0], "rewritten")
    field = space.add_field(str(quiet.project_id), SINGLE, "Colour", items=("Red", "Blue")).id
    space.edit_issue(quiet, custom={field: ((1,), None)})
    assert loaded.run_issues(mode="incremental").success
    space.delete_item(str(quiet.project_id), field, 1)
    assert loaded.run_issues(mode="incremental").success
    assert not loaded.row("issues", starred.id)["payload"]["stars"], "nothing tells of it"
    first(loaded, starred, linked, spoken, quiet)
    night(loaded)
    assert len(loaded.row("issues", starred.id)["payload"]["stars"]) == len(starred.stars)
    assert len(loaded.row("issues", linked.id)["payload"]["sharedFiles"]) == len(linked.shared_files)
    assert [one["value"] for one in loaded.row("issues", quiet.id)["payload"]["customFields"] if one["id"] == field] == [None]
    assert {row["id"] for row in loaded.rows("comments") if row["issue_id"] == spoken.id} == {one.id for one in spoken.comments}
    assert loaded.row("comments", spoken.comments[0].id)["content"] == "rewritten"


def test_it_marks_issues_that_nothing_has_told_of(loaded: Deployment) -> None:
    gone = next(iter(loaded.sim.space.issues.values()))
    first(loaded, gone)
    loaded.sim.space.delete_issue(gone)
    loaded.sim.space.activities.pop()
    night(loaded)
    assert loaded.deletions("issues") == {(gone.id, "deleted", "nightly pass; confirmed by GET /issues?id[]")}


def test_a_night_in_which_nothing_is_different_writes_nothing(loaded: Deployment) -> None:
    newest = "SELECT max(loaded_at) FROM (SELECT loaded_at FROM raw.issues UNION ALL SELECT loaded_at FROM raw.comments) AS rows"
    before = loaded.query(newest)
    run = night(loaded)
    assert loaded.query(newest) == before
    assert counts(observed(run, "comments")).keys() <= {"read", "unchanged"}
