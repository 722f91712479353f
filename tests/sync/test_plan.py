"""What a load of issues reads, and in which order: tables of cases, without database and source."""

from datetime import datetime, timedelta

import pytest

from resources.backlog.scan import LOOKBACK, PROJECTS_PER_REQUEST
from sync.month_windows import Slice
from sync.plan import bind, plan
from sync.reads import Changes, Lookup, Months, Read, Request, State
from sync.visible_projects import Project
from tests.sync.reads import (
    BEHIND,
    LEVEL,
    MONTHS,
    OLD,
    TIMES,
    A,
    B,
    C,
    D,
    changes,
    checkpoint,
    incremental,
    issue,
    part,
    renamed,
    snapshot,
)

INCREMENTAL: dict[str, tuple[Request, State, list[Read]]] = {
    "no project can be seen": (incremental(), State(), []),
    "a first load reads each project whole": (
        incremental(A, B),
        State(),
        [snapshot(A), snapshot(B)],
    ),
    "known projects are read in one pass, archived ones too": (
        incremental(A, B, OLD),
        State(LEVEL),
        [changes(A, B, OLD), renamed(A, B, OLD)],
    ),
    "a new project is read whole behind the others": (
        incremental(A, B, C),
        State({1: TIMES[0], 3: TIMES[0]}),
        [changes(A, C, later=[B]), renamed(A, C), snapshot(B)],
    ),
    "a project whose whole read was broken off is read by changes, then whole": (
        incremental(A, B),
        State(LEVEL, begun={2: checkpoint("created")}),
        [changes(A, B, later=[B]), renamed(A), snapshot(B)],
    ),
    "a first read that was broken off has no changes": (
        incremental(A, B),
        State({1: TIMES[0]}, begun={2: checkpoint("created")}),
        [changes(A, later=[B]), renamed(A), snapshot(B)],
    ),
    "an issue in quarantine that cannot be asked for": (
        incremental(A, B),
        State(LEVEL, unplaced=frozenset({1})),
        [changes(A, B, later=[A]), renamed(B), snapshot(A)],
    ),
    "an issue in quarantine of no known project": (
        incremental(A, B),
        State(LEVEL, unplaced=frozenset({None})),
        [changes(A, B, later=[A, B]), snapshot(A), snapshot(B)],
    ),
    "what is known of projects that the run does not cover changes nothing": (
        incremental(B),
        State(LEVEL, begun={1: checkpoint("created")}, unplaced=frozenset({1})),
        [changes(B), renamed(B)],
    ),
}


@pytest.mark.parametrize(("request_", "state", "reads"), INCREMENTAL.values(), ids=INCREMENTAL)
def test_changes_are_read_first_then_renamed_projects_then_whole_ones(
    request_: Request, state: State, reads: list[Read]
) -> None:
    assert plan(request_, state) == reads


def moment(hours: int, *, before: bool = False) -> datetime:
    """Return the watermark after some hours as a pass reads from it, or a second before that."""
    return TIMES[hours] - LOOKBACK - timedelta(seconds=before)


PASSES: dict[str, tuple[tuple[Project, ...], State, list[tuple[Project, ...]]]] = {
    "the oldest watermark first": ((C, A, B), State(BEHIND), [(A, B, C)]),
    "more than a few rows would come again": (
        (D, C, B, A),
        State(BEHIND, crowded={2: moment(0, before=True), 3: moment(0), 4: moment(2, before=True)}),
        [(A, B), (C, D)],
    ),
    "with one watermark nothing comes again": (
        (A, B),
        State(LEVEL, crowded={2: TIMES[0]}),
        [(A, B)],
    ),
    "projects of a broken off pass stay together and apart from others": (
        (A, B, C, D),
        State(
            BEHIND,
            interrupted={1: checkpoint(), 3: checkpoint(), 2: checkpoint(offset=200)},
            crowded={3: TIMES[2]},
        ),
        [(A, C), (B,), (D,)],
    ),
    "what has joined no broken off pass goes by its watermark": (
        (A, B, C, D),
        State(
            BEHIND,
            interrupted={1: checkpoint(), 2: checkpoint()},
            crowded={4: moment(2)},
        ),
        [(A, B), (C,), (D,)],
    ),
}


@pytest.mark.parametrize(("projects", "state", "groups"), PASSES.values(), ids=PASSES)
def test_projects_share_a_pass_if_few_rows_come_again(
    projects: tuple[Project, ...], state: State, groups: list[tuple[Project, ...]]
) -> None:
    reads = plan(incremental(*projects), state)
    assert [one.projects for one in reads if isinstance(one, Changes)] == groups


MANY = tuple(Project(number, f"P{number}", archived=False) for number in range(10, 112))
WINDOWS: dict[str, tuple[list[tuple[Slice, Project]], list[Read]]] = {
    "nothing": ([], []),
    "whole projects one by one": ([part(A), part(B)], [snapshot(A), snapshot(B)]),
    "the same months together": (
        [part(A, 1), part(B, 1), part(C, 1, 1)],
        [Months((part(A, 1), part(B, 1))), Months((part(C, 1, 1),))],
    ),
    "two stretches of a project": (
        [part(A, 0, 0), part(A, 2), part(B, 0, 0), part(B, 2)],
        [Months((part(A, 0, 0), part(B, 0, 0))), Months((part(A, 2), part(B, 2)))],
    ),
    "an archived project alone": (
        [part(A, 1), part(OLD, 1), part(B, 1)],
        [Months((part(A, 1), part(B, 1))), Months((part(OLD, 1),))],
    ),
    "a whole project between months": (
        [part(A, 1), part(C), part(B, 1)],
        [Months((part(A, 1), part(B, 1))), snapshot(C)],
    ),
    "a renamed project under both of its keys": (
        [part(A, 1), part(A, 1, key="FORMER"), part(B, 1)],
        [Months((part(A, 1),)), Months((part(A, 1, key="FORMER"), part(B, 1)))],
    ),
    "a renamed project whole, under its former key": (
        [part(A, key="FORMER")],
        [snapshot(A, "FORMER")],
    ),
    "no more projects than fit a request": (
        [part(one, 1) for one in MANY],
        [
            Months(tuple(part(one, 1) for one in MANY[:PROJECTS_PER_REQUEST])),
            Months(tuple(part(one, 1) for one in MANY[PROJECTS_PER_REQUEST:])),
        ],
    ),
}


@pytest.mark.parametrize(("parts", "reads"), WINDOWS.values(), ids=WINDOWS)
def test_a_backfill_reads_the_same_months_of_projects_together(
    parts: list[tuple[Slice, Project]], reads: list[Read]
) -> None:
    assert plan(Request("backfill", MONTHS, parts=tuple(parts)), State()) == reads


def test_a_targeted_load_asks_for_what_is_requested_and_skips_locked_projects() -> None:
    requested = (issue(1, 7), issue(2, 0), issue(3, 8))
    [read] = plan(Request("targeted", MONTHS), State(requested=requested))
    assert read == Lookup("targeted", (requested,), locks="skip", acknowledge=True)
    assert bind(read, State(), {}) == read


def test_a_refresh_asks_for_its_share_a_project_at_a_time() -> None:
    share = (issue(1, 8), issue(2, 7), issue(3, 8))
    [read] = plan(Request("refresh", MONTHS), State(requested=share))
    parts = ((share[1],), (share[0], share[2]))
    assert read == Lookup("refresh", parts, locks="wait", acknowledge=False)
    nothing = Lookup("refresh", (), locks="wait", acknowledge=False)
    assert plan(Request("refresh", MONTHS), State()) == [nothing]
