"""Runs as the history and Dagster know them: one by its id, and pages of them."""

import re
from datetime import datetime
from typing import cast

from resources.problems.causes import worst
from resources.warehouse.history.history_reader import (
    BAD,
    LoggedRun,
    Requested,
    Sync,
    run_page,
    run_syncs,
)
from service.cache import Body, Cache, as_body
from service.dagster_runs import Dagster, Run
from service.error_answers import ApiError
from service.run_follower import RunFollower
from service.state import State
from service.warehouse import Warehouse
from sync.results import api_answers
from sync.runs import RunState

_RUN_ID = re.compile("[A-Za-z0-9_-]{1,64}")


class LoggedRuns:
    """Finds runs of this space."""

    def __init__(
        self,
        warehouse: Warehouse,
        dagster: Dagster,
        state: State,
        cache: Cache,
        follower: RunFollower,
    ) -> None:
        self._warehouse = warehouse
        self._dagster = dagster
        self._state = state
        self._cache = cache
        self._follower = follower

    async def page(self, limit: int, before: int | None, requested: Requested) -> Body:
        """Return a page of runs with their syncs, newest first."""

        async def make() -> Body:
            place = await self._state.place()
            found = await self._warehouse.ask(run_page, place, limit + 1, before, requested)
            following = found[limit - 1].syncs[0].id if len(found) > limit else None
            items = [self._shown(run, None) for run in found[:limit]]
            return as_body(api_answers.Runs(items=items, next_before=following))

        log = await self._state.log()
        return await self._cache.get("history", make, log, "runs", limit, before, requested)

    async def find(self, run_id: str) -> Run | None:
        """Return a run as Dagster has it; None: only the history knows it, as a command's run.

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

    async def log(self, run_id: str, after: str | None) -> Body:
        """Return the last lines of the log of a run, of what was written after a cursor if there
        is one. Only Dagster has it: a command's run may have none.

        Raises:
            ApiError: the run is unknown, or Dagster cannot be reached or refuses.
            WarehouseError: the warehouse cannot be used.
        """

        async def make() -> Body:
            if await self.find(run_id):
                return as_body(await self._dagster.log(run_id, after))
            return as_body(api_answers.RunLog(lines=[], next_after=None))

        return await self._cache.get("run", make, "log", run_id, after)

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
                await self._follower.record([run] if run and run.ended else [])
            except ApiError as error:
                problem = error
            logged = LoggedRun(run_id, tuple(await self._warehouse.ask(run_syncs, run_id)))
            if run is None and not logged.syncs:
                raise problem or _unknown()
            if run is None and problem and logged.state == "completed":
                # Between two tables no row is at work: only Dagster knows whether it is over.
                raise problem
            return as_body(self._shown(logged, run))

        return await self._cache.get("run", make, run_id)

    def _shown(self, logged: LoggedRun, run: Run | None) -> api_answers.Run:
        """Return a run as the API shows it; `run` is what Dagster says, if it was asked."""
        syncs, failed = logged.syncs, [sync for sync in logged.syncs if sync.status in BAD]
        state = run.state if run else cast("RunState", logged.state)
        if state == "completed" and failed:
            state = "failed"
        started_at, ended_at = (run or logged).started_at, (run or logged).ended_at
        errors = dict.fromkeys(sync.error for sync in failed if sync.error)
        codes, ended_badly = (
            [one.cause for one in failed if one.cause],
            state in ("failed", "canceled"),
        )
        return api_answers.Run(
            run_id=logged.run_id,
            job=run.job if run else None,
            kind=run.job if run else logged.kind,
            state=state,
            error="; ".join(errors) or None if ended_badly else None,
            cause=worst(codes) if codes and ended_badly else None,
            started_at=started_at,
            ended_at=ended_at,
            seconds=(ended_at - started_at).total_seconds() if started_at and ended_at else None,
            projects=sorted({key for sync in syncs for key in sync.projects or ()}),
            items_synced=sum(sync.items_synced for sync in syncs),
            items_failed=sum(sync.items_failed for sync in syncs),
            requests=sum(sync.requests for sync in syncs),
            syncs=[self._state.shown(sync, _began(logged, sync)) for sync in syncs],
            status_url=self._dagster.run_url(logged.run_id),
        )


def _began(run: LoggedRun, sync: Sync) -> datetime:
    """Return when the first sync of the same type and mode began in a run."""
    same = (one for one in run.syncs if (one.sync_type, one.mode) == (sync.sync_type, sync.mode))
    return min(one.started_at for one in same)


def _unknown() -> ApiError:
    return ApiError(
        404, "unknown_run", "No run of this space has this id.", "Runs are in /api/v1/sync/history."
    )
