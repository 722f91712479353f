"""Fixtures that every test may use: a real PostgreSQL of this session, and a fresh migrated database for each test."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from resources.warehouse import embedded
from resources.warehouse.connect import engine, parse_url
from resources.warehouse.migrations import upgrade


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a server for this session: an embedded one, or TEST_POSTGRES_URL to try another version."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        yield given
        return
    # Not under pytest's folders: they are for one user only, and the server of root runs as another.
    home = Path(tempfile.mkdtemp(prefix="backlog-elt-test-"))
    try:
        yield embedded.ensure_server(home).url("postgres")
    finally:
        embedded.stop(home)
        shutil.rmtree(home)


def _database(url: str, name: str) -> str:
    return parse_url(url).set(database=name, drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def _template(postgres_url: str) -> Iterator[tuple[Engine, str]]:
    admin = engine(postgres_url).execution_options(isolation_level="AUTOCOMMIT")
    name = f"template_{uuid.uuid4().hex[:12]}"
    with admin.connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
    migrated = engine(_database(postgres_url, name))
    upgrade(migrated)
    migrated.dispose()
    yield admin, name
    with admin.connect() as conn:
        conn.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def warehouse_url(postgres_url: str, _template: tuple[Engine, str]) -> Iterator[str]:
    """URL of a fresh, migrated database that is dropped after the test."""
    admin, template = _template
    name = f"test_{uuid.uuid4().hex[:12]}"
    with admin.connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield _database(postgres_url, name)
    with admin.connect() as conn:
        conn.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[Engine]:
    """Engine on the fresh database."""
    made = engine(warehouse_url)
    yield made
    made.dispose()
