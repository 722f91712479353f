"""Fresh warehouses by the dozen: copies of one migrated database, each for one example."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import Engine, text

from resources.warehouse.server import embedded
from resources.warehouse.server.connect import engine
from tests.databases import copy_of, database_url, embedded_server, migrated_template


@dataclass(frozen=True)
class Databases:
    """A server on which databases are made and dropped. `admin` commits by itself."""

    url: str
    admin: Engine
    template: str

    @contextmanager
    def fresh(
        self, *, migrated: bool = True, like: str | None = None
    ) -> Iterator[tuple[str, Engine]]:
        """Give the URL of an empty database, `migrated` or not, or of a copy, and an engine on it;
        drop it afterwards.

        `like` is the name of the database that is copied, to which nobody may be connected.
        """
        template = like or (self.template if migrated else "template0")
        with copy_of(self.admin, template) as name:
            url = database_url(self.url, name)
            made = engine(url)
            try:
                yield url, made
            finally:
                made.dispose()

    def cut_off(self, database: str) -> None:
        """End every connection to a database, as a restart of the server does."""
        with self.admin.connect() as connection:
            query = text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
            )
            connection.execute(query, {"name": database})


@contextmanager
def databases(url: str) -> Iterator[Databases]:
    """Give databases on a running server, whose template is dropped afterwards."""
    with migrated_template(url) as (admin, name):
        yield Databases(url, admin, name)


@dataclass(frozen=True)
class Server:
    """An embedded server that an example may end."""

    home: Path
    url: str

    def restart(self) -> None:
        """Stop the server as an operator does, and start it again."""
        embedded.stop(self.home)
        embedded.ensure_server(self.home)

    def crash(self) -> None:
        """Kill the server as `kill -9` does, and start it again."""
        process = int((self.home / "postgres" / "postmaster.pid").read_text().split()[0])
        os.kill(process, signal.SIGKILL)
        psutil.wait_procs([one for one in psutil.process_iter() if one.pid == process], timeout=10)
        embedded.ensure_server(self.home)


@contextmanager
def server() -> Iterator[Server]:
    """Give an embedded server of our own, removed with all its data afterwards."""
    with embedded_server() as home:
        yield Server(home, embedded.ensure_server(home).url("postgres"))
