"""`raw/issues`: a load that was broken off goes on where it was, is sent at most a page again, and ends equal to the source."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assets.issues import issues
from assets.partitions import RANGE_END_TAG, RANGE_START_TAG, month_keys, partition_key
from simulator import Fault, RequestInfo, SpaceSpec
from sync.deletions import CONFIRMED
from tests.deployment import Deploy, Deployment, Run, failures, recorded

#: One project of some 2,500 issues: 26 pages.
LARGE = SpaceSpec(seed=5, users=6, projects=1, issues=2500, history_days=240)
PAGE = 100
GUESSES = 3  # rows of pages that overlap, and rows that are asked for only to find a place
LOOKS = 20 + 4  # what every load of changes looks at first: the newest, and single rows to find where the news begin


class Interrupted:
    """Loads issues of a deployment, breaks loads off, and knows what was sent to which."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self._left: int | None = None
        self._before: set[tuple[int, str]] = set()
        self._now: set[tuple[int, str]] = set()
        deployment.sim.before_request(self._break)
        deployment.sim.rewrite_response(self._note)

    def load(self, *, pages: int | None = None) -> Run:
        """Load issues incrementally; break it off when so many requests for issues have been answered."""
        self._before, self._now, self._left = self._now, set(), pages
        self.deployment.sim.requests.clear()
        months = month_keys()
        [key] = [project.key for project in self.deployment.sim.space.projects.values()]
        corners = {RANGE_START_TAG: partition_key(key, months[0]), RANGE_END_TAG: partition_key(key, months[-1])}
        config = {"ops": {issues.op.name: {"config": {"mode": "incremental"}}}}
        run = self.deployment.run("issues", only=["issues"], config=config, tags=corners)
        self.deployment.sim.faults.clear()
        assert run.success == (pages is None), failures(run)
        return run

    @property
    def sent_again(self) -> int:
        """How many issues the last load was sent in the very version that the load before it was sent."""
        return len(self._now & self._before)

    @property
    def asked(self) -> int:
        """Requests for lists of issues of the last load."""
        return self.deployment.sim.requests.count(route="/issues")

    def _break(self, request: RequestInfo) -> None:
        if request.route == "/issues" and self._left is not None:
            self._left -= 1
            if self._left < 0:
                self._left = None
                self.deployment.sim.faults.add(Fault(status=500, path="/issues", times=None))

    def _note(self, request: RequestInfo, content: Any) -> Any:
        if request.route == "/issues" and isinstance(content, list):
            self._now.update((row["id"], row["updated"]) for row in content)
        return content


def proofs(run: Run) -> list[dict[str, Any]]:
    """Return the different proofs that a run recorded."""
    found: list[dict[str, Any]] = []
    for said in recorded(run).values():
        if said["load/completeness_proof"] not in found:
            found.append(said["load/completeness_proof"])
    return found


@pytest.fixture
def fresh(deploy: Deploy) -> Interrupted:
    """A deployment of which nothing is loaded."""
    return Interrupted(deploy(LARGE).discover())


@pytest.fixture
def broken_off(fresh: Interrupted) -> Interrupted:
    """A deployment whose first load died after about twenty pages."""
    fresh.load(pages=20)
    return fresh


def test_a_first_read_that_is_broken_off_again_and_again_reads_at_most_a_page_again_each_time(fresh: Interrupted) -> None:
    deployment, asked = fresh.deployment, 0
    for pages in (1, 2, 5, 1, 3, 4, 5):
        fresh.load(pages=pages)
        asked += pages
        assert len(deployment.stored_issues()) >= 90 * (asked - 7)
        assert fresh.sent_again <= PAGE + GUESSES
    run = fresh.load()
    assert fresh.sent_again <= PAGE + GUESSES
    assert deployment.stored_issues() == deployment.source_issues()
    assert asked + fresh.asked <= len(deployment.source_issues()) / 97 + 12
    assert not deployment.query("SELECT 1 FROM ops.sync_state WHERE extra <> '{}'")
    [proof] = proofs(run)
    assert (proof["how"], proof["passes"], proof["count"], proof["resumed"]) == ("seams hold", 1, None, True)


