"""Locks: who may write what, for as long as the holder's connection lives and not a moment longer.

A lock is a row of `ops.locks` that names the session of its holder. It is held while PostgreSQL has
that session under the name that the holder gave it, so that the death of the process, of its
machine or of the server frees it without any clean-up or time limit. A pooler in session mode keeps
the session when its client is gone, and resets the name. The other side of that: who holds locks
must ask, before it commits, whether it still does (`verify`).

Advisory locks would need no table. But each login may take any, and reads in `pg_locks` which ones:
a BI role could stop all loads.
"""

import os
import socket
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine, TextClause, text
from sqlalchemy.exc import SQLAlchemyError

from resources.warehouse.server.pooler import check_pooler
from resources.warehouse.warehouse_errors import WarehouseBusyError, WarehouseError

#: What is said where the session is gone.
LOST = (
    "The connection that held the locks was lost, as when PostgreSQL restarts: run "
    "again; what was kept stays."
)
#: Seconds between two looks at a lock that somebody else holds. PostgreSQL could queue us, but a
#: statement that waits for hours meets time limits of servers and poolers, and a dead connection
#: would not be noticed.
LOOK_EVERY = 0.2


def held_condition(row: str) -> str:
    """Return the condition, in SQL, that the session lives which took the lock of a row; `row` is
    the name of its table there.

    Ask it once in a transaction: PostgreSQL shows a transaction the same list of sessions again.
    """
    # Numbers of sessions are used again, also by sessions of roles that have no business here. Role
    # and name of a session are shown to everybody.
    return (
        f"EXISTS (SELECT FROM pg_stat_activity AS a WHERE a.pid = {row}.pid AND "
        f"a.usesysid = {row}.role_id "
        f"AND a.application_name = {_session_name(f'{row}.session_began_at')})"
    )


def _session_name(began_at: str) -> str:
    """Return, in SQL, the name of a session that holds locks since a moment, which no other has."""
    return f"'backlog-elt locks ' || extract(epoch FROM {began_at})"


# A server may end sessions that say nothing for a while; these say nothing while a long page is
# read.
_OPEN = text(
    "SELECT session_began_at, usesysid AS role_id, "  # noqa: S608 - made of constants
    "set_config('idle_session_timeout', '0', false), "
    f"set_config('application_name', {_session_name('session_began_at')}, false) "
    "FROM pg_stat_activity, clock_timestamp() AS session_began_at WHERE pid = pg_backend_pid()"
)
# In transactions of one statement. Of two that want the same row one waits for the other, for a
# moment, and then looks at what the other has written; only then does it read the list of sessions.
_TRY = text(
    f"""
    INSERT INTO ops.locks AS l (space_key, name, pid, session_began_at, role_id, holder, taken_at)
    VALUES (:space_key, :name, pg_backend_pid(), :session_began_at, :role_id, :holder,
        clock_timestamp())
    ON CONFLICT (space_key, name) DO UPDATE SET
        pid = excluded.pid, session_began_at = excluded.session_began_at, role_id =
            excluded.role_id,
        holder = excluded.holder, taken_at = excluded.taken_at
    WHERE NOT {held_condition("l")}
    RETURNING true
    """  # noqa: S608 - made of constants
)
_OF_NAMES = "l.space_key = :space_key AND l.name = ANY(:names)"
# Each lock by its session, not only by its name: a pooler between us and the server may hand
# statements to other sessions.
_RELEASE = text(
    "DELETE FROM ops.locks AS l "  # noqa: S608
    f"WHERE {_OF_NAMES} AND l.pid = pg_backend_pid() RETURNING true"
)
_HELD_HERE = text(
    "SELECT count(*) FROM ops.locks AS l "  # noqa: S608
    f"WHERE {_OF_NAMES} AND l.pid = pg_backend_pid() AND {held_condition('l')}"
)
_HOLDER = text(
    "SELECT l.holder || "  # noqa: S608
    """to_char(l.taken_at AT TIME ZONE 'UTC', '", since "YYYY-MM-DD HH24:MI:SS" UTC"') """
    f"FROM ops.locks AS l WHERE {_OF_NAMES} AND {held_condition('l')}"
)


def free_condition(space_key: str, name: str) -> str:
    """Return the condition, in SQL, that a lock is free; both arguments are SQL expressions of type
    text.

    It takes no lock itself, so that asking never gets in anybody's way. Ask it once in a
    transaction, as `held_condition`.
    """
    return (
        f"NOT EXISTS (SELECT FROM ops.locks AS l WHERE l.space_key = {space_key} AND l.name = "
        f"{name} AND {held_condition('l')})"
    )


def free_projects(
    conn: Connection, space_key: str, table: str, project_ids: Collection[int]
) -> set[int]:
    """Return those of some projects that no load of a table has locked; ask it once in a
    transaction, as `held_condition`.
    """
    name = "CAST(:table AS text) || '/' || p"
    unlocked = free_condition(":space_key", name)
    query = text(
        "SELECT p FROM unnest(CAST(:projects AS bigint[])) AS p "  # noqa: S608 - of constants
        f"WHERE {unlocked}"
    )
    return set(
        conn.execute(
            query, {"space_key": space_key, "table": table, "projects": [*project_ids]}
        ).scalars()
    )


