"""Builds of the marts: from which rows on the next one has to build, and that one has succeeded."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, func, insert, select, text, update

from resources.warehouse.schema_ops import mart_builds

_BUILDS = mart_builds.c
_LAST = select(_BUILDS.began_at, _BUILDS.project).where(_BUILDS.ended_at.is_not(None)).order_by(_BUILDS.id.desc()).limit(1)


@dataclass(frozen=True)
class Build:
    """A build that begins: `since` is the beginning of the last one that succeeded with the same project, None: build whole."""

    id: int
    since: datetime | None


#: Rows carry the time of the statement that wrote them, which is not before the start of its transaction: all that was written
#: before the oldest transaction began is there, and what a transaction at work will leave is found by the next build. An
#: autovacuum leaves none, and may take minutes.
_BEGIN = text(
    "SELECT least(statement_timestamp(), min(xact_start)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type IS DISTINCT FROM 'autovacuum worker'"
)


def is_built(engine: Engine, project: str) -> bool:
    """Whether the last build of all marts that succeeded was one of `project`, the digest of the dbt project."""
    with engine.connect() as connection:
        found = connection.execute(_LAST).one_or_none()
    return found is not None and found.project == project


def built_until(engine: Engine) -> datetime | None:
    """Return a moment: rows written before it are in the last build that succeeded; None: there was none."""
    with engine.connect() as connection:
        found = connection.execute(_LAST).one_or_none()
    return found.began_at if found else None


def begin_build(engine: Engine, project: str, run_id: str, *, whole: bool = False) -> Build:
    """Remember that a build of all marts begins, and return what it has to do.

    It is `whole` on demand, and when `project`, the digest of the dbt project, is not that of the last build.
    """
    with engine.begin() as connection:
        began_at = connection.execute(_BEGIN).scalar_one()
        found = connection.execute(_LAST).one_or_none()
        since = found.began_at if found and found.project == project and not whole else None
        values = {"began_at": began_at, "since": since, "project": project, "run_id": run_id}
        number = connection.execute(insert(mart_builds).values(values).returning(mart_builds.c.id)).scalar_one()
    return Build(number, since)


def end_build(engine: Engine, build: Build, verify: Callable[[], None] = lambda: None) -> None:
    """Remember that a build has succeeded, unless `verify` raises, which is called before the commit."""
    with engine.begin() as connection:
        connection.execute(update(mart_builds).where(mart_builds.c.id == build.id).values(ended_at=func.clock_timestamp()))
        verify()


def last_built(engine: Engine) -> tuple[int, float] | None:
    """Return the number of the newest build that has succeeded, and how many seconds it took; None: there was none."""
    builds = mart_builds.c
    seconds = func.extract("epoch", builds.ended_at - builds.began_at)
    query = select(builds.id, seconds).where(builds.ended_at.is_not(None)).order_by(builds.id.desc()).limit(1)
    with engine.connect() as connection:
        found = connection.execute(query).one_or_none()
    return (found[0], float(found[1])) if found else None
