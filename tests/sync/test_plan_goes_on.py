"""Where a read begins, and what its end leads to: tables of cases, without database and source."""

from dataclasses import replace

import pytest

from resources.backlog.scan import LOOKBACK
from resources.backlog.window import ONE_PAGE, SEAMS
from sync.plan import after, bind, follow, locked_for, proof_of, split
from sync.reads import Changes, End, Months, Pass, Read, State
from tests.sync.reads import (
    BEHIND,
    LEVEL,
    MONTHS,
    TIMES,
    A,
    B,
    C,
    changes,
    checkpoint,
    end,
    issue,
    part,
    proof,
    renamed,
    resume,
    snapshot,
)

STORED = ((TIMES[0], 7), (TIMES[1], 8))
BOUND: dict[str, tuple[Read, State, dict[int, End], Read | None]] = {
    "a first read": (snapshot(A), State(), {}, snapshot(A)),
    "a first read that was broken off goes on": (
        snapshot(A),
        State(begun={1: checkpoint("created")}),
        {},
        replace(snapshot(A), resume=resume()),
    ),
    "a first read should meet what is stored": (
        snapshot(A),
        State(stored=STORED),
        {},
        replace(snapshot(A), expected=STORED),
    ),
    "a backfill of a complete project reads everything now": (
        snapshot(A),
        State(LEVEL, stored=STORED),
        {},
        replace(snapshot(A), keeps_cursor=False),
    ),
    "also where a read was broken off": (
        snapshot(A),
        State(LEVEL, begun={1: checkpoint("created")}),
        {},
        replace(snapshot(A), keeps_cursor=False),
    ),
    "a project that differed after its changes": (
        snapshot(A),
        State(LEVEL),
        {1: end(A)},
        replace(snapshot(A), changes_until=TIMES[4]),
    ),
    "a whole read that goes on after its changes": (
        snapshot(A),
        State(LEVEL, begun={1: checkpoint("created")}),
        {1: end()},
        replace(snapshot(A), resume=resume(), changes_until=TIMES[4]),
    ),
    "changes since the oldest watermark": (
        changes(B, A),
        State(BEHIND),
        {},
        replace(changes(B, A), since=TIMES[0], start=TIMES[0]),
    ),
    "a joined project, whose watermark the feed has forgotten meanwhile": (
        changes(A, B),
        State({2: TIMES[1]}),
        {},
        replace(changes(B), since=TIMES[1], start=TIMES[1]),
    ),
    "joined projects alone": (changes(A, B), State(), {}, None),
    "the rest of a pass with all of its projects": (
        changes(A, B),
        State(BEHIND, interrupted={1: checkpoint(), 2: checkpoint()}),
        {},
        replace(changes(A, B), since=TIMES[0], start=TIMES[0], resume=resume()),
    ),
    "not with one that was not in it": (
        changes(A, B),
        State(BEHIND, interrupted={1: checkpoint()}),
        {},
        replace(changes(A, B), since=TIMES[0], start=TIMES[0]),
    ),
    "nor with one that came further": (
        changes(A, B),
        State(BEHIND, interrupted={1: checkpoint(), 2: checkpoint(offset=200)}),
        {},
        replace(changes(A, B), since=TIMES[0], start=TIMES[0]),
    ),
    "months that reach from before a watermark to now": (
        Months((part(A, 1), part(B, 1))),
        State({1: TIMES[1] + LOOKBACK, 2: TIMES[1]}),
        {},
        Months((part(A, 1), part(B, 1)), frozenset({1})),
    ),
    "months that end before": (
        Months((part(A, 1, 1),)),
        State(BEHIND),
        {},
        Months((part(A, 1, 1),)),
    ),
    "months of a project that was never complete": (
        Months((part(A, 1),)),
        State(),
        {},
        Months((part(A, 1),)),
    ),
    "months of a project that is being read whole": (
        Months((part(A, 1),)),
        State({1: TIMES[2]}, begun={1: checkpoint("created")}),
        {},
        Months((part(A, 1),)),
    ),
    "no issue has a former key": (renamed(A), State(), {}, None),
    "issues of two projects have a former key": (
        renamed(A, B, C),
        State(requested=(issue(1, 3), issue(2, 1), issue(3, 3))),
        {1: end(), 2: end()},
        replace(renamed(A, C), parts=((issue(2, 1),), (issue(1, 3), issue(3, 3)))),
    ),
    "a renamed project that is read whole": (
        renamed(A, B),
        State(requested=(issue(1, 1), issue(2, 2))),
        {1: end(A), 2: end(A)},
        replace(renamed(B), parts=((issue(2, 2),),)),
    ),
    "a renamed project whose changes could not be read": (
        renamed(A),
        State(requested=(issue(1, 1),)),
        {2: end(B)},
        replace(renamed(A), parts=((issue(1, 1),),)),
    ),
}


@pytest.mark.parametrize(("read", "state", "ends", "bound"), BOUND.values(), ids=BOUND)
def test_a_read_begins_where_the_state_under_its_locks_says(
    read: Read, state: State, ends: dict[int, End], bound: Read | None
) -> None:
    assert bind(read, state, ends) == bound


