"""The engine on a small space: a fresh one, and one that was loaded whole."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from math import inf

import pytest
from sqlalchemy import Engine

from resources.backlog.client import BacklogClient
from resources.warehouse.server.connect import engine
from simulator import Simulator, SpaceSpec
from tests.databases import copy_of, database_url
from tests.sync.somebody import TINY
from tests.syncs import SMALL, StartSyncs, Syncs


class SlowSource(BacklogClient):
    """A client that finds the source slower than PostgreSQL, so that a load reads ahead."""

    @property
    def quickest_answer(self) -> float:
        """More seconds than any commit takes."""
        return inf


#: Runs each test of a module twice: a page is stored before the next one is asked for, or while it
#: is under way.
IN_BOTH_ORDERS = pytest.mark.parametrize(
    "client_type",
    [BacklogClient, SlowSource],
    indirect=True,
    ids=["stored first", "stored behind"],
)


@pytest.fixture
def client_type(request: pytest.FixtureRequest) -> type[BacklogClient]:
    """Return the client that loads use."""
    chosen: type[BacklogClient] = getattr(request, "param", BacklogClient)
    return chosen


@pytest.fixture
def start_syncs(warehouse: Engine, client_type: type[BacklogClient]) -> Iterator[StartSyncs]:
    """Return a function that starts a simulated space, to be loaded into the fresh database."""
    with ExitStack() as stack:

        def start(spec: SpaceSpec = SMALL, **options: object) -> Syncs:
            # The simulator checks the options.
            sim = stack.enter_context(Simulator(spec, **options))  # type: ignore[arg-type]
            return Syncs(sim, warehouse, client_type=client_type)

        yield start


@pytest.fixture
def syncs(start_syncs: StartSyncs) -> Syncs:
    """Return the engine on a small quiet space of which nothing is loaded yet."""
    return start_syncs()


@pytest.fixture
def loaded(start_syncs: StartSyncs) -> Syncs:
    """Return the engine on a tiny space that was loaded whole, where nobody is masked."""
    return start_syncs(TINY).load()


@contextmanager
def on_copy(
    server: str,
    admin: Engine,
    template: str,
    spec: SpaceSpec,
    client_type: type[BacklogClient] = BacklogClient,
) -> Iterator[Syncs]:
    """Give the engine on a simulated space and a copy of a database."""
    with copy_of(admin, template) as name, Simulator(spec) as sim:
        made = engine(database_url(server, name))
        yield Syncs(sim, made, client_type=client_type)
        made.dispose()


@contextmanager
def as_template(
    server: str, template: tuple[Engine, str], spec: SpaceSpec, load: Callable[[Syncs], object]
) -> Iterator[str]:
    """Give the name of a database into which a space was loaded: `on_copy` gives copies of it."""
    with on_copy(server, *template, spec) as syncs:
        load(syncs)
        syncs.engine.dispose()
        yield str(syncs.engine.url.database)


@pytest.fixture(scope="session")
def _synced_template(postgres_url: str, _template: tuple[Engine, str]) -> Iterator[str]:
    with as_template(postgres_url, _template, SMALL, Syncs.load) as name:
        yield name


@pytest.fixture
def synced(
    postgres_url: str,
    _template: tuple[Engine, str],
    _synced_template: str,
    client_type: type[BacklogClient],
) -> Iterator[Syncs]:
    """Return the engine on a small quiet space that was loaded whole: the same space again, and a
    copy of its warehouse.
    """
    with on_copy(postgres_url, _template[0], _synced_template, SMALL, client_type) as syncs:
        yield syncs
