"""Checks that a connection keeps its session, which locks need.

A pooler in transaction mode changes the session with each transaction, and refuses nothing.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from resources.warehouse.warehouse_errors import WarehouseError

#: Key in a connection's info: whether another process answers than the announced one. A pooler
#: announces a number of its own.
POOLED = "pooled"

_REFUSED = (
    "WAREHOUSE_URL leads to a pooler in transaction mode, through which no lock can be held: "
    "point it at PostgreSQL itself, or at a pooler in session mode."
)
#: Idle time after which the server ends the session of the trial.
_IDLE_MILLISECONDS = 100
#: A session that is still alive after this time is used by others.
_PATIENCE_SECONDS = 10.0
_LOOK_EVERY = 0.02

_END_WHEN_IDLE = text(
    "SELECT pid, backend_start AS began_at, "
    "set_config('idle_session_timeout', :milliseconds, false) "
    "FROM pg_stat_activity WHERE pid = pg_backend_pid()"
)
_LOOK = text(
    "SELECT pg_backend_pid() = :pid AS is_shared, "
    "EXISTS (SELECT FROM pg_stat_activity WHERE pid = :pid AND backend_start = :began_at) AS lives"
)
#: URLs of poolers in session mode. `Locks.verify` detects a later change of the mode.
_in_session_mode: set[URL] = set()


def check_pooler(engine: Engine) -> None:
    """Check that connections keep their session. This is free on PostgreSQL itself, and costs one
    trial on a pooler.

    Raises:
        WarehouseError: there is a pooler in transaction mode, or the server is out of reach.
    """
    with engine.connect() as connection:
        is_pooled = connection.info[POOLED]
    if is_pooled and engine.url not in _in_session_mode:
        if not _keeps_sessions(engine):
            raise WarehouseError(_REFUSED, cause="database_refused")
        _in_session_mode.add(engine.url)


def _keeps_sessions(engine: Engine) -> bool:
    """Let the server end the session of a connection; return whether the connection ended
    with it.
    """
    with _own_connection(engine) as tried, _own_connection(engine) as watching:
        session = tried.execute(_END_WHEN_IDLE, {"milliseconds": str(_IDLE_MILLISECONDS)}).one()
        end = time.monotonic() + _PATIENCE_SECONDS
        while True:
            seen = watching.execute(_LOOK, {"pid": session.pid, "began_at": session.began_at}).one()
            if seen.is_shared or (seen.lives and time.monotonic() > end):
                return False
            if not seen.lives:
                break
            time.sleep(_LOOK_EVERY)
        try:
            tried.execute(text("SELECT 1"))
        except (WarehouseError, SQLAlchemyError):
            return True
        return False


@contextmanager
def _own_connection(engine: Engine) -> Iterator[Connection]:
    """Yield a connection that does not go back to the pool."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.detach()
        yield connection
