"""`raw/issues`: a load that was broken off goes on where it was, is sent at most a page again, and ends equal to the source."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assets.partitions import RANGE_END_TAG, RANGE_START_TAG, month_keys, partition_key
from assets.raw.issue_deletes import CONFIRMED
from assets.raw.issues import issues
from resources.simulator import Fault, RequestInfo, SpaceSpec
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
        corners = {RANGE_START_TAG: partition_key("OPS", months[0]), RANGE_END_TAG: partition_key("OPS", months[-1])}
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
        if said["load/window_proof"] not in found:
            found.append(said["load/window_proof"])
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


def test_a_place_in_a_project_that_has_shrunk_meanwhile_is_found_again(broken_off: Interrupted) -> None:
    deployment = broken_off.deployment
    for gone in sorted(deployment.sim.space.issues)[300:1000]:
        deployment.sim.space.delete_issue(gone)
    broken_off.load()
    assert deployment.stored_issues() == deployment.source_issues()
    assert len(deployment.rows("issues", deleted=True)) == 700


def test_a_checkpoint_of_an_earlier_version_is_not_gone_on_from(broken_off: Interrupted) -> None:
    deployment = broken_off.deployment
    deployment.change("UPDATE ops.sync_state SET extra = jsonb_set(extra, '{checkpoint}', (extra->'checkpoint') - 'position')")
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
    deployment, stored = behind.deployment, [0]
    for pages in (6, 7, 6):
        behind.load(pages=pages)
        assert behind.sent_again <= PAGE + LOOKS
        stored.append(deployment.query("SELECT count(*) AS n FROM raw.issues WHERE summary = 'changed'")[0]["n"])
    assert stored == sorted(stored)
    assert stored[-1] > 250
    behind.load()
    assert behind.sent_again <= PAGE + LOOKS
    assert deployment.stored_issues() == deployment.source_issues()


def test_the_watermark_of_a_broken_off_read_of_changes_covers_only_what_is_stored(behind: Interrupted) -> None:
    deployment = behind.deployment
    behind.load(pages=9)
    [row] = deployment.query("SELECT watermark FROM ops.sync_state WHERE scope = 'issues'")
    source = deployment.source_issues()
    stored = deployment.stored_issues()
    missed = [moment for issue, moment in source.items() if stored.get(issue) != moment]
    assert missed
    assert min(missed) >= row["watermark"].timestamp()
