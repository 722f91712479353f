"""`raw/issues`: a load that was broken off goes on where it was, is sent at most a page again, and
ends equal to the source.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from resources.backlog.client import BacklogClient
from simulator import RequestInfo, SpaceSpec
from sync.lookups import CONFIRMED
from tests.sync.conftest import IN_BOTH_ORDERS, as_template, on_copy
from tests.sync.trouble import break_off
from tests.syncs import CALENDAR, Loaded, StartSyncs, Syncs, failures, watermarks

pytestmark = IN_BOTH_ORDERS

#: One project of some 2,500 issues: 26 pages.
LARGE = SpaceSpec(seed=5, users=6, projects=1, issues=2500, history_days=240)
PAGE = 100
GUESSES = 3  # rows of pages that overlap, and rows that are asked for only to find a place
LOOKS = (
    20 + 4
    # what every load of changes looks at first: the newest, and single rows to find where the news
    # begin
)


class Interrupted:
    """Loads issues, breaks loads off, and knows what was sent to which."""

    def __init__(self, syncs: Syncs) -> None:
        self.syncs = syncs
        self._before: set[tuple[int, str]] = set()
        self._now = {(row["id"], row["payload"]["updated"]) for row in syncs.rows("issues")}
        syncs.sim.rewrite_response(self._note)

    def load(self, *, pages: int | None = None) -> Loaded:
        """Load issues incrementally; break it off when so many requests for issues have been
        answered.
        """
        self._before, self._now = self._now, set()
        if pages is not None:
            break_off(self.syncs, pages)
        self.syncs.sim.requests.clear()
        run = self.syncs.issues(mode="incremental")
        self.syncs.sim.faults.clear()
        assert run.success == (pages is None), failures(run)
        return run

    @property
    def sent_again(self) -> int:
        """How many issues the last load was sent in the very version that the load before it was
        sent.
        """
        return len(self._now & self._before)

    @property
    def asked(self) -> int:
        """Requests for lists of issues of the last load."""
        return self.syncs.sim.requests.count(route="/issues")

    def _note(self, request: RequestInfo, content: Any) -> Any:
        if request.route == "/issues" and isinstance(content, list):
            self._now.update((row["id"], row["updated"]) for row in content)
        return content


@pytest.fixture
def fresh(start_syncs: StartSyncs) -> Interrupted:
    """A space of which nothing is loaded."""
    return Interrupted(start_syncs(LARGE))


@pytest.fixture(scope="module")
def _broken_off(postgres_url: str, _template: tuple[Engine, str]) -> Iterator[str]:
    with as_template(
        postgres_url, _template, LARGE, lambda syncs: Interrupted(syncs).load(pages=20)
    ) as name:
        yield name


@pytest.fixture
def broken_off(
    postgres_url: str,
    _template: tuple[Engine, str],
    _broken_off: str,
    client_type: type[BacklogClient],
) -> Iterator[Interrupted]:
    """A space whose first load died after about twenty pages."""
    with on_copy(postgres_url, _template[0], _broken_off, LARGE, client_type) as syncs:
        yield Interrupted(syncs)


@pytest.fixture(scope="module")
def _whole(postgres_url: str, _template: tuple[Engine, str]) -> Iterator[str]:
    with as_template(
        postgres_url, _template, LARGE, lambda syncs: Interrupted(syncs).load()
    ) as name:
        yield name


@pytest.fixture
def whole(
    postgres_url: str,
    _template: tuple[Engine, str],
    _whole: str,
    client_type: type[BacklogClient],
) -> Iterator[Interrupted]:
    """A space whose issues were read whole."""
    with on_copy(postgres_url, _template[0], _whole, LARGE, client_type) as syncs:
        yield Interrupted(syncs)


def test_a_first_read_that_is_broken_off_reads_at_most_a_page_again(fresh: Interrupted) -> None:
    syncs, asked = fresh.syncs, 0
    for pages in (1, 2, 5, 1, 3, 4, 5):
        fresh.load(pages=pages)
        asked += pages
        assert len(syncs.stored_issues()) >= 90 * (asked - 7)
        assert fresh.sent_again <= PAGE + GUESSES
    run = fresh.load()
    assert fresh.sent_again <= PAGE + GUESSES
    assert syncs.stored_issues() == syncs.source_issues()
    assert asked + fresh.asked <= len(syncs.source_issues()) / 97 + 12
    assert not syncs.query("SELECT 1 FROM ops.sync_state WHERE extra <> '{}'")
    [proof] = run.proofs()
    assert (proof["how"], proof["passes"], proof["count"], proof["resumed"]) == (
        "seams hold",
        1,
        None,
        True,
    )


def test_what_changed_or_vanished_before_the_checkpoint_is_found(
    broken_off: Interrupted,
) -> None:
    syncs = broken_off.syncs
    space, stored = syncs.sim.space, len(syncs.stored_issues())
    first, second, *_, last = sorted(space.issues)
    space.edit_issue(first, summary="meanwhile")
    for gone in (second, last):
        space.delete_issue(gone)
    created = space.create_issue("OPS").id
    run = broken_off.load()
    assert syncs.stored_issues() == syncs.source_issues()
    assert syncs.row("issues", first)["summary"] == "meanwhile"
    assert syncs.deletions("issues") == {(second, "deleted", f"activity feed; {CONFIRMED}")}
    assert created in syncs.stored_issues()
    assert broken_off.asked <= (len(syncs.source_issues()) - stored) / 97 + 8
    assert "resumed" in run.proofs()[0]


@pytest.mark.full
def test_a_project_inaccessible_after_a_broken_off_read_is_read_from_the_start(
    broken_off: Interrupted,
) -> None:
    syncs = broken_off.syncs
    space, owner = syncs.sim.space, syncs.space.administrator.id
    for team in list(space.project("OPS").teams):
        space.remove_project_team("OPS", team)
    space.delete_issue(min(space.issues))
    assert syncs.activities().success
    space.remove_member("OPS", owner)
    # What the feed has reported is not requested while the project is inaccessible, and of an
    # archived one issues are not counted.
    assert syncs.activities().success
    broken_off.load()
    space.archive_project("OPS")
    space.add_member("OPS", owner)
    syncs.sim.clock.advance(3600)
    assert syncs.activities().success
    broken_off.load()
    assert syncs.stored_issues() == syncs.source_issues()


def test_what_nothing_explains_is_repaired_by_reading_all_again(broken_off: Interrupted) -> None:
    syncs = broken_off.syncs
    syncs.change("DELETE FROM raw.issues WHERE id = (SELECT min(id) FROM raw.issues)")
    run = broken_off.load()
    assert syncs.stored_issues() == syncs.source_issues()
    assert any("reading all again" in line for line in run.log("WARNING"))
    assert "resumed" not in run.proofs()[0]


def test_a_repeated_read_is_resumed_and_still_finds_what_is_gone(whole: Interrupted) -> None:
    syncs = whole.syncs
    oldest, second, *_, newest = [
        row["id"] for row in syncs.query("SELECT id FROM raw.issues ORDER BY created_at, id")
    ]
    syncs.change(f"DELETE FROM raw.issues WHERE id = {second}")
    syncs.change(f"UPDATE raw.issues SET id = id + 1000000 WHERE id IN ({oldest}, {newest})")
    whole.load(pages=10)
    whole.load(pages=6)
    assert whole.sent_again <= PAGE + LOOKS
    run = whole.load()
    assert whole.sent_again <= PAGE + LOOKS
    assert "resumed" in run.proofs()[-1]
    assert syncs.stored_issues() == syncs.source_issues()
    gone = {
        (ghost + 1_000_000, "deleted", f"partition re-read; {CONFIRMED}")
        for ghost in (oldest, newest)
    }
    assert syncs.deletions("issues") == gone


def test_a_part_that_is_read_does_not_end_a_repeated_whole_read(whole: Interrupted) -> None:
    syncs = whole.syncs
    syncs.change("DELETE FROM raw.issues WHERE id = (SELECT min(id) FROM raw.issues)")
    whole.load(pages=10)
    state = "SELECT watermark, extra FROM ops.sync_state WHERE scope = 'issues'"
    begun = syncs.query(state)
    assert syncs.issues("OPS", first=CALENDAR.months()[-1]).success
    assert syncs.query(state) == begun
    whole.load()
    assert syncs.stored_issues() == syncs.source_issues()


def test_a_place_in_a_project_that_has_shrunk_meanwhile_is_found_again(
    broken_off: Interrupted,
) -> None:
    syncs = broken_off.syncs
    for gone in sorted(syncs.space.issues)[300:1000]:
        syncs.space.delete_issue(gone)
    broken_off.load()
    assert syncs.stored_issues() == syncs.source_issues()
    assert len(syncs.rows("issues", deleted=True)) == 700


@pytest.fixture
def behind(whole: Interrupted) -> Interrupted:
    """A space that was loaded, and of whose issues 800 were changed since, each more than the
    look-back after another.
    """
    space, clock = whole.syncs.sim.space, whole.syncs.sim.clock
    began = datetime.fromtimestamp(clock.now(), UTC) + timedelta(hours=1)
    clock.freeze(began + timedelta(hours=20))
    for number, issue in enumerate(sorted(space.issues)[:800]):
        space.edit_issue(issue, summary="changed", at=began + timedelta(seconds=61 * number))
    return whole


def test_a_read_of_many_changes_that_is_broken_off_goes_on_where_it_was(
    behind: Interrupted,
) -> None:
    syncs, stored = behind.syncs, []
    before = watermarks(syncs)["OPS"]
    for pages in (8, 2, 1, 2):
        behind.load(pages=pages)
        assert behind.sent_again <= PAGE + LOOKS
        stored.append(len(changed(syncs)))
    assert stored == sorted(set(stored))
    assert stored[-1] > 500
    assert watermarks(syncs)["OPS"] == before
    run = behind.load()
    assert behind.sent_again <= PAGE + LOOKS
    assert syncs.stored_issues() == syncs.source_issues()
    assert watermarks(syncs)["OPS"] > before
    assert not syncs.query("SELECT 1 FROM ops.sync_state WHERE extra <> '{}'")
    [proof] = run.proofs()
    assert (proof["how"], proof["resumed"]) == ("seams hold", True)


def test_what_changes_before_the_place_of_a_broken_off_read_is_found(behind: Interrupted) -> None:
    syncs, space = behind.syncs, behind.syncs.sim.space
    behind.load(pages=10)
    first, second, third, *_ = sorted(changed(syncs))
    syncs.sim.clock.advance(600)
    space.edit_issue(first, summary="meanwhile")
    space.delete_issue(second)
    space.edit_issue(third, estimated_hours=7)
    behind.load()
    assert syncs.stored_issues() == syncs.source_issues()
    assert syncs.row("issues", first)["summary"] == "meanwhile"
    assert syncs.deletions("issues") == {(second, "deleted", f"activity feed; {CONFIRMED}")}


def test_a_bulk_edit_that_is_broken_off_goes_on_inside_its_second(whole: Interrupted) -> None:
    syncs, space = whole.syncs, whole.syncs.sim.space
    # Those that were imported tie in the second of their creation, too.
    made_one_by_one = [
        issue.id for issue in space.issues.values() if not issue.description.startswith("CSV")
    ]
    space.bulk_edit(sorted(made_one_by_one)[:700], description="changed")
    syncs.sim.clock.advance(3_600)
    for pages in (8, 2, 2):
        whole.load(pages=pages)
        assert whole.sent_again <= PAGE + LOOKS
    assert 200 < len(changed(syncs)) < 700
    whole.load()
    assert whole.sent_again <= PAGE + LOOKS
    assert len(changed(syncs)) == 700
    assert syncs.stored_issues() == syncs.source_issues()


@pytest.mark.full
def test_a_project_with_another_key_is_read_by_id_and_resumed(whole: Interrupted) -> None:
    syncs, space = whole.syncs, whole.syncs.sim.space
    space.rename_project("OPS", key="NEW")
    syncs.sim.clock.advance(3_600)
    whole.load(pages=9)
    old = syncs.query("SELECT count(*) AS n FROM raw.issues WHERE issue_key LIKE 'OPS-%'")[0]["n"]
    assert len(space.issues) - 900 <= old <= len(space.issues) - 700
    whole.load()
    assert whole.sent_again <= PAGE + LOOKS
    assert whole.asked <= old / 100 + 4
    assert {row["issue_key"].split("-")[0] for row in syncs.rows("issues")} == {"NEW"}


def changed(syncs: Syncs) -> list[int]:
    """Return the ids of the stored issues that say that they were changed."""
    found = syncs.query(
        "SELECT id FROM raw.issues WHERE summary = 'changed' OR description = 'changed'"
    )
    return [row["id"] for row in found]
