"""Faults from outside during a load: the server restarts or crashes, the network is cut, the disk
is full, others load at once.

The load may fail with a clear message; the next one ends with the warehouse equal to the source.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from simulator import Fault, RequestInfo, Simulator
from tests.deployment import Deployment, failures, quiet
from tests.faults import full_disk
from tests.instances import in_memory
from tests.integration.exactness import kills
from tests.integration.exactness.databases import Databases, Server, databases, server
from tests.integration.exactness.differences import differences
from tests.integration.exactness.forge import Forge
from tests.integration.exactness.kills import scene
from tests.integration.exactness.machine import BEGIN, SPEC
from tests.integration.exactness.people import People
from tests.integration.exactness.syncs import incremental, look_whole

pytestmark = pytest.mark.long


@contextmanager
def deployed(fresh: Databases) -> Iterator[tuple[Deployment, People]]:
    """Give a deployment into which nothing is loaded yet, and the people of its space."""
    with fresh.fresh() as (url, engine), Simulator(SPEC) as sim, in_memory() as instance:
        sim.clock.freeze(BEGIN)
        yield Deployment(sim, url, engine, instance, sim.api_key, quiet()), People(sim.space)


def once_at(sim: Simulator, number: int, what: Callable[[], None]) -> threading.Lock:
    """Do something before the `number`-th request from now on is answered; return the lock that is
    held meanwhile: a load that fails then does not wait for the answer.
    """
    asked, at_work = iter(range(1, 1_000_000)), threading.Lock()

    def before(_request: RequestInfo) -> None:
        if next(asked) == number:
            with at_work:
                what()

    sim.before_request(before)
    return at_work


def assert_repaired(deployment: Deployment, people: People) -> None:
    """Load again, undisturbed, and expect to find all equal and nothing left over."""
    deployment.sim.clock.advance(61)
    assert look_whole(deployment, people.rng)
    assert incremental(deployment, people.rng)
    assert differences(deployment) == []
    assert not deployment.query("SELECT id FROM ops.sync_outcomes WHERE status = 'in_progress'")


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    with server() as made:
        yield made


@pytest.fixture(params=[3, 9, 25])
def moment(request: pytest.FixtureRequest) -> int:
    """The request of the load before which it happens: among the first, and in the middle."""
    number: int = request.param
    return number


@pytest.mark.parametrize("how", ["restart", "crash"])
def test_the_server_goes_down_and_comes_back_during_a_load(
    own_server: Server, how: str, moment: int
) -> None:
    with databases(own_server.url) as fresh, deployed(fresh) as (deployment, people):
        goes_down = once_at(deployment.sim, moment, getattr(own_server, how))
        incremental(deployment, people.rng)
        with goes_down:  # until it is back
            people.burst(100, seed=moment)
        goes_down = once_at(deployment.sim, moment, getattr(own_server, how))
        incremental(deployment, people.rng)
        goes_down.acquire()
        assert_repaired(deployment, people)


def test_the_network_is_cut_during_a_load(fresh_databases: Databases, moment: int) -> None:
    with deployed(fresh_databases) as (deployment, people):
        once_at(
            deployment.sim, moment, lambda: deployment.sim.faults.add(Fault("close", times=None))
        )
        run = deployment.discover().run_issues(mode="incremental")
        assert not run.success
        assert all("check BACKLOG_URL and the network" in line for line in failures(run)[:1])
        deployment.sim.faults.clear()
        people.burst(100, seed=moment)
        assert_repaired(deployment, people)


@pytest.mark.parametrize(
    "table", ["raw.issues", "raw.comments", "raw.issue_changes", "raw.activities", "ops.sync_state"]
)
def test_the_disk_is_full_during_a_load(fresh_databases: Databases, table: str) -> None:
    with deployed(fresh_databases) as (deployment, people):
        assert incremental(deployment, people.rng)
        people.burst(100, seed=5)
        with full_disk(deployment.engine, table):
            run = deployment.discover().run_issues(mode="incremental")
        assert not run.success
        assert any("disk" in line and "free some space" in line for line in failures(run))
        assert_repaired(deployment, people)


@pytest.mark.parametrize(
    "options", [(), ("--full",)], ids=["two loads", "a load while a backfill runs"]
)
def test_others_load_at_the_same_time(fresh_databases: Databases, options: tuple[str, ...]) -> None:
    with (
        scene(fresh_databases, seed=2, spec=replace(kills.SPEC, issues=200)) as stage,
        ExitStack() as stack,
    ):
        other = stack.enter_context(Forge(stage.variables))
        for turn in range(3):
            other.start("load", *options)
            stage.forge.start("load")
            for forge in (stage.forge, other):
                code, said = forge.wait()
                assert code == 0, said
            stage.sim.clock.advance(3_600)
            stage.people.burst(40, seed=turn)
        stage.load("--full")
        stage.load()
        stage.people.silence.clear()
        stage.compare()
        assert stage.figures.differences == []