class Locks:
    """The locks that one load holds in a space, all on one connection of their own, until the block
    ends or the process dies.

    Entering raises WarehouseError where the connections keep no session (`check_pooler`).

    `work` says what for; a process that waits sees it with the process and the machine.

    ```python
    with Locks(engine, "acme", "run 3f2a9c1e") as locks:
        locks.acquire("users", wait_seconds=60)
    ```
    """

    def __init__(self, engine: Engine, space_key: str, work: str = "") -> None:
        self._engine = engine
        self._space_key = space_key
        self._holder = f"{work}, process {os.getpid()} on {socket.gethostname()}".removeprefix(", ")
        self._conn: Connection | None = None
        self._session: dict[str, Any] = {}
        self._held: set[str] = set()

    def __enter__(self) -> Self:
        check_pooler(self._engine)
        conn = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        conn.detach()  # never goes back to the pool: closing it is what releases the locks
        self._conn = conn
        began_at, role_id, *_ = self._conn.execute(_OPEN).one()
        self._session = {"session_began_at": began_at, "role_id": role_id, "holder": self._holder}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            with suppress(
                WarehouseError, SQLAlchemyError
            ):  # it is lost already, and the locks with it
                # The end of the session gives them back too, but only when the server has noticed
                # it.
                conn.execute(_RELEASE, {"space_key": self._space_key, "names": sorted(self._held)})
            with suppress(WarehouseError, SQLAlchemyError):
                conn.close()
        self._held.clear()

    @property
    def held(self) -> frozenset[str]:
        """The names of the locks that were taken and not released."""
        return frozenset(self._held)

    def try_acquire(self, name: str) -> bool:
        """Take a lock if it is free; return whether it is ours now. One that is ours already stays
        ours.

        Raises:
            WarehouseError: the server is out of reach, or the locks taken before are lost.
        """
        if name not in self._held and self._ask(_TRY, name=name, **self._session):
            self._held.add(name)
        return name in self._held

    def holder(self, name: str) -> str | None:
        """Return who else holds a lock, in words: work, process, machine and since when; None: it
        is free.

        Raises:
            WarehouseError: as `try_acquire`.
        """
        found = self._ask(_HOLDER, names=[name])
        return str(found) if found else None

    def acquire(
        self, name: str, wait_seconds: float = 0.0, on_wait: Callable[[str], None] | None = None
    ) -> None:
        """Take a lock, waiting for its holder; `on_wait` gets the holder, once, when the lock is
        not free at once.

        Who takes several takes them in one order everywhere, or two wait for each other.

        Raises:
            WarehouseBusyError: somebody still holds it after `wait_seconds`; the message says who.
            WarehouseError: the server is out of reach, or the locks taken before are lost.
        """
        deadline = time.monotonic() + wait_seconds
        while not self.try_acquire(name):
            while holder := self.holder(name):
                if time.monotonic() >= deadline:
                    raise WarehouseBusyError(
                        f"Another sync of {name} is running on {self._space_key} ({holder}): "
                        "wait for it, or stop it."
                    )
                if on_wait is not None:
                    on_wait(holder)
                    on_wait = None
                time.sleep(LOOK_EVERY)

    def release(self, name: str) -> None:
        """Give a lock back before the end; one that is not held is left alone.

        Raises:
            WarehouseError: the server is out of reach: the lock is free then too, and so are all
                others.
        """
        if name in self._held:
            self._held.discard(name)
            self._ask(_RELEASE, names=[name])

    def verify(self) -> None:
        """See that every lock is still held; call it before each commit of what the locks protect.

        Raises:
            WarehouseError: the connection was lost and the locks with it; another load may have
                begun since.
        """
        if self._ask(_HELD_HERE, names=sorted(self._held)) != len(self._held):
            self._lost()
            raise WarehouseError(
                "The locks are not held by the connection that took them: WAREHOUSE_URL must "
                "lead to PostgreSQL itself or to a "
                "pooler in session mode."
            )

    def is_lost(self) -> bool:
        """See whether the connection that held the locks was lost; that some other question failed
        says nothing.
        """
        with suppress(WarehouseError, SQLAlchemyError):
            self.verify()
        return self._conn is None

    def _ask(self, statement: TextClause, **parameters: object) -> object:
        if self._conn is None:
            raise WarehouseError(LOST)
        try:
            answer: object = self._conn.execute(
                statement, {"space_key": self._space_key, **parameters}
            ).scalar_one_or_none()
        except (WarehouseError, SQLAlchemyError) as error:
            if not self._conn.invalidated:
                raise
            self._lost()  # SQLAlchemy would connect again, and know nothing of the locks
            raise WarehouseError(LOST) from error
        return answer

    def _lost(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            with suppress(WarehouseError, SQLAlchemyError):
                conn.close()
