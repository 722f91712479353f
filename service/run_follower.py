"""Follows the runs of this space in Dagster, and hands those that have ended to the history.

One small query every two seconds; the warehouse is asked only when a run has ended. So a run that
fails without a sync is in the history, the statistics and the metrics within five seconds, also
when the page is not open.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from resources.warehouse.warehouse_errors import WarehouseError
from service.cache import Cache
from service.dagster_runs import Dagster, Run
from service.error_answers import ApiError
from service.state import State
from service.warehouse import Warehouse
from sync import run_ends

LOOK_SECONDS = 2.0
#: The first look goes back so far; runs that ended earlier are in no statistics.
FIRST_LOOK = timedelta(hours=24)
#: Dagster may show a change a little later.
OVERLAP_SECONDS = 10.0


class RunFollower:
    """Looks for ended runs, again and again."""

    def __init__(self, warehouse: Warehouse, dagster: Dagster, state: State, cache: Cache) -> None:
        self._warehouse = warehouse
        self._dagster = dagster
        self._state = state
        self._cache = cache
        self._stopped = asyncio.Event()
        self._after = time.time() - FIRST_LOOK.total_seconds()
        self._seen: dict[str, float] = {}

    async def watch(self) -> None:
        """Look repeatedly until `stop`; a failed look is repeated."""
        while not self._stopped.is_set():
            try:
                await self.look()
            except (ApiError, WarehouseError) as error:
                logging.getLogger(__name__).debug("could not look for ended runs: %s", error)
            except Exception:  # the next look may succeed
                logging.getLogger(__name__).exception("looking for ended runs failed")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), LOOK_SECONDS)

    async def stop(self, watching: "asyncio.Task[None]") -> None:
        """End a watch after its current look, or at once if that takes long."""
        self._stopped.set()
        await asyncio.wait([watching], timeout=LOOK_SECONDS)
        watching.cancel()
        await asyncio.wait([watching])

    async def look(self) -> None:
        """Record the runs that have ended since the last look.

        Raises:
            ApiError: Dagster cannot be reached, or refuses.
            WarehouseError: the warehouse cannot be used.
        """
        found = await self._dagster.ended(self._after)
        ended = [run for run in found if run.run_id not in self._seen]
        await self.record(ended)
        self._seen |= {run.run_id: run.updated_at for run in ended}
        newest = max([self._after, *(run.updated_at - OVERLAP_SECONDS for run in ended)])
        # The clock may have been ahead when a run ended.
        self._after = min(newest, time.time() - OVERLAP_SECONDS)
        self._seen = {run_id: at for run_id, at in self._seen.items() if at > self._after}

    async def record(self, runs: Sequence[Run]) -> None:
        """Record the ended runs whose end the history lacks.

        Raises:
            ApiError: Dagster cannot be reached, or refuses.
            WarehouseError: the warehouse cannot be used.
        """
        if not runs:
            return
        place = await self._state.place(ask=False)
        missing = await self._warehouse.ask(run_ends.unrecorded, place, runs)
        if any(run.state == "canceled" for run in runs):
            # No sync has begun or ended by that.
            for kind in ("history", "connection"):
                self._cache.drop(kind)
        causes = {run.run_id: await self._dagster.causes(run) for run in missing if run.ended_badly}
        await self._warehouse.ask(run_ends.record, place, missing, causes)
