"""Databases and a shell for commands that run in processes of their own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from resources.warehouse.server.connect import engine, parse_url
from tests.databases import copy_of, embedded_server
from tests.integration.commands import Shell

PASSWORD = "s3cr3t-of-the-database"
NewDatabase = Callable[[], str]


@pytest.fixture(scope="module")
def new_database(postgres_url: str) -> Iterator[NewDatabase]:
    """Return a function that makes an empty database and gives its URL, with a password in it."""
    admin = engine(postgres_url).execution_options(isolation_level="AUTOCOMMIT")
    with ExitStack() as stack:
        stack.callback(admin.dispose)

        def make() -> str:
            name = stack.enter_context(copy_of(admin, "template0"))
            url = parse_url(postgres_url).set(database=name, drivername="postgresql")
            return url.set(password=url.password or PASSWORD).render_as_string(hide_password=False)

        yield make


@pytest.fixture
def postgres_home() -> Iterator[Path]:
    """Return the home of a server of its own."""
    with embedded_server() as home:
        yield home


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Return a shell in an empty folder with nothing set but a home in it."""
    return Shell(tmp_path, {"BACKLOG_ELT_HOME": str(tmp_path / "home")})
