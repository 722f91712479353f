"""Signals end a real `up` at any moment, with all that it has started, and the next one starts.

A hundred moments for each signal are in `tests/pipelines/test_stop_signals.py`.
"""

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import psutil
import pytest

from pipelines.processes import runs
from simulator import Fault, Simulator, SpaceSpec
from tests.integration.commands import Shell, end
from tests.integration.conftest import NewDatabase
from tests.integration.signals import BOUND_SECONDS, STOPPING, Place, place
from tests.seed import SEED

pytestmark = pytest.mark.long

INT, TERM, HUP, KILL = signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL
#: What is sent in which part of a start: while modules are read, while processes start, when it
#: runs, and when it ends.
TRIES = (
    ((INT,), 0.0, 0.3),
    ((HUP,), 0.3, 0.6),
    ((TERM,), 0.6, 1.0),
    ((KILL,), 0.3, 1.0),
    ((INT, TERM), 0.5, 1.3),
    ((TERM, HUP), 0.3, 1.0),
)


@pytest.fixture(scope="module")
def there() -> Iterator[Place]:
    """Give a home, and moments that the seed of the day draws."""
    with place(Random(SEED)) as made:  # noqa: S311 - moments, not secrets
        yield made


def test_one_of_two_started_at_once_runs_and_the_next_ends_what_a_killed_one_left(
    there: Place,
) -> None:
    there.home.mkdir()
    both = [there.start("--no-load"), there.start("--no-load")]
    end = time.monotonic() + BOUND_SECONDS
    try:
        while all(one.poll() is None for one in both) and time.monotonic() < end:
            time.sleep(0.05)
        [one_at_work] = [one for one in both if one.poll() is None]
        [refused] = [one for one in both if one.poll() is not None]
        said = there.said(refused)
        while "hosting.code_server" not in " ".join(there.processes()) and time.monotonic() < end:
            time.sleep(0.02)  # the first of its processes
        children = psutil.Process(one_at_work.pid).children(recursive=True)
    finally:
        for one in both:
            one.kill()
            one.wait()
    assert refused.returncode == 1
    assert (
        f"Error: backlog-elt up is starting or stopping for {there.home} (process "
        f"{one_at_work.pid}): wait for it"
    ) in said
    assert len(children) >= 2
    there.begin()
    assert not any(runs(child.pid, child.create_time()) for child in children)
    assert there.processes() == []


@pytest.mark.parametrize(
    ("sent", "first", "last"),
    TRIES,
    ids=["+".join(one.name for one in sent) for sent, _, _ in TRIES],
)
def test_a_signal_at_a_random_moment_ends_it_and_leaves_nothing(
    there: Place, sent: tuple[signal.Signals, ...], first: float, last: float
) -> None:
    done = there.attempt(sent, there.rng.uniform(first, last))
    assert done.wrong == [], done


def test_after_all_that_it_starts(there: Place) -> None:
    there.begin()
    assert there.processes() == []


def test_a_load_that_is_interrupted_says_so_in_one_line_and_continues_next_time(
    tmp_path: Path, new_database: NewDatabase
) -> None:
    with Simulator(SpaceSpec(seed=3, users=2, projects=1, issues=5, history_days=240)) as sim:
        databases = {"WAREHOUSE_URL": new_database(), "DAGSTER_POSTGRES_URL": new_database()}
        space = {
            "BACKLOG_URL": sim.url,
            "BACKLOG_API_KEY": sim.api_key,
            "BACKLOG_ELT_HOME": str(tmp_path / "home"),
        }
        shell, asked = Shell(tmp_path, databases | space), threading.Event()
        sim.before_request(lambda request: asked.set() if request.route == "/users" else None)
        sim.faults.add(Fault("slow", path="/users", times=None, seconds=60.0))
        for number in STOPPING:
            asked.clear()
            process = shell.start("load", "--no-progress")
            assert asked.wait(BOUND_SECONDS)
            process.send_signal(number)
            done = end(process)
            assert (done.code, done.out) == (128 + number, "")
            assert done.lines == [
                "Error: interrupted: what was committed is kept; run the same command again"
            ]
        sim.faults.clear()
        shell.succeed("load", "--no-progress")
