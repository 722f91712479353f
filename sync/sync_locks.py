"""The locks that one load holds, and its waits, which its progress and the log of syncs show.

A load may wait for another load or for a rate limit; `ops.sync_history` has the log.
"""

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from resources.progress import Progress
from resources.warehouse.history import history_writer
from resources.warehouse.locks import Locks
from resources.warehouse.warehouse_errors import WarehouseError

#: Somebody else's load of the same table or project is waited for this long, since it may be a
#: first load.
LOCK_WAIT_SECONDS = 6 * 3600.0


@dataclass
class SyncLocks:
    """The locks and waits of the load of a table.

    `row` is the number of its row in progress, None between two of them; `failed`: one of its rows
    says that it failed.
    """

    locks: Locks
    engine: Engine
    space_key: str
    table: str
    run_id: str
    progress: Progress
    log: Callable[[str], None]
    row: int | None = None
    failed: bool = False
    _waiting: int | None = None  # the thread whose wait is shown
    _projects: set[int] = field(default_factory=set)

    def begin(self) -> None:
        """Show that this load lives, and end the rows of loads that do not: their processes were
        killed.
        """
        self.locks.acquire(history_writer.lock_of(self.run_id, self.table))
        history_writer.end_dead(self.engine, self.space_key)

    def lock_table(self) -> None:
        """Lock the whole table against other loads of it.

        Raises:
            WarehouseBusyError: another load still had it after LOCK_WAIT_SECONDS.
        """
        self._acquire(self.table, f"other load of {self.table} to end")

    def lock_projects(self, project_ids: Collection[int], *, wait: bool = True) -> set[int]:
        """Lock projects of the table against other loads, until `unlock_projects` or the end;
        return those that are locked now.

        They are waited for in the order of their ids only, so that two loads never wait for each
        other: a load that holds projects gets a lower id if it is free, and else the error of one
        that has waited for too long.

        Args:
            project_ids: the projects; those that are locked already stay so.
            wait: wait for projects that another load has; otherwise leave them out.

        Raises:
            WarehouseBusyError: another load still had one of them after LOCK_WAIT_SECONDS, or had a
                lower one at all.
        """
        for project in sorted(set(project_ids) - self._projects):
            name = f"{self.table}/{project}"
            if not wait:
                if not self.locks.try_acquire(name):
                    continue
            elif project > max(self._projects, default=0):
                self._acquire(name, f"other load of {self.table} of project {project} to end")
            else:
                # Out of order: its holder may be waiting for one of ours.
                self.locks.acquire(name)
            self._projects.add(project)
        return self._projects & set(project_ids)

    def unlock_projects(self, project_ids: Collection[int]) -> None:
        """Let other loads have projects; those that are not locked are left alone."""
        for project in sorted(self._projects & set(project_ids)):
            self.locks.release(f"{self.table}/{project}")
            self._projects.discard(project)

    def wait_for_limit(self, bucket: str, seconds: float, until: datetime) -> None:
        """Show a wait for a rate limit; `until` is by Backlog's clock, for people. The hook
        `on_wait` of the client.
        """
        self._show(f"{bucket} rate limit of Backlog", seconds, until)

    def go_on(self) -> None:
        """Show that the wait of this thread, if there was one, is over."""
        if self._waiting != threading.get_ident():
            return
        if self.row is not None:
            history_writer.note_wait(self.engine, self.row, None)
        self._waiting = None

    def _show(self, waiting_for: str, seconds: float, until: datetime | None = None) -> None:
        ends = datetime.now(UTC) + timedelta(seconds=seconds)
        if self.row is not None:
            history_writer.note_wait(self.engine, self.row, waiting_for, ends)
            self._waiting = threading.get_ident()
        self.log(f"{self.table}: waiting up to {seconds:.0f} s for the {waiting_for}")
        self.progress.wait(waiting_for, seconds, until or ends)

    def _acquire(self, name: str, waiting_for: str) -> None:
        if self.locks.try_acquire(name):
            return
        with self._row_of_the_wait():
            self.locks.acquire(
                name,
                LOCK_WAIT_SECONDS,
                lambda holder: self._show(f"{waiting_for} ({holder})", LOCK_WAIT_SECONDS),
            )
            self.go_on()

    @contextmanager
    def _row_of_the_wait(self) -> Iterator[None]:
        """Between two rows, show the wait in one of its own; it stays only when the wait was in
        vain.
        """
        if self.row is not None:
            yield
            return
        self.row = history_writer.start_sync(
            self.engine,
            space_key=self.space_key,
            sync_type=self.table,
            mode="waiting",
            run_id=self.run_id,
        )
        error: str | None = "ended while it waited"
        try:
            yield
            error = None
        except WarehouseError as caught:
            error = str(caught)
            raise
        finally:
            number, self.row = self.row, None
            if error is None:
                history_writer.forget_sync(self.engine, number)
            else:
                self.failed = True
                with suppress(WarehouseError):
                    history_writer.fail_sync(self.engine, number, error)