def test_what_changed_or_vanished_before_the_checkpoint_meanwhile_is_found_without_reading_all_again(
    broken_off: Interrupted,
) -> None:
    deployment = broken_off.deployment
    space, stored = deployment.sim.space, len(deployment.stored_issues())
    first, second, *_, last = sorted(space.issues)
    space.edit_issue(first, summary="meanwhile")
    for gone in (second, last):
        space.delete_issue(gone)
    created = space.create_issue("OPS").id
    run = broken_off.load()
    assert deployment.stored_issues() == deployment.source_issues()
    assert deployment.row("issues", first)["summary"] == "meanwhile"
    assert deployment.deletions("issues") == {(second, "deleted", f"activity feed; {CONFIRMED}")}
    assert created in deployment.stored_issues()
    assert broken_off.asked <= (len(deployment.source_issues()) - stored) / 97 + 8
    assert "resumed" in proofs(run)[0]


def test_what_nothing_explains_is_mended_by_reading_all_again(broken_off: Interrupted) -> None:
    deployment = broken_off.deployment
    deployment.change("DELETE FROM raw.issues WHERE id = (SELECT min(id) FROM raw.issues)")
    run = broken_off.load()
    assert deployment.stored_issues() == deployment.source_issues()
    assert any("reading all again" in line for line in deployment.log(run, "WARNING"))
    assert "resumed" not in proofs(run)[0]


def test_a_project_that_is_read_again_goes_on_where_that_was_broken_off_and_still_finds_what_is_gone(fresh: Interrupted) -> None:
    fresh.load()
    deployment = fresh.deployment
    oldest, second, *_, newest = [row["id"] for row in deployment.query("SELECT id FROM raw.issues ORDER BY created_at, id")]
    deployment.change(f"DELETE FROM raw.issues WHERE id = {second}")
    deployment.change(f"UPDATE raw.issues SET id = id + 1000000 WHERE id IN ({oldest}, {newest})")
    fresh.load(pages=10)
    fresh.load(pages=6)
    assert fresh.sent_again <= PAGE + LOOKS
    run = fresh.load()
    assert fresh.sent_again <= PAGE + LOOKS
    assert "resumed" in proofs(run)[-1]
    assert deployment.stored_issues() == deployment.source_issues()
    gone = {(ghost + 1_000_000, "deleted", f"partition re-read; {CONFIRMED}") for ghost in (oldest, newest)}
    assert deployment.deletions("issues") == gone


def test_a_place_in_a_project_that_has_shrunk_meanwhile_is_found_again(broken_off: Interrupted) -> None:
    deployment = broken_off.deployment
    for gone in sorted(deployment.sim.space.issues)[300:1000]:
        deployment.sim.space.delete_issue(gone)
    broken_off.load()
    assert deployment.stored_issues() == deployment.source_issues()
    assert len(deployment.rows("issues", deleted=True)) == 700


def test_a_checkpoint_of_an_earlier_version_is_not_gone_on_from(broken_off: Interrupted) -> None:
    deployment = broken_off.deployment
    deployment.change("UPDATE ops.sync_state SET extra = jsonb_build_object('checkpoint', extra->'created') WHERE scope = 'issues'")
    assert "resumed" not in proofs(broken_off.load())[0]
    assert deployment.stored_issues() == deployment.source_issues()


def test_a_project_that_was_read_whole_is_not_resumed(broken_off: Interrupted) -> None:
    broken_off.load()
    deployment = broken_off.deployment
    gone = min(deployment.sim.space.issues)
    deployment.sim.space.delete_issue(gone)
    assert "resumed" not in proofs(broken_off.load())[0]
    assert deployment.stored_issues() == deployment.source_issues()


