"""The warehouse as a Dagster resource: a thin shell that gives assets an engine and closes it after the run."""

import threading
from functools import lru_cache
from pathlib import Path

from dagster import ConfigurableResource, InitResourceContext
from pydantic import Field, PrivateAttr
from sqlalchemy import Engine

from resources.conditions import Observer
from resources.secret import Secret
from resources.tokens import TokenStore
from resources.warehouse.conditions import Observed
from resources.warehouse.connect import engine
from resources.warehouse.embedded import ensure_server
from resources.warehouse.errors import WarehouseError
from resources.warehouse.migrations import upgrade


class WarehouseResource(ConfigurableResource[Engine]):
    """The PostgreSQL that holds the warehouse: the server of `url`, or an embedded one under `home`."""

    url: str = Field(default="", repr=False, description="URL of the database; empty: an embedded server under home")
    home: str = Field(default="", description="Folder of the embedded server; needed only without a url")

    _engine: Engine | None = PrivateAttr(default=None)
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    @property
    def engine(self) -> Engine:
        """The engine, connected and migrated on first use.

        Raises:
            WarehouseError: the server cannot be started, reached or migrated.
        """
        with self._lock:
            if self._engine is None:
                made = engine(_location(self.url, self.home))
                upgrade(made)
                self._engine = made
            return self._engine

    def tokens(self, host: str, client_id: str, keys: Secret) -> TokenStore:
        """Return where the OAuth tokens of an application in a space are kept (see `TokenVault`).

        Raises:
            SettingsError: the keys are no Fernet keys.
            WarehouseError: the server cannot be started, reached or migrated.
        """
        from resources.warehouse.tokens import StoredTokens  # ciphers are loaded (50 ms) only where they are used

        return StoredTokens(self.engine, host, client_id, keys)

    def observer(self, url: str, *, runs: int) -> Observer:
        """Return what remembers the outcomes of requests to a space (see `ConditionBook`)."""
        # Dagster gives who asks the source a copy of this resource, which would open a pool of its own for each run and tick.
        return Observed(lambda: self._engine or _unpooled(self.url, self.home), url, runs)

    def teardown_after_execution(self, context: InitResourceContext) -> None:
        """Close the connections after the run."""
        self.close()

    def close(self) -> None:
        """Close the connections; the next use opens new ones."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None


@lru_cache(maxsize=8)
def _unpooled(url: str, home: str) -> Engine:
    return engine(_location(url, home), pool_size=0)


def _location(url: str, home: str) -> str:
    if not url and not home:
        raise WarehouseError("There is no warehouse: set WAREHOUSE_URL, or BACKLOG_ELT_HOME for an embedded one.")
    return url or ensure_server(Path(home)).url()
