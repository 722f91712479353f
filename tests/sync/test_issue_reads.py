"""The pages that a read of issues asks for, of a simulated space alone: no database is there."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient
from resources.backlog.errors import IncompleteScan
from simulator import Simulator
from sync.issue_reads import IssuePage, Listed, issue_pages
from sync.month_windows import Slice
from sync.plan import bind
from sync.reads import Changes, Months, Pass, Snapshot, State
from sync.visible_projects import Project
from tests.syncs import SMALL

MONTHS = ("2026-01", "2026-02")
LATER = datetime(2099, 1, 1, tzinfo=UTC)
Space = tuple[Simulator, BacklogClient]


@pytest.fixture
def space() -> Iterator[Space]:
    with (
        Simulator(SMALL) as sim,
        BacklogClient(sim.url, ApiKeyQuery(sim.api_key), sleep=lambda _seconds: None) as client,
    ):
        for _ in range(6):
            sim.clock.advance(600)
            sim.space.import_issues("OPS", 50)
        yield sim, client


def project(space: Space, key: str) -> Project:
    return Project(space[0].space.project(key).id, key, archived=False)


def everything(space: Space, key: str) -> set[int]:
    return set(space[0].space.project(key).issues)


def read(space: Space, one: Pass) -> tuple[list[IssuePage], Listed]:
    """Read to the end, as somebody does who stores nothing before."""
    pages, found = issue_pages(space[1], one), []
    while True:
        try:
            found.append(next(pages))
        except StopIteration as end:
            return found, end.value


def bound(one: Snapshot, state: State) -> Snapshot:
    """Return a first read as it begins in this state of the warehouse."""
    begins = bind(one, state, {})
    assert isinstance(begins, Snapshot)
    return begins


def in_order_of_creation(space: Space, key: str) -> tuple[tuple[datetime, int], ...]:
    issues = space[0].space.project(key).issues.values()
    return tuple(sorted((datetime.fromtimestamp(one.created, UTC), one.id) for one in issues))


def ids(pages: list[IssuePage]) -> set[int]:
    return {issue for page in pages for issue in page.issues.ids}


def test_the_checkpoint_of_a_page_stays_there_however_far_the_read_has_come(space: Space) -> None:
    ops = Snapshot(project(space, "OPS"), "OPS", MONTHS)
    pages, listed = read(space, ops)
    assert len(pages) > 2
    assert ids(pages) == listed.ids == everything(space, "OPS")
    assert not listed.proof.resumed
    for number in range(1, len(pages)):
        begun = pages[number - 1].checkpoint
        assert begun is not None
        rest, then = read(space, bound(ops, State(begun={ops.project.id: begun})))
        assert ids(pages[number:]) <= ids(rest)
        assert ids(rest) | ids(pages[:number]) == everything(space, "OPS")
        assert len(ids(rest)) < len(everything(space, "OPS"))
        assert then.proof.resumed
        assert then.complete_until == begun.started_at <= then.started_at


def test_a_snapshot_says_what_it_misses_once_its_checkpoint_covers_it(space: Space) -> None:
    ops = Snapshot(project(space, "OPS"), "OPS", MONTHS)
    stored = in_order_of_creation(space, "OPS")
    issues = [issue for _, issue in stored]
    early, late = issues[10], issues[-1]
    pages, listed = read(space, bound(ops, State(stored=stored)))
    assert not listed.unmet | {issue for page in pages for issue in page.missed}

    for issue in (early, late):
        space[0].space.delete_issue(issue)
    pages, listed = read(space, bound(ops, State(stored=stored)))
    assert [page.missed for page in pages if page.missed] == [{early}]
    assert pages[0].checkpoint is not None
    assert listed.unmet == {late}

    rest = State(begun={ops.project.id: pages[0].checkpoint}, stored=stored)
    pages, listed = read(space, bound(ops, rest))
    assert not {issue for page in pages for issue in page.missed}
    assert listed.unmet == {late}


def test_changes_that_fit_a_page_need_no_cursor(space: Space) -> None:
    sim, _ = space
    web, since = project(space, "WEB"), datetime.fromtimestamp(sim.clock.now(), UTC)
    sim.clock.advance(3600)
    changed = min(everything(space, "WEB"))
    sim.space.edit_issue(changed, summary="edited")
    [page], listed = read(space, Changes((web,), MONTHS, since=since, start=since))
    assert page.issues.ids == {changed}
    assert page.checkpoint is None
    assert listed.complete_until == listed.started_at >= since
    pages, _ = read(space, Changes((web,), MONTHS, since=since, start=LATER))
    assert ids(pages) == set()


def test_months_of_projects_refuse_an_issue_that_names_none(space: Space) -> None:
    first, last = (datetime(2000 + year, 1, 1, tzinfo=UTC) for year in (0, 99))
    both = Months(
        tuple((Slice(key, MONTHS, first, last), project(space, key)) for key in ("OPS", "WEB"))
    )
    pages, _ = read(space, both)
    assert ids(pages) == everything(space, "OPS") | everything(space, "WEB")
    space[0].rewrite_response(
        lambda request, body: (
            [one | {"projectId": None} for one in body[:1]] + body[1:]
            if request.route == "/issues"
            else body
        )
    )
    with pytest.raises(IncompleteScan, match="which project it is of"):
        read(space, both)
    alone = Months(both.parts[:1])
    pages, _ = read(space, alone)
    assert ids(pages) <= everything(space, "OPS")
