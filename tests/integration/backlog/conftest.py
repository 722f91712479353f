"""A simulated space over real HTTP, and clients whose waits move its clock instead of passing."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient
from simulator import Simulator, SpaceSpec

Connect = Callable[..., BacklogClient]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Make clients of a simulator; they share its clock, and a wait of theirs moves it ahead."""
    with ExitStack() as stack:

        def make(sim: Simulator, auth: httpx.Auth | None = None, **options: Any) -> BacklogClient:
            signed = auth or ApiKeyQuery(sim.api_key)
            client = BacklogClient(
                sim.url, signed, sleep=sim.clock.advance, clock=sim.clock.now, **options
            )
            return stack.enter_context(client)

        yield make


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """Serve a space of 1,200 issues in three projects, its clock stopped at the end of its
    history.
    """
    spec = SpaceSpec(seed=3, users=12, projects=3, issues=1200)
    with Simulator(spec) as simulator:
        simulator.clock.freeze()
        yield simulator
