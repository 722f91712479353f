"""The row of a build of the marts in the history: that it is at work, and how it ended."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Engine

from assets.failing import failure_raised
from resources.problems.causes import Failure
from resources.warehouse.history.history_writer import fail_sync, finish_sync, start_sync
from resources.warehouse.history.run_kinds import BUILD, MARTS, UNFINISHED
from resources.warehouse.state.known_spaces import space_or_url
from resources.warehouse.state.living_loads import lock_of
from resources.warehouse.state.locks import Locks
from resources.warehouse.warehouse_errors import WarehouseError


@contextmanager
def noted(engine: Engine, url: str | None, run_id: str) -> Iterator[None]:
    """Note in the history of the space at a URL that a run builds the marts inside, and how that
    ended. A code location without a space has no history.

    Raises:
        WarehouseError: the warehouse cannot be used.
    """
    if not url:
        yield
        return
    space_key = space_or_url(engine, url)
    with Locks(engine, space_key, f"build of run {run_id[:8]}") as locks:
        locks.acquire(lock_of(run_id, MARTS))
        row = start_sync(engine, space_key=space_key, sync_type=MARTS, mode=BUILD, run_id=run_id)
        failure: Failure | None = Failure("interrupted", UNFINISHED)
        try:
            yield
            failure = None
        except Exception as error:
            failure = failure_raised(error)
            raise
        finally:
            if failure is None:
                finish_sync(engine, row, items_synced=0, items_failed=0, requests=0)
            else:
                with suppress(WarehouseError):  # a server that is gone takes no note
                    fail_sync(engine, row, failure)
