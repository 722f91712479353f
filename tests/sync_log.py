"""The log of syncs of a space, as loads write it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta

from sqlalchemy import Engine, text

from resources.problems.causes import Failure
from resources.warehouse.history.history_writer import fail_sync, finish_sync, start_sync
from resources.warehouse.state.living_loads import lock_of
from resources.warehouse.state.locks import Locks


@dataclass(frozen=True)
class Row:
    """A row of the log, as it was written three hours ago: it begins and ends so many minutes
    later.
    """

    run: str
    sync_type: str
    mode: str
    status: str
    begin: int
    end: int | None = None
    items: int = 0
    projects: tuple[str, ...] | None = None


#: Three hours of which the figures are known by hand. Run a lasts 10 minutes, with two tables at
#: once; b lasts 4, with a failure; c is a build of marts of 8 minutes; d is at work; e is of the
#: day before.
SMALL_DAY = (
    Row("a", "issues", "incremental", "completed", 0, 6, 100, ("OPS", "WEB")),
    Row("a", "comments", "incremental", "completed", 4, 10, 20, ("OPS", "WEB")),
    Row("b", "issues", "incremental", "failed", 20, 22, 5, ("OPS",)),
    Row("b", "issues", "incremental", "completed", 22, 24, 7, ("WEB",)),
    Row("c", "marts", "run", "completed", 30, 38),
    Row("d", "users", "full", "in_progress", 50),
    Row("e", "issues", "incremental", "completed", -1_440, -1_430, 1_000),
)
_WRITE = text("""
INSERT INTO ops.sync_history (space_key, run_id, sync_type, mode, status, items_synced, projects,
    started_at, ended_at)
VALUES (:space, :run, :sync_type, :mode, :status, :items, :projects,
    now() - interval '3 hours' + :begin, now() - interval '3 hours' + :end)""")


@dataclass(frozen=True)
class Log:
    """Notes syncs of one space; those that it has begun are at work until its block ends."""

    engine: Engine
    space: str = "acme"
    _work: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_: object) -> None:
        self._work.close()

    def done(
        self,
        sync_type: str = "issues",
        *,
        items: int = 10,
        failed: int = 0,
        error: str | None = None,
        **more: str,
    ) -> int:
        """Note a sync that has ended, and return its number."""
        number = self.dead(sync_type, **more)
        if error is None:
            finish_sync(self.engine, number, items_synced=items, items_failed=failed, requests=2)
        else:
            failure = Failure("unavailable", error)
            fail_sync(self.engine, number, failure, items_synced=items, requests=2)
        return number

    def begun(self, sync_type: str = "issues", *, run: str = "run-1", **more: str) -> int:
        """Note a sync that is at work until the block ends, and return its number."""
        return self._work.enter_context(self.alive(sync_type, run, **more))

    def dead(
        self,
        sync_type: str = "issues",
        *,
        mode: str = "incremental",
        run: str = "run-1",
        project: str | None = None,
    ) -> int:
        """Note a sync in progress whose process is gone, and return its number."""
        return start_sync(
            self.engine,
            space_key=self.space,
            sync_type=sync_type,
            mode=mode,
            run_id=run,
            projects=[project] if project else None,
        )

    def write(self, *rows: Row) -> None:
        """Write rows as they are given."""
        for row in rows:
            if row.status == "in_progress":
                self._work.enter_context(self._held(row.sync_type, row.run))
        with self.engine.begin() as connection:
            for row in rows:
                end = None if row.end is None else timedelta(minutes=row.end)
                projects = None if row.projects is None else list(row.projects)
                values = asdict(row) | {"begin": timedelta(minutes=row.begin), "end": end}
                connection.execute(_WRITE, values | {"space": self.space, "projects": projects})

    @contextmanager
    def alive(self, sync_type: str = "issues", run: str = "run-1", **more: str) -> Iterator[int]:
        """Note a sync that is at work, and hold its lock: its process lives."""
        with self._held(sync_type, run):
            yield self.dead(sync_type, run=run, **more)

    @contextmanager
    def _held(self, sync_type: str, run: str) -> Iterator[None]:
        with Locks(self.engine, self.space) as locks:
            locks.acquire(lock_of(run, sync_type))
            yield
