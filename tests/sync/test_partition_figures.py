"""What partitions report adds up to what the run reports and to what is stored, whatever happens at
the source.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

import pytest

from simulator.world import World
from sync.counts import Counts
from sync.events import WAITING
from sync.figures import Figures
from sync.modes import Mode
from sync.tally import CommentFigures
from tests.seed import SEED
from tests.syncs import CALENDAR, Loaded, Syncs, counts, load

TABLES = ("issues", "comments", "issue_changes")


def _delete_comment(space: World, _rng: Random, issue: int) -> None:
    for comment in space.issues[issue].comments[-1:]:
        space.delete_comment(comment)


ACTIONS: tuple[Callable[[World, Random, int], object], ...] = (
    _delete_comment,
    lambda space, rng, issue: space.edit_issue(
        issue, summary=str(rng.random()), comment=rng.choice(("", "said"))
    ),
    lambda space, rng, issue: space.move_issue(issue, rng.choice(("OPS", "WEB", "APP"))),
    lambda space, rng, _issue: space.create_issue(rng.choice(("OPS", "WEB", "APP"))),
    lambda space, _rng, issue: space.delete_issue(issue),
    lambda space, _rng, issue: space.comment(issue, "said"),
)


def _sum(loaded: Loaded, table: str) -> dict[str, int]:
    """Return what all partitions of a table say together."""
    said = (one.counts for done in loaded.passes if done.table == table for one in done.partitions)
    return counts(sum(said, Counts()))


@pytest.mark.parametrize(
    ("mode", "kept"), [("incremental", {}), (WAITING, {(300, "2026-03"): Counts(deleted=1)})]
)
def test_a_pass_begins_without_figures_and_a_wait_inside_it_keeps_them(
    mode: str, kept: dict[tuple[int, str], Counts]
) -> None:
    figures = Figures(CALENDAR)
    figures.marked([(300, datetime(2026, 3, 5, tzinfo=UTC))])
    figures.started(mode, None)
    assert figures.take().counts == kept


def test_figures_of_comments_are_taken_once_and_those_of_what_is_left_later() -> None:
    figures, read, left = Figures(CALENDAR), (300, "2026-03"), (301, "2026-03")
    one = CommentFigures(1, Counts(read=2, inserted=2), Counts(read=1, unchanged=1))
    figures.comments_stored({read: one, left: one})
    figures.comments_stored({read: one})
    assert figures.take_comments(without={left}) == {read: one + one}
    assert figures.take_comments() == {left: one}
    assert figures.take_comments() == {}
    assert figures.take().counts == {}


@pytest.mark.parametrize("number", range(3))
def test_figures_of_partitions_add_up_to_the_run_and_to_the_rows(
    synced: Syncs, number: int
) -> None:
    space, rng = synced.sim.space, Random(SEED + number)  # noqa: S311 - data, not secrets
    modes: tuple[Mode, ...] = ("incremental", "refresh", "targeted", "incremental", "backfill")
    for mode in modes:
        for _ in range(rng.randrange(15)):
            rng.choice(ACTIONS)(space, rng, rng.choice(sorted(space.issues)))
        run = load(synced, mode)
        assert {table: _sum(run, table) for table in TABLES} == {
            table: run.counts(table) for table in TABLES
        }
    for table in TABLES:
        stored = sum(one.stored for one in run.partitions(table).values())
        assert stored == len(synced.rows(table))
