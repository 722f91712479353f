"""The warehouse as the service uses it: connected and migrated on first use, and queried in
threads.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Engine

from resources.secret import reveal
from resources.settings import Settings
from resources.warehouse.server.connect import engine
from resources.warehouse.server.embedded import ensure_server
from resources.warehouse.server.migrations import upgrade

P = ParamSpec("P")
T = TypeVar("T")
#: One for each thread, so that no query waits for a connection.
CONNECTIONS = 8


class Warehouse:
    """The PostgreSQL of the settings, or the embedded one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    async def ask(
        self, function: Callable[Concatenate[Engine, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call a function with the engine in a thread.

        Raises:
            WarehouseError: the warehouse cannot be used.
        """
        return await asyncio.to_thread(lambda: function(self.engine(), *args, **kwargs))

    def engine(self) -> Engine:
        """Return the engine, connected and migrated on first use; may block.

        Raises:
            WarehouseError: the warehouse cannot be used.
        """
        with self._lock:
            if self._engine is None:
                url = (
                    reveal(self._settings.warehouse_url) or ensure_server(self._settings.home).url()
                )
                made = engine(url, pool_size=CONNECTIONS)
                try:
                    upgrade(made)
                except Exception:
                    made.dispose()
                    raise
                self._engine = made
            return self._engine

    def close(self) -> None:
        """Close the connections."""
        if self._engine is not None:
            self._engine.dispose()
