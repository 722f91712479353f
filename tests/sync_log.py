"""The log of syncs of a space, as loads write it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine

from resources.warehouse.history.history_writer import fail_sync, finish_sync, lock_of, start_sync
from resources.warehouse.state.locks import Locks


@dataclass(frozen=True)
class Log:
    """Notes syncs of one space."""

    engine: Engine
    space: str = "acme"

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
        number = self.begun(sync_type, **more)
        if error is None:
            finish_sync(self.engine, number, items_synced=items, items_failed=failed, requests=2)
        else:
            fail_sync(self.engine, number, error, items_synced=items, requests=2)
        return number

    def begun(
        self,
        sync_type: str = "issues",
        *,
        mode: str = "incremental",
        run: str = "run-1",
        project: str | None = None,
    ) -> int:
        """Note a sync that is at work, and return its number."""
        return start_sync(
            self.engine,
            space_key=self.space,
            sync_type=sync_type,
            mode=mode,
            run_id=run,
            projects=[project] if project else None,
        )

    @contextmanager
    def alive(self, sync_type: str = "issues", run: str = "run-1", **more: str) -> Iterator[int]:
        """Note a sync that is at work, and hold its lock: its process lives."""
        with Locks(self.engine, self.space) as locks:
            locks.acquire(lock_of(run, sync_type))
            yield self.begun(sync_type, run=run, **more)
