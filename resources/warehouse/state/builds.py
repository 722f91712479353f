"""Builds of the marts: one at a time. Records which builds have succeeded and from which rows the
next one starts.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, func, insert, select, text, update

from resources.warehouse.raw.written_rows import all_there_before
from resources.warehouse.state.locks import LOST, Locks
from resources.warehouse.state.schema_ops import mart_builds
from resources.warehouse.warehouse_errors import WarehouseError

#: Prefix of the message while another build is running.
WAITING = "waiting for a build of the marts"
#: The lock for building or rewriting marts, and the lock of the dbt process that writes them.
_MARTS, _DBT = "marts", "dbt"
#: Names of dbt's sessions include the time at which the lock was taken; `macros/builds.sql`
#: compares it.
_SESSION = text(
    "SELECT 'backlog-elt build ' || extract(epoch FROM session_began_at) FROM ops.locks "
    "WHERE space_key = 'all spaces' AND name = 'dbt'"
)
_END_SESSIONS = text(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND usename = current_user "
    "AND starts_with(application_name, 'backlog-elt build ')"
)

_BUILDS = mart_builds.c
_LAST = (
    select(_BUILDS.id, _BUILDS.began_at, _BUILDS.project)
    # One of a time ahead, when the clock was, does not have the rows that are written now.
    .where(_BUILDS.ended_at.is_not(None), _BUILDS.began_at <= func.clock_timestamp())
    .order_by(_BUILDS.id.desc())
    .limit(1)
)


@dataclass(frozen=True)
class Build:
    """A build that begins. `since` is the start of the last successful build of the same project,
    None to build everything.
    """

    id: int
    since: datetime | None


@contextmanager
def marts_locked(
    engine: Engine,
    work: str,
    wait_seconds: float,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Locks]:
    """Hold the lock of the marts; no other process builds or rewrites them meanwhile.

    `say` gets one sentence if the lock is not free: `waiting for a build of the marts (…)`.

    A killed run leaves its dbt process running. Its sessions are ended here. If it opens new ones,
    they are refused, because each of its transactions needs the row of the second lock.

    Raises:
        WarehouseError: as `Locks.acquire`; or the block failed because the server had restarted.
    """
    with Locks(engine, "all spaces", work) as locks:
        locks.acquire(_MARTS, wait_seconds, lambda holder: say(f"{WAITING} ({holder})"))
        with engine.begin() as connection:
            connection.execute(_END_SESSIONS)
        locks.acquire(_DBT)
        try:
            yield locks
        except Exception:
            if locks.is_lost():
                raise WarehouseError(LOST, cause="database_stopped") from None
            raise


def dbt_session(engine: Engine) -> str:
    """Return the session name that allows dbt to write marts for the present holder of the lock."""
    with engine.connect() as connection:
        return str(connection.execute(_SESSION).scalar_one())


def is_built(engine: Engine, project: str) -> bool:
    """Return whether all tables are built by `project`, the digest of the dbt project."""
    with engine.connect() as connection:
        return _built_since(connection, project) is not None


def _built_since(connection: Connection, project: str) -> datetime | None:
    """Return the start of the last successful build of all marts; None if another project was built
    then or later.

    Another project may have left tables behind, even if its build failed.
    """
    found = connection.execute(_LAST).one_or_none()
    other = (
        select(_BUILDS.id)
        .where(_BUILDS.project != project, _BUILDS.id > (found.id if found else 0))
        .limit(1)
    )
    if found is None or found.project != project or connection.execute(other).one_or_none():
        return None
    began_at: datetime = found.began_at
    return began_at


def built_until(engine: Engine) -> datetime | None:
    """Return a moment: rows written before it are in the last successful build; None
    without one.
    """
    with engine.connect() as connection:
        found = connection.execute(_LAST).one_or_none()
    return found.began_at if found else None


def begin_build(engine: Engine, project: str, run_id: str, *, whole: bool = False) -> Build:
    """Record that a build of all marts begins, and return what it must do.

    Everything is built if `whole`, or if `project`, the digest of the dbt project, differs from
    that of the last build, finished or not.
    """
    with engine.begin() as connection:
        began_at = all_there_before(connection)
        since = None if whole else _built_since(connection, project)
        values = {"began_at": began_at, "since": since, "project": project, "run_id": run_id}
        number = connection.execute(
            insert(mart_builds).values(values).returning(mart_builds.c.id)
        ).scalar_one()
    return Build(number, since)


def end_build(engine: Engine, build: Build, verify: Callable[[], None] = lambda: None) -> None:
    """Record that a build has succeeded. `verify` is called before the commit and may raise to
    prevent it.
    """
    with engine.begin() as connection:
        connection.execute(
            update(mart_builds)
            .where(mart_builds.c.id == build.id)
            .values(ended_at=func.clock_timestamp())
        )
        verify()


def last_built(engine: Engine) -> tuple[int, float] | None:
    """Return the number of the newest successful build and its duration in seconds; None without
    one.
    """
    builds = mart_builds.c
    query = (
        select(builds.id, func.extract("epoch", builds.ended_at - builds.began_at))
        .where(builds.ended_at.is_not(None))
        .order_by(builds.id.desc())
        .limit(1)
    )
    with engine.connect() as connection:
        found = connection.execute(query).one_or_none()
    return (found[0], float(found[1])) if found else None
