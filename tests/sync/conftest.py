"""The engine on a small space: a fresh one, and one that was loaded whole."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import Engine

from resources.warehouse.connect import engine
from simulator import Simulator, SpaceSpec
from sync import write_behind
from tests.databases import copy_of, database_url
from tests.syncs import SMALL, StartSyncs, Syncs


@pytest.fixture
def start_syncs(warehouse: Engine) -> Iterator[StartSyncs]:
    """Return a function that starts a simulated space, to be loaded into the fresh database."""
    with ExitStack() as stack:

        def start(spec: SpaceSpec = SMALL, **options: object) -> Syncs:
            # The simulator checks the options.
            sim = stack.enter_context(Simulator(spec, **options))  # type: ignore[arg-type]
            return Syncs(sim, warehouse)

        yield start


@pytest.fixture
def syncs(start_syncs: StartSyncs) -> Syncs:
    """Return the engine on a small quiet space of which nothing is loaded yet."""
    return start_syncs()


@pytest.fixture(params=["stored first", "stored behind"])
def order(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test twice: a page is stored before the next one is asked for, or while it is under way
    as with a slow source.
    """
    if request.param == "stored behind":
        monkeypatch.setattr(write_behind, "MARGIN", 0.0)


@pytest.fixture(scope="session")
def _synced_template(postgres_url: str, _template: tuple[Engine, str]) -> Iterator[str]:
    with copy_of(*_template) as name:
        made = engine(database_url(postgres_url, name))
        with Simulator(SMALL) as sim:
            Syncs(sim, made).load()
        made.dispose()
        yield name


@pytest.fixture
def synced(
    postgres_url: str, _template: tuple[Engine, str], _synced_template: str
) -> Iterator[Syncs]:
    """Return the engine on a small quiet space that was loaded whole: the same space again, and a
    copy of its warehouse.
    """
    with copy_of(_template[0], _synced_template) as name, Simulator(SMALL) as sim:
        made = engine(database_url(postgres_url, name))
        yield Syncs(sim, made)
        made.dispose()
