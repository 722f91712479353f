"""Locks on what a process may write; a lock ends with the connection of its holder.

A lock is a row of `ops.locks` that names the holder's session. It is held as long as PostgreSQL has
that session under the name that the holder gave it. So the death of the process, its machine or the
server releases it, without clean-up or time limit. (A pooler in session mode keeps the session of a
client that is gone, but resets its name.) In return, a holder must check before each commit that it
still holds its locks (`verify`).

Advisory locks would need no table. But any login may take them, and can read in `pg_locks` which
ones: a BI role could stop all loads.
"""

import os
import socket
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, Self

from sqlalchemy import Connection, Engine, TextClause, text
from sqlalchemy.exc import SQLAlchemyError

from resources.warehouse.server.pooler import check_pooler
from resources.warehouse.warehouse_errors import WarehouseBusyError, WarehouseError

#: The message when the session is gone.
LOST = (
    "The connection that held the locks was lost, as when PostgreSQL restarts: run "
    "again; what was kept stays."
)
#: Seconds between two attempts at a lock. PostgreSQL could queue the request, but a statement that
#: waits for hours meets time limits of servers and poolers, and would not notice a dead connection.
LOOK_EVERY = 0.2


def held_condition(row: str) -> str:
    """Return the SQL condition that the session in a row of locks is alive; `row` is the table's
    alias.

    Use it once per transaction: PostgreSQL caches the list of sessions within a transaction.
    """
    # Numbers of sessions are reused, also by unrelated roles. Every role can see the role and name
    # of a session.
    return (
        f"EXISTS (SELECT FROM pg_stat_activity AS a WHERE a.pid = {row}.pid AND "
        f"a.usesysid = {row}.role_id "
        f"AND a.application_name = {_session_name(f'{row}.session_began_at')})"
    )


def _session_name(began_at: str) -> str:
    """Return SQL for the unique name of a session that holds locks since a moment."""
    return f"'backlog-elt locks ' || extract(epoch FROM {began_at})"


# Servers may end idle sessions, and this one is idle while a long page is read.
_OPEN = text(
    "SELECT session_began_at, usesysid AS role_id, "  # noqa: S608 - made of constants
    "set_config('idle_session_timeout', '0', false), "
    f"set_config('application_name', {_session_name('session_began_at')}, false) "
    "FROM pg_stat_activity, clock_timestamp() AS session_began_at WHERE pid = pg_backend_pid()"
)
# Runs in autocommit mode. Of two sessions that want the same row, one waits for the other's commit,
# then sees its row, and only then reads the list of sessions.
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
# Checks the session as well as the name: a pooler may send statements to other sessions.
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
    """Return the SQL condition that a lock is free; both arguments are SQL expressions of type
    text.

    It takes no lock, so it never blocks others. Use it once per transaction, as `held_condition`.
    """
    return (
        f"NOT EXISTS (SELECT FROM ops.locks AS l WHERE l.space_key = {space_key} AND l.name = "
        f"{name} AND {held_condition('l')})"
    )


def free_projects(
    conn: Connection, space_key: str, table: str, project_ids: Collection[int]
) -> set[int]:
    """Return the projects that no load of a table has locked; use it once per transaction, as
    `held_condition`.
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
    """The locks of one load in a space, all on one connection, until the block ends or the process
    dies.

    Entering raises WarehouseError if connections keep no session (`check_pooler`). `work` describes
    the holder; a waiting process shows it with the process and the machine.

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
        conn.detach()  # not returned to the pool: closing it releases the locks
        self._conn = conn
        began_at, role_id, *_ = self._conn.execute(_OPEN).one()
        self._session = {"session_began_at": began_at, "role_id": role_id, "holder": self._holder}
        return self

    def __exit__(self, *_: object) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            # If the connection is lost, so are the locks.
            with suppress(WarehouseError, SQLAlchemyError):
                # The end of the session releases them, too, but only once the server notices it.
                conn.execute(_RELEASE, {"space_key": self._space_key, "names": sorted(self._held)})
            with suppress(WarehouseError, SQLAlchemyError):
                conn.close()
        self._held.clear()

    @property
    def held(self) -> frozenset[str]:
        """The names of the locks that were acquired and not released."""
        return frozenset(self._held)

    def try_acquire(self, name: str) -> bool:
        """Take a lock if it is free; return whether this object holds it now.

        Raises:
            WarehouseError: the server is out of reach, or the locks taken before are lost.
        """
        if name not in self._held and self._ask(_TRY, name=name, **self._session):
            self._held.add(name)
        return name in self._held

    def holder(self, name: str) -> str | None:
        """Return who holds a lock: work, process, machine and since when; None if it is free.

        Raises:
            WarehouseError: as `try_acquire`.
        """
        found = self._ask(_HOLDER, names=[name])
        return str(found) if found else None

    def acquire(
        self, name: str, wait_seconds: float = 0.0, on_wait: Callable[[str], None] | None = None
    ) -> None:
        """Take a lock, waiting for its holder. `on_wait` gets the holder once, if the lock is not
        free.

        Take several locks in the same order everywhere, to avoid deadlocks.

        Raises:
            WarehouseBusyError: it is still held after `wait_seconds`; the message names the holder.
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
        """Release a lock before the end; one that is not held is ignored.

        Raises:
            WarehouseError: the server is out of reach, so this and all other locks are free.
        """
        if name in self._held:
            self._held.discard(name)
            self._ask(_RELEASE, names=[name])

    def verify(self) -> None:
        """Check that every lock is still held; call it before each commit that the locks protect.

        Raises:
            WarehouseError: the connection and its locks were lost; another load may have begun
                since.
        """
        if self._ask(_HELD_HERE, names=sorted(self._held)) != len(self._held):
            self._lost()
            raise WarehouseError(
                "The locks are not held by the connection that took them: WAREHOUSE_URL must "
                "lead to PostgreSQL itself or to a "
                "pooler in session mode.",
                cause="database_refused",
            )

    def is_lost(self) -> bool:
        """Return whether the connection with the locks was lost; other errors do not count."""
        with suppress(WarehouseError, SQLAlchemyError):
            self.verify()
        return self._conn is None

    def _ask(self, statement: TextClause, **parameters: object) -> object:
        if self._conn is None:
            raise WarehouseError(LOST, cause="database_stopped")
        try:
            answer: object = self._conn.execute(
                statement, {"space_key": self._space_key, **parameters}
            ).scalar_one_or_none()
        except (WarehouseError, SQLAlchemyError) as error:
            if not self._conn.invalidated:
                raise
            self._lost()  # SQLAlchemy would connect again, and know nothing of the locks
            raise WarehouseError(LOST, cause="database_stopped") from error
        return answer

    def _lost(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            with suppress(WarehouseError, SQLAlchemyError):
                conn.close()
