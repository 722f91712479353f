"""The warehouse as a Dagster resource: gives assets an engine and closes it after the run."""

import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from weakref import WeakValueDictionary

from dagster import ConfigurableResource, InitResourceContext
from pydantic import Field, PrivateAttr
from sqlalchemy import Engine

from resources.conditions import Observer
from resources.secret import Secret
from resources.tokens import TokenStore
from resources.warehouse.server.connect import engine
from resources.warehouse.server.embedded import ensure_server
from resources.warehouse.server.migrations import upgrade
from resources.warehouse.server.pooler import check_pooler
from resources.warehouse.state.seen_conditions import Observed
from resources.warehouse.warehouse_errors import WarehouseError


class WarehouseResource(ConfigurableResource[Engine]):
    """The PostgreSQL of the warehouse: the server of `url`, or an embedded one under `home`."""

    url: str = Field(
        default="",
        repr=False,
        description="URL of the database; empty: an embedded server under home",
    )
    home: str = Field(
        default="", description="Folder of the embedded server; needed only without a url"
    )

    _used: "_Shared | None" = PrivateAttr(default=None)

    @property
    def engine(self) -> Engine:
        """The engine, connected and migrated on first use.

        Raises:
            WarehouseError: the server cannot be started, reached or migrated, or a pooler hides it.
        """
        with _lock:
            if self._used is None:
                shared = _shared.get((self.url, self.home))
                if shared is None:
                    shared = _Shared(engine(_location(self.url, self.home)))
                    check_pooler(shared.engine)
                    upgrade(shared.engine)
                    _shared[self.url, self.home] = shared
                shared.users += 1
                self._used = shared
            return self._used.engine

    def tokens(self, host: str, client_id: str, keys: Secret) -> TokenStore:
        """Return the store of an application's OAuth tokens in a space (see `TokenVault`).

        Raises:
            SettingsError: the keys are not Fernet keys.
            WarehouseError: the server cannot be started, reached or migrated.
        """
        # Imported only here: loading the ciphers takes 50 ms.
        from resources.warehouse.state.token_store import StoredTokens

        return StoredTokens(self.engine, host, client_id, keys)

    def observer(self, url: str, *, runs: int) -> Observer:
        """Return a function that records the outcomes of requests to a space (see
        `ConditionBook`).
        """
        # Dagster gives the client a copy of this resource that is never closed, so it may only use
        # an engine that is already open.
        return Observed(
            lambda: _open_engine(self.url, self.home) or _unpooled(self.url, self.home), url, runs
        )

    def teardown_after_execution(self, context: InitResourceContext) -> None:
        """Close the connections after the run."""
        self.close()

    def close(self) -> None:
        """Close the connections, unless another resource uses them; the next use opens new ones."""
        with _lock:
            used, self._used = self._used, None
            if used is not None:
                used.users -= 1
                if not used.users:
                    _shared.pop((self.url, self.home), None)
                    used.engine.dispose()


@dataclass(eq=False)
class _Shared:
    """An engine, and how many resources of this process use it.

    Dagster creates a resource for each run. Runs in the same process share connections, compiled
    statements and the check of migrations while one resource stays open around them (`backlog-elt
    load`).
    """

    engine: Engine
    users: int = 0


_lock = threading.Lock()
_shared: WeakValueDictionary[tuple[str, str], _Shared] = WeakValueDictionary()


def _open_engine(url: str, home: str) -> Engine | None:
    shared = _shared.get((url, home))
    return shared.engine if shared else None


@lru_cache(maxsize=8)
def _unpooled(url: str, home: str) -> Engine:
    return engine(_location(url, home), pool_size=0)


def _location(url: str, home: str) -> str:
    if not url and not home:
        raise WarehouseError(
            "There is no warehouse: set WAREHOUSE_URL, or BACKLOG_ELT_HOME for an embedded one.",
            cause="database_refused",
        )
    return url or ensure_server(Path(home)).url()