@pytest.fixture
def behind(fresh: Interrupted) -> Interrupted:
    """A deployment that was loaded, and of whose issues 800 were changed since, each more than the look-back after another."""
    fresh.load()
    space, clock = fresh.deployment.sim.space, fresh.deployment.sim.clock
    began = datetime.fromtimestamp(clock.now(), UTC) + timedelta(hours=1)
    clock.freeze(began + timedelta(hours=20))
    for number, issue in enumerate(sorted(space.issues)[:800]):
        space.edit_issue(issue, summary="changed", at=began + timedelta(seconds=61 * number))
    return fresh


def test_a_read_of_many_changes_that_is_broken_off_goes_on_where_it_was(behind: Interrupted) -> None:
    deployment, stored = behind.deployment, []
    [before] = watermarks(deployment)
    for pages in (8, 2, 1, 2):
        behind.load(pages=pages)
        assert behind.sent_again <= PAGE + LOOKS
        stored.append(len(changed(deployment)))
    assert stored == sorted(set(stored))
    assert stored[-1] > 500
    assert watermarks(deployment) == [before]
    run = behind.load()
    assert behind.sent_again <= PAGE + LOOKS
    assert deployment.stored_issues() == deployment.source_issues()
    assert watermarks(deployment) > [before]
    assert not deployment.query("SELECT 1 FROM ops.sync_state WHERE extra <> '{}'")
    [proof] = proofs(run)
    assert (proof["how"], proof["resumed"]) == ("seams hold", True)


def test_what_changes_in_the_part_that_was_read_before_a_read_of_changes_was_broken_off_is_found(behind: Interrupted) -> None:
    deployment, space = behind.deployment, behind.deployment.sim.space
    behind.load(pages=10)
    first, second, third, *_ = sorted(changed(deployment))
    deployment.sim.clock.advance(600)
    space.edit_issue(first, summary="meanwhile")
    space.delete_issue(second)
    space.edit_issue(third, estimated_hours=7)
    behind.load()
    assert deployment.stored_issues() == deployment.source_issues()
    assert deployment.row("issues", first)["summary"] == "meanwhile"
    assert deployment.deletions("issues") == {(second, "deleted", f"activity feed; {CONFIRMED}")}


def test_a_bulk_edit_that_is_broken_off_goes_on_inside_its_second(fresh: Interrupted) -> None:
    fresh.load()
    deployment, space = fresh.deployment, fresh.deployment.sim.space
    space.bulk_edit(sorted(space.issues)[:700], description="changed")
    deployment.sim.clock.advance(3_600)
    for pages in (8, 2, 2):
        fresh.load(pages=pages)
        assert fresh.sent_again <= PAGE + LOOKS
    assert 200 < len(changed(deployment)) < 700
    fresh.load()
    assert fresh.sent_again <= PAGE + LOOKS
    assert len(changed(deployment)) == 700
    assert deployment.stored_issues() == deployment.source_issues()


def test_a_project_with_another_key_is_read_by_id_and_goes_on_where_that_was_broken_off(fresh: Interrupted) -> None:
    fresh.load()
    deployment, space = fresh.deployment, fresh.deployment.sim.space
    space.rename_project("OPS", key="NEW")
    deployment.discover()
    deployment.sim.clock.advance(3_600)
    fresh.load(pages=9)
    old = deployment.query("SELECT count(*) AS n FROM raw.issues WHERE issue_key LIKE 'OPS-%'")[0]["n"]
    assert len(space.issues) - 900 <= old <= len(space.issues) - 700
    fresh.load()
    assert fresh.sent_again <= PAGE + LOOKS
    assert fresh.asked <= old / 100 + 4
    assert {row["issue_key"].split("-")[0] for row in deployment.rows("issues")} == {"NEW"}


def changed(deployment: Deployment) -> list[int]:
    """Return the ids of the stored issues that say that they were changed."""
    found = deployment.query("SELECT id FROM raw.issues WHERE summary = 'changed' OR description = 'changed'")
    return [row["id"] for row in found]


def watermarks(deployment: Deployment) -> list[datetime]:
    """Return the watermarks of issues."""
    return [row["watermark"] for row in deployment.query("SELECT watermark FROM ops.sync_state WHERE scope = 'issues'")]
