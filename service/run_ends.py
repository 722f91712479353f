"""Runs that end without a row in the log of syncs: they are found in Dagster and recorded there.

One small query every two seconds; the warehouse is asked only when a run has ended. So a run that
fails is in the history, the statistics and the metrics within five seconds, also when the page is
not open.
"""

import asyncio
import logging
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from resources.warehouse.history import end_dead
from resources.warehouse.run_log import (
    CANCELED,
    RunEnd,
    kind_of,
    projects_of,
    record_cancellations,
    record_ends,
    unreported,
)
from resources.warehouse.run_pages import LoggedRun
from resources.warehouse.sync_log import run_syncs
from resources.warehouse.warehouse_errors import WarehouseError
from service import models
from service.cache import Body, Cache, as_body
from service.dagster_runs import Dagster, Run
from service.error_answers import ApiError
from service.overview import run_of
from service.state import State
from service.warehouse import Warehouse

LOOK_SECONDS = 2.0
_RUN_ID = re.compile("[A-Za-z0-9_-]{1,64}")
#: The first look goes back so far; runs that ended earlier are in no statistics.
FIRST_LOOK = timedelta(hours=24)
#: Dagster may show a change a little later.
OVERLAP_SECONDS = 10.0


class RunEnds:
    """Follows the runs of this space."""

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
        ended = [
            run for run in await self._dagster.ended(self._after) if run.run_id not in self._seen
        ]
        await self.record(ended)
        self._seen |= {run.run_id: run.updated_at for run in ended}
        self._after = max([self._after, *(run.updated_at - OVERLAP_SECONDS for run in ended)])
        self._seen = {run_id: at for run_id, at in self._seen.items() if at > self._after}

    async def record(self, runs: Sequence[Run]) -> None:
        """Record the ended runs whose end is not in the log.

        Raises:
            ApiError: Dagster cannot be reached, or refuses.
            WarehouseError: the warehouse cannot be used.
        """
        if not runs:
            return
        place = await self._state.place(ask=False)
        bad = {run.run_id: run.state != "completed" for run in runs}
        if any(bad.values()):
            # Rows whose process was killed are ended with that cause.
            await self._warehouse.ask(end_dead, place)
        canceled = [run.run_id for run in runs if run.state == "canceled"]
        if canceled:
            await self._warehouse.ask(record_cancellations, canceled)
            # No sync has begun or ended by that.
            for kind in ("history", "connection"):
                self._cache.drop(kind)
        missing = await self._warehouse.ask(unreported, bad)
        ends = [await self._end(run) for run in runs if run.run_id in missing]
        await self._warehouse.ask(record_ends, place, ends)

    async def find(self, run_id: str) -> Run | None:
        """Return a run as Dagster has it; None: only the log knows it, since it was in the process
        of a command.

        Raises:
            ApiError: the run is unknown, or Dagster cannot be reached or refuses.
            WarehouseError: the warehouse cannot be used.
        """
        if not _RUN_ID.fullmatch(run_id):
            raise _unknown()
        run = await self._dagster.run(run_id)
        if run is None and not await self._warehouse.ask(run_syncs, run_id):
            raise _unknown()
        return run

    async def run(self, run_id: str) -> Body:
        """Return the state of a run, why it failed, and what it did.

        Raises:
            ApiError: the run is unknown, or only Dagster can know it and cannot be reached.
            WarehouseError: the warehouse cannot be used.
        """
        if not _RUN_ID.fullmatch(run_id):
            raise _unknown()

        async def make() -> Body:
            run, problem = None, None
            try:
                run = await self._dagster.run(run_id)
                await self.record([run] if run and run.ended else [])
            except ApiError as error:
                problem = error
            logged = LoggedRun(run_id, tuple(await self._warehouse.ask(run_syncs, run_id)))
            syncs = logged.syncs
            if run is None and not syncs:
                raise problem or _unknown()
            if (
                run is None
                and problem
                and not any(sync.status in {"in_progress", "failed"} for sync in syncs)
            ):
                # Between two tables a run has no row at work: that it is over only Dagster can say.
                raise problem
            at_work = (
                any(sync.status == "in_progress" for sync in syncs)
                if run is None
                else not run.ended
            )
            state: models.RunState = run.state if run else "running" if at_work else "completed"
            if (
                not at_work
                and state == "completed"
                and any(sync.status == "failed" for sync in syncs)
            ):
                state = "failed"
            started_at = run.started_at if run else syncs[0].started_at
            if run is not None:
                ended_at = run.ended_at
            else:
                ended_at = (
                    None if at_work else max(sync.ended_at or sync.started_at for sync in syncs)
                )
            job, url = run.job if run else None, self._dagster.run_url(run_id)
            return as_body(
                run_of(
                    self._state,
                    logged,
                    job=job,
                    state=state,
                    started_at=started_at,
                    ended_at=ended_at,
                    status_url=url,
                )
            )

        return await self._cache.get("run", make, run_id)

    async def _end(self, run: Run) -> RunEnd:
        error = None
        if run.state != "completed":
            causes = "; ".join(
                cause.strip().partition("\n")[0] for cause in await self._dagster.causes(run.run_id)
            )
            error = causes if run.state == "failed" else ": ".join(filter(None, (CANCELED, causes)))
        ended = run.ended_at or run.created_at
        kind = kind_of(run.job, run.assets)
        return RunEnd(
            run.run_id, kind, run.started_at or run.created_at, ended, error, projects_of(run.tags)
        )


def _unknown() -> ApiError:
    return ApiError(
        404, "unknown_run", "No run of this space has this id.", "Runs are in /api/v1/sync/history."
    )
