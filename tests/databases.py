"""Servers and databases of tests: copies of one database that is made once."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from resources.warehouse.server import embedded
from resources.warehouse.server.connect import engine, parse_url
from resources.warehouse.server.migrations import upgrade
from resources.warehouse.warehouse_errors import WarehouseError


@contextmanager
def heard(target: Any, name: str, place: int) -> Iterator[list[Any]]:
    """Give what SQLAlchemy passes to the listeners of an event meanwhile, the argument at a place
    of each time.
    """
    found: list[Any] = []

    def note(*arguments: Any) -> None:
        found.append(arguments[place])

    event.listen(target, name, note)
    try:
        yield found
    finally:
        event.remove(target, name, note)


@contextmanager
def home_of_its_own(what: str) -> Iterator[Path]:
    """Give a home that is not made yet, in a folder of its own; end its server, and remove the
    folder afterwards.
    """
    # Not under pytest's folders: they are for one user only, and the server of root runs as
    # another.
    folder = Path(tempfile.mkdtemp(prefix=f"backlog-elt-{what}-"))
    folder.chmod(0o755)
    try:
        yield folder / "home"
    finally:
        embedded.stop(folder / "home")
        shutil.rmtree(folder)


@contextmanager
def embedded_server() -> Iterator[Path]:
    """Give the home of an embedded server that runs, and remove it with all its data afterwards."""
    # Not under pytest's folders: they are for one user only, and the server of root runs as
    # another.
    home = Path(tempfile.mkdtemp(prefix="backlog-elt-test-"))
    try:
        embedded.ensure_server(home)
        yield home
    finally:
        embedded.stop(home)
        shutil.rmtree(home)


@contextmanager
def server_url() -> Iterator[str]:
    """Give the URL of a server: an embedded one, or TEST_POSTGRES_URL to try another version."""
    if given := os.environ.get("TEST_POSTGRES_URL"):
        yield given
        return
    with embedded_server() as home:
        url = embedded.ensure_server(home).url("postgres")
        made = engine(url).execution_options(isolation_level="AUTOCOMMIT")
        with (
            made.connect() as conn
        ):  # a thousand databases come and go: none of them need outlive the machine
            for statement in (
                "ALTER SYSTEM SET fsync = off",
                "ALTER SYSTEM SET full_page_writes = off",
                # No signal ends a wait inside libpq: a lock that nobody releases fails the test.
                "ALTER SYSTEM SET lock_timeout = '240s'",
                "SELECT pg_reload_conf()",
            ):
                conn.execute(text(statement))
        made.dispose()
        yield url


def refused(url: str) -> WarehouseError:
    """Return the error with which a connection is refused."""
    made = engine(url)
    with pytest.raises(WarehouseError) as caught, made.connect():
        pass
    made.dispose()
    return caught.value


def refusal_of(url: str) -> str:
    """Return what is said where a connection is refused."""
    return str(refused(url))


def database_url(server: str, name: str) -> str:
    """Return the URL of a database of a server."""
    return (
        parse_url(server)
        .set(database=name, drivername="postgresql")
        .render_as_string(hide_password=False)
    )


@contextmanager
def migrated_template(server: str) -> Iterator[tuple[Engine, str]]:
    """Give who makes databases on a server, each statement by itself, and the name of a migrated
    one, to be copied; drop it afterwards.
    """
    admin = engine(server).execution_options(isolation_level="AUTOCOMMIT")
    name = f"template_{uuid.uuid4().hex[:12]}"
    with admin.connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
    migrated = engine(database_url(server, name))
    upgrade(migrated)
    migrated.dispose()
    try:
        yield admin, name
    finally:
        with admin.connect() as conn:
            conn.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


@contextmanager
def copy_of(admin: Engine, template: str) -> Iterator[str]:
    """Give the name of a copy of a database to which nobody is connected, and drop the copy
    afterwards.
    """
    # Takes a third less time for a small database. PostgreSQL 14 always copies by file, and does
    # not know the option.
    by_file = " STRATEGY file_copy" if (admin.dialect.server_version_info or (0,)) >= (15,) else ""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with admin.connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}{by_file}"))
    try:
        yield name
    finally:
        with admin.connect() as conn:
            conn.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def execute(on: Engine, *statements: str) -> None:
    """Run statements in one transaction."""
    with on.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def one(on: Engine, query: str) -> Any:
    """Return the only value that a query finds."""
    with on.connect() as connection:
        return connection.execute(text(query)).scalar_one()
