"""The locks that one load holds: its table, or projects of it."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from resources.warehouse.state.locks import Locks
from sync.events import WAITING, Events

#: How long to wait for another load of the same table or project: it may be a first load.
LOCK_WAIT_SECONDS = 6 * 3600.0


@dataclass(frozen=True)
class SyncLocks:
    """The locks of the load of a table; its waits for them are events."""

    locks: Locks
    table: str
    events: Events
    _projects: set[int] = field(default_factory=set)

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

    @contextmanager
    def holding(self, project_ids: Collection[int], *, wait: bool = True) -> Iterator[set[int]]:
        """Lock projects as `lock_projects` does while something is done inside, and give those that
        are locked. After an error they stay so: it ends the load, or that goes on with them.
        """
        locked = self.lock_projects(project_ids, wait=wait)
        yield locked
        self.unlock_projects(locked)

    def unlock_projects(self, project_ids: Collection[int]) -> None:
        """Let other loads have projects; those that are not locked are left alone."""
        for project in sorted(self._projects & set(project_ids)):
            self.locks.release(f"{self.table}/{project}")
            self._projects.discard(project)

    def _acquire(self, name: str, waiting_for: str) -> None:
        if self.locks.try_acquire(name):
            return
        with self.events.reading(WAITING):
            self.locks.acquire(
                name,
                LOCK_WAIT_SECONDS,
                lambda holder: self.events.waiting(f"{waiting_for} ({holder})", LOCK_WAIT_SECONDS),
            )
            self.events.arrived()
