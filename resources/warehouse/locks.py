"""Locks: who may write what, kept by PostgreSQL for as long as the holder's connection lives and not a moment longer.

A lock is an advisory one of a session: it needs no row, no clean-up and no time limit, and the death of the process, of its machine
or of the server frees it. The other side of that: who holds locks must ask, before it commits, whether it still does (`verify`).

Add here: another way to take or to look at a lock. Keep out: which locks a load takes (`assets/raw/table_load.py`).
"""

import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, TextClause, text
from sqlalchemy.exc import SQLAlchemyError

from resources.warehouse.errors import WarehouseBusyError, WarehouseError

#: Seconds between two looks at a lock that somebody else holds. PostgreSQL could queue us, but a statement that waits for hours
#: meets time limits of servers and poolers, and a dead connection would not be noticed.
LOOK_EVERY = 0.2

_KEY = "hashtextextended('backlog-elt/' || {space_key} || '/' || {name}, 0)"
_TRY = text(f"SELECT pg_try_advisory_lock({_KEY.format(space_key=':space_key', name=':name')})")
_RELEASE = text(f"SELECT pg_advisory_unlock({_KEY.format(space_key=':space_key', name=':name')})")
_IS_KEY = "l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND (l.classid::bigint << 32) | l.objid::bigint = {key}"
# Each lock by its own key, not only the process: a pooler between us and the server may hand statements to other sessions.
_HELD_HERE = text(
    "SELECT count(*) FROM unnest(CAST(:names AS text[])) AS wanted (name) "  # noqa: S608 - made of constants
    "WHERE EXISTS (SELECT FROM pg_locks AS l WHERE l.pid = pg_backend_pid() "
    f"AND {_IS_KEY.format(key=_KEY.format(space_key=':space_key', name='wanted.name'))})"
)
_FREE = (
    "NOT EXISTS (SELECT FROM pg_locks AS l "  # noqa: S608 - made of constants
    f"WHERE l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND {_IS_KEY})"
)


def is_free(space_key: str, name: str) -> str:
    """Return the condition, in SQL, that nobody holds a lock; both arguments are SQL expressions of type text.

    It takes no lock itself, so that asking never gets in anybody's way.
    """
    return _FREE.format(key=_KEY.format(space_key=space_key, name=name))


class Locks:
    """The locks that one load holds in a space, all on one connection of their own, until the block ends or the process dies.

    ```python
    with Locks(engine, "acme") as locks:
        locks.acquire("users", wait_seconds=60)
    ```
    """

    def __init__(self, engine: Engine, space_key: str) -> None:
        self._engine = engine
        self._space_key = space_key
        self._conn: Connection | None = None
        self._held: set[str] = set()

    def __enter__(self) -> Self:
        conn = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        conn.detach()  # never goes back to the pool: closing it is what releases the locks
        self._conn = conn
        # A server may end sessions that say nothing for a while; these say nothing while a long page is read.
        self._conn.execute(text("SET idle_session_timeout = 0"))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        conn, self._conn = self._conn, None
        self._held.clear()
        if conn is not None:
            with suppress(WarehouseError, SQLAlchemyError):  # it is lost already, and the locks with it
                # The end of the session gives them back too, but only when the server has noticed it.
                conn.execute(text("SELECT pg_advisory_unlock_all()"))
            with suppress(WarehouseError, SQLAlchemyError):
                conn.close()

    @property
    def held(self) -> frozenset[str]:
        """The names of the locks that were taken and not released."""
        return frozenset(self._held)

    def try_acquire(self, name: str) -> bool:
        """Take a lock if nobody else holds it; return whether it is ours now. One that is ours already stays ours.

        Raises:
            WarehouseError: the server is out of reach, or the locks taken before are lost.
        """
        if name not in self._held and self._ask(_TRY, name=name):
            self._held.add(name)
        return name in self._held

    def acquire(self, name: str, wait_seconds: float = 0.0, on_wait: Callable[[], None] | None = None) -> None:
        """Take a lock, waiting for whoever holds it; `on_wait` is called once when it is not free at once.

        Who takes several takes them in one order everywhere, or two wait for each other.

        Raises:
            WarehouseBusyError: somebody still holds it after `wait_seconds`.
            WarehouseError: the server is out of reach, or the locks taken before are lost.
        """
        deadline = time.monotonic() + wait_seconds
        while not self.try_acquire(name):
            if time.monotonic() >= deadline:
                raise WarehouseBusyError(f"Another sync of {name} is running on {self._space_key}: wait for it, or stop it.")
            if on_wait is not None:
                on_wait()
                on_wait = None
            time.sleep(LOOK_EVERY)

    def release(self, name: str) -> None:
        """Give a lock back before the end; one that is not held is left alone.

        Raises:
            WarehouseError: the server is out of reach: the lock is free then too, and so are all others.
        """
        if name in self._held:
            self._held.discard(name)
            self._ask(_RELEASE, name=name)

    def verify(self) -> None:
        """See that every lock is still held; call it before each commit of what the locks protect.

        Raises:
            WarehouseError: the connection was lost and the locks with it; another load may have begun since.
        """
        if self._ask(_HELD_HERE, names=sorted(self._held)) != len(self._held):
            self._lost()
            raise WarehouseError(
                "The locks of this load are not held by its connection: WAREHOUSE_URL must lead to PostgreSQL itself or to a "
                "pooler in session mode."
            )

    def _ask(self, statement: TextClause, **parameters: object) -> object:
        if self._conn is None:
            raise WarehouseError("The locks of this load are lost: what is committed is kept, run the load again.")
        try:
            answer: object = self._conn.execute(statement, {"space_key": self._space_key, **parameters}).scalar_one()
        except (WarehouseError, SQLAlchemyError) as error:
            if not self._conn.invalidated:
                raise
            self._lost()  # SQLAlchemy would connect again, and know nothing of the locks
            raise WarehouseError(
                "The connection that held the locks of this load was lost, as when PostgreSQL restarts: what is committed is kept, "
                "run the load again."
            ) from error
        return answer

    def _lost(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            with suppress(WarehouseError, SQLAlchemyError):
                conn.close()