PASS_OF_CHANGES = replace(changes(A, B), since=TIMES[0], start=TIMES[0])
REST_OF_CHANGES = replace(PASS_OF_CHANGES, resume=resume())
REST_OF_SNAPSHOT = replace(snapshot(A), resume=resume())
THEN_CHANGES = Changes((A,), MONTHS, since=TIMES[1], start=TIMES[1], rest_of=REST_OF_SNAPSHOT)
FOLLOWING: dict[str, tuple[Pass, End, Pass | None]] = {
    "a snapshot is complete": (snapshot(A), end(), None),
    "the rest of a snapshot, then the changes since its first try": (
        REST_OF_SNAPSHOT,
        end(as_of=TIMES[1], resumed=True),
        THEN_CHANGES,
    ),
    "a rest that was read whole after all": (REST_OF_SNAPSHOT, end(), None),
    "the number is equal after these": (THEN_CHANGES, end(), None),
    "the number differs after these": (THEN_CHANGES, end(A), snapshot(A)),
    "the changes were read before the rest": (
        replace(REST_OF_SNAPSHOT, changes_until=TIMES[4]),
        end(resumed=True),
        None,
    ),
    "and the number differs": (
        replace(REST_OF_SNAPSHOT, changes_until=TIMES[4]),
        end(A, resumed=True),
        replace(snapshot(A), changes_until=TIMES[4]),
    ),
    "the rest of changes, then those since its first try": (
        REST_OF_CHANGES,
        end(as_of=TIMES[1], resumed=True),
        replace(PASS_OF_CHANGES, start=TIMES[1]),
    ),
    "a pass over changes, whose number is equal": (PASS_OF_CHANGES, end(), None),
    "a project of it differs, and is read whole when all passes are done": (
        PASS_OF_CHANGES,
        end(B),
        None,
    ),
    "months": (Months((part(A, 1),)), end(), None),
}


@pytest.mark.parametrize(("read", "ended", "then"), FOLLOWING.values(), ids=FOLLOWING)
def test_a_pass_goes_on_until_it_has_proven_its_projects(
    read: Pass, ended: End, then: Pass | None
) -> None:
    assert follow(read, ended) == then


AFTER: dict[str, tuple[Pass, End, list[Read]]] = {
    "equal": (changes(A, B), end(), []),
    "projects that differ are read whole": (
        changes(C, B, A),
        end(A, C),
        [snapshot(C), snapshot(A)],
    ),
    "once, where they are read whole anyway": (changes(A, B, later=[A]), end(A), []),
    "a snapshot": (snapshot(A), end(), []),
    "a snapshot that began with a rest": (REST_OF_SNAPSHOT, end(A), []),
    "months": (Months((part(A, 1),)), end(), []),
}


@pytest.mark.parametrize(("read", "ended", "more"), AFTER.values(), ids=AFTER)
def test_a_project_whose_number_differs_is_read_whole_at_the_end(
    read: Pass, ended: End, more: list[Read]
) -> None:
    assert after(read, ended) == more


def test_a_pass_that_a_project_spoils_is_read_by_projects() -> None:
    """With nothing of what the pass was bound to but what was planned."""
    spoiled = replace(changes(A, B, later=[B]), since=TIMES[0], start=TIMES[0])
    alone = [bind(one, State(BEHIND, interrupted={2: checkpoint()}), {}) for one in split(spoiled)]
    assert alone == [
        replace(changes(A, later=[B]), since=TIMES[0], start=TIMES[0]),
        replace(changes(B, later=[B]), since=TIMES[1], start=TIMES[1], resume=resume()),
    ]
    months = Months((part(A, 1), part(B, 1)), frozenset({1, 2}))
    assert [one.projects for one in split(months) if isinstance(one, Months)] == [(A,), (B,)]


def test_what_is_read_whole_or_by_months_is_locked_for_that_alone() -> None:
    reads: tuple[Read, ...] = (snapshot(A), Months((part(A, 1), part(B, 1))), changes(A, B))
    assert [locked_for(one) for one in (*reads, renamed(A))] == [{1}, {1, 2}, set(), set()]


@pytest.mark.parametrize(
    ("steps", "pages", "how"),
    [
        ([(snapshot(A), 7)], 7, ONE_PAGE),
        ([(REST_OF_SNAPSHOT, 5), (THEN_CHANGES, 1)], 5, ONE_PAGE),
        ([(REST_OF_SNAPSHOT, 5), (THEN_CHANGES, 1), (snapshot(A), 9)], 9, ONE_PAGE),
        ([(REST_OF_CHANGES, 3), (PASS_OF_CHANGES, 1)], 4, ONE_PAGE),
        ([(Months((part(A, 1),)), 2)], 2, ONE_PAGE),
    ],
    ids=["snapshot", "rest of a snapshot", "snapshot anew", "rest of changes", "months"],
)
def test_the_proof_of_a_pass_is_that_of_what_it_was_to_read(
    steps: list[tuple[Pass, int]], pages: int, how: str
) -> None:
    found = proof_of([(read, end(pages=pages)) for read, pages in steps])
    assert (found.pages, found.how) == (pages, how)
    weaker = [(REST_OF_CHANGES, End(TIMES[1], proof(how=SEAMS))), (PASS_OF_CHANGES, end())]
    assert proof_of(weaker).how == SEAMS
