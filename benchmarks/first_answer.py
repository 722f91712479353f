"""How soon a first load answers when the source decides: marts of the present state, open issues
with their history, and the rest.

`python -m benchmarks.first_answer [--pace 2]`: the space has 100,000 issues and the limits of the
paid plan, and takes 150 ms for an answer. At a pace of 2 its answers and limits are twice as fast,
and minutes count twice: half an hour instead of one. What our programs and PostgreSQL need counts
twice, too. The second part loads 2,000 issues at four speeds of the source, and compares with the
time of the answers.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sqlalchemy import Engine, text

from benchmarks.figures import Figure, expect_equal, show
from benchmarks.workshop import control, counted, home, served, slow_down
from resources.warehouse.server import embedded
from resources.warehouse.server.connect import engine
from simulator import spawn_simulator
from simulator.limits import PLANS

ISSUES, PROJECTS, LATENCY = 100_000, 20, 0.15
#: Minutes of the space until the first build of the marts has ended, and until all open issues have
#: their history.
MARTS_BOUND, OPEN_BOUND = 20.0, 60.0
#: What a first load may take, in times of the sum of its answers' times, and seconds on top of it.
SHARE_BOUND, START_BOUND = 1.08, 8.0
SMALL, SPEEDS = 2_000, (50, 100, 150, 400)
PATIENCE_MINUTES = 180.0

BUILT = "SELECT count(*) FROM ops.mart_builds WHERE ended_at IS NOT NULL"
OPEN = "SELECT count(*), count(*) FILTER (WHERE NOT history_complete) FROM mart.issue_now"
HISTORIES = "SELECT count(*) FROM ops.issue_sync_state WHERE updated_at IS NOT NULL"


def first_answer(issues: int, pace: float) -> Iterator[Figure]:
    """Let `backlog-elt up` load a large space, until all its open issues have their history."""
    group = (
        f"first load of {issues:,} issues, paid plan, {LATENCY * 1_000:.0f} ms an "
        f"answer, at a pace of {pace:g}"
    )
    with (
        spawn_simulator(projects=PROJECTS, issues=issues, limits="paid") as simulator,
        home(simulator) as place,
    ):
        plan = PLANS["paid"]
        control(
            simulator,
            "/limits",
            {"read": round(plan.read * pace), "search": round(plan.search * pace)},
        )
        slow_down(simulator, LATENCY / pace)
        there = control(simulator, "/")["issues"]
        made = _warehouse(place.folder)
        began = time.monotonic()
        with served(place, load=True):

            def minutes() -> float:
                return (time.monotonic() - began) / 60 * pace

            _wait(minutes, made, BUILT, lambda found: found[0] > 0)
            yield Figure(group, "marts of the present state", minutes(), "min", MARTS_BOUND)
            expect_equal(
                "issues in the marts",
                _numbers(made, "SELECT count(*) FROM mart.issue WHERE NOT is_deleted")[0],
                there,
            )
            [at_first], since = _numbers(made, HISTORIES), minutes()
            found = _wait(minutes, made, OPEN, lambda found: found[1] == 0)
            yield Figure(group, "open issues, all with their history", minutes(), "min", OPEN_BOUND)
            yield Figure(group, "open issues", found[0], "issues")
            [by_now], seconds = _numbers(made, HISTORIES), (minutes() - since) * 60
            yield Figure(group, "histories read by then", by_now, "issues")
            yield Figure(
                group,
                "a history, next to the time of its answer",
                seconds / (by_now - at_first) / LATENCY,
                "times",
            )
            yield Figure(
                group,
                "answers with 429",
                control(simulator, "/requests")["status"].get("429", 0),
                "answers",
                0,
            )
        made.dispose()


def _warehouse(folder: Path) -> Engine:
    return engine(embedded.ensure_server(folder).url(embedded.WAREHOUSE))


def _numbers(made: Engine, query: str) -> Sequence[int]:
    """Return a row of numbers, zeros while there is no such table yet."""
    name = query.partition(" FROM ")[2].split()[0]
    with made.connect() as connection:
        if (
            connection.execute(text("SELECT to_regclass(:name)"), {"name": name}).scalar_one()
            is None
        ):
            return (0, 0)
        return tuple(connection.execute(text(query)).one())


def _wait(
    minutes: Callable[[], float], made: Engine, query: str, met: Callable[[Sequence[int]], bool]
) -> Sequence[int]:
    """Ask every few seconds until numbers are as they should be, and return them."""
    while not met(found := _numbers(made, query)):
        if minutes() > PATIENCE_MINUTES:
            raise RuntimeError(f"nothing after {PATIENCE_MINUTES:.0f} minutes of the space")
        time.sleep(2)
    return found


def next_to_answers(issues: int, speeds: Sequence[int]) -> Iterator[Figure]:
    """Load a small space at several speeds of the source, next to the time of its answers."""
    for speed in speeds:
        group = f"first load of {issues:,} issues with comments, {speed} ms an answer"
        with spawn_simulator(issues=issues, limits="none") as simulator, home(simulator) as place:
            slow_down(simulator, speed / 1_000)
            with counted(simulator) as requests:
                ran = place.load()
        expect_equal(f"{group}: inserted", ran.found["tables"]["issues"]["inserted"], issues)
        answers = requests["milliseconds"] / 1_000
        yield Figure(group, "wall time", ran.seconds, "s", SHARE_BOUND * answers + START_BOUND)
        yield Figure(group, "time of its answers", answers, "s")


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--issues", type=int, default=ISSUES, help="of the large space; 0 leaves it out"
    )
    parser.add_argument(
        "--pace",
        type=float,
        default=2.0,
        help="how many times as fast as a real space the large one answers",
    )
    parser.add_argument(
        "--speeds",
        type=int,
        nargs="*",
        default=SPEEDS,
        help="milliseconds an answer of the small space",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    parts = [first_answer(chosen.issues, chosen.pace)] if chosen.issues else []
    return show([*parts, next_to_answers(SMALL, chosen.speeds)], as_json=chosen.json)


if __name__ == "__main__":
    sys.exit(main())
