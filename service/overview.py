"""What is next, how current the projects are, and what ran: runs with their syncs, and the last 24
hours by half hours.
"""

from datetime import UTC, datetime
from typing import cast

from sqlalchemy import Engine

from resources.cadences import CADENCES, FRESH_WITHIN
from resources.settings import Settings
from resources.warehouse import reconciliations, sync_state
from resources.warehouse.history import Sync
from resources.warehouse.issue_sync_state import Histories, count_histories
from resources.warehouse.reconciliations import ReconciliationStatus
from resources.warehouse.run_pages import SLOT, SLOTS, LoggedRun, last_slots, run_page
from resources.warehouse.sync_log import Requested, accessible_projects
from resources.warehouse.sync_state import ProjectState
from service import models
from service.cache import Body, Cache, as_body
from service.dagster_runs import Dagster
from service.error_answers import ApiError
from service.overview_models import (
    ProjectHistory,
    Projects,
    Proof,
    Schedule,
    Schedules,
    Slot,
    Timeline,
)
from service.overview_models import ProjectState as ShownProject
from service.state import State
from service.warehouse import Warehouse

#: What renews tokens and deletes old records syncs nothing.
_HIDDEN = frozenset({"tokens", "housekeeping"})


class Overview:
    """Answers from the cache, and makes answers that are not there; the source is never asked."""

    def __init__(
        self, settings: Settings, warehouse: Warehouse, dagster: Dagster, state: State, cache: Cache
    ) -> None:
        self._settings = settings
        self._warehouse = warehouse
        self._dagster = dagster
        self._state = state
        self._cache = cache

    async def schedules(self) -> Body:
        """Return when each schedule runs next, and whether schedules and sensors are on."""

        async def make() -> Body:
            on, error = {}, None
            try:
                on = await self._dagster.instigators()
            except ApiError as refused:
                error = str(refused)
            now = datetime.now(UTC)
            items = [
                Schedule(
                    name=one.name,
                    job=one.job,
                    next_at=one.next_tick(now, self._settings.zone, self._settings.backlog_url),
                    every_seconds=int(one.interval.total_seconds()),
                    on=on.get(one.name),
                    on_by_default=one.on,
                )
                for one in CADENCES
                if one.job and one.job not in _HIDDEN
            ]
            items.sort(key=lambda one: (one.next_at is None, one.next_at or now))
            return as_body(
                Schedules(
                    items=items, dagster=models.DagsterState(reachable=error is None, error=error)
                )
            )

        return await self._cache.get("schedules", make)

    async def projects(self) -> Body:
        """Return how current each project is, and whether it is proven to equal the source."""

        async def make() -> Body:
            place = await self._state.place(ask=False)
            proofs = await self._cache.get(
                "proofs", lambda: self._warehouse.ask(_proofs, place), place
            )
            found, states, histories = await self._warehouse.ask(_overview_of_projects, place)
            now = datetime.now(UTC)
            items = [
                _project_overview(
                    key,
                    name,
                    archived,
                    states.get(number),
                    proofs.get(number),
                    histories.get(number),
                    now,
                )
                for number, key, name, archived in found
            ]
            left = sum(one.issues - one.complete for one in histories.values())
            return as_body(
                Projects(
                    fresh_within_seconds=int(FRESH_WITHIN["issues"].total_seconds()),
                    history_minutes_left=self._state.minutes_for(left),
                    items=items,
                )
            )

        return await self._cache.get("projects", make, await self._state.log())

    async def timeline(self) -> Body:
        """Return what was at work in each half hour of the last day."""

        async def make() -> Body:
            until, slots = await self._warehouse.ask(last_slots, await self._state.place(ask=False))
            shown = [
                Slot(
                    kind=one.kind,
                    start=one.start,
                    runs=one.runs,
                    failed=one.failed,
                    running=one.running,
                )
                for one in slots
            ]
            return as_body(
                Timeline(
                    since=until - SLOTS * SLOT,
                    until=until,
                    slot_seconds=int(SLOT.total_seconds()),
                    slots=shown,
                )
            )

        return await self._cache.get("stats", make, await self._state.log(), "timeline")

    async def runs(self, limit: int, before: int | None, requested: Requested) -> Body:
        """Return a page of runs with their syncs, newest first."""

        async def make() -> Body:
            found = await self._warehouse.ask(
                run_page, await self._state.place(), limit + 1, before, requested
            )
            items = [self._run(run) for run in found[:limit]]
            return as_body(
                models.Runs(
                    items=items,
                    next_before=found[limit - 1].syncs[0].id if len(found) > limit else None,
                )
            )

        return await self._cache.get(
            "history", make, await self._state.log(), "runs", limit, before, requested
        )

    def _run(self, run: LoggedRun) -> models.Run:
        return run_of(
            self._state,
            run,
            job=None,
            state=cast("models.RunState", run.state),
            started_at=min(sync.started_at for sync in run.syncs),
            ended_at=None
            if run.state == "running"
            else max(sync.ended_at or sync.started_at for sync in run.syncs),
            status_url=self._dagster.run_url(run.run_id),
        )


def run_of(
    state_of: State,
    run: LoggedRun,
    *,
    job: str | None,
    state: models.RunState,
    started_at: datetime | None,
    ended_at: datetime | None,
    status_url: str,
) -> models.Run:
    """Return a run as the API shows it; what it did is in its syncs, its job, state and times come
    from Dagster or the log.
    """
    errors = dict.fromkeys(
        sync.error for sync in run.syncs if sync.status == "failed" and sync.error
    )
    return models.Run(
        run_id=run.run_id,
        job=job,
        kind=job or run.kind,
        state=state,
        error="; ".join(errors) or None if state in ("failed", "canceled") else None,
        started_at=started_at,
        ended_at=ended_at,
        seconds=(ended_at - started_at).total_seconds() if started_at and ended_at else None,
        projects=sorted({key for sync in run.syncs for key in sync.projects or ()}),
        items_synced=sum(sync.items_synced for sync in run.syncs),
        items_failed=sum(sync.items_failed for sync in run.syncs),
        requests=sum(sync.requests for sync in run.syncs),
        syncs=[state_of.shown(sync, _began(run, sync)) for sync in run.syncs],
        status_url=status_url,
    )


def _began(run: LoggedRun, sync: Sync) -> datetime:
    return min(
        one.started_at
        for one in run.syncs
        if (one.sync_type, one.mode) == (sync.sync_type, sync.mode)
    )


def _proofs(engine: Engine, space_key: str) -> dict[int, ReconciliationStatus]:
    with engine.connect() as connection:
        return reconciliations.latest(connection, space_key)


def _overview_of_projects(
    engine: Engine, space_key: str
) -> tuple[list[tuple[int, str, str, bool]], dict[int, ProjectState], dict[int, Histories]]:
    with engine.connect() as connection:
        states = sync_state.project_states(connection, space_key, "issues")
        return (
            accessible_projects(connection, space_key),
            states,
            count_histories(connection, space_key),
        )


def _project_overview(
    key: str,
    name: str,
    archived: bool,
    state: ProjectState | None,
    proof: ReconciliationStatus | None,
    history: Histories | None,
    now: datetime,
) -> ShownProject:
    loaded = state.last_success_at if state else None
    fresh = loaded is not None and now - loaded <= FRESH_WITHIN["issues"]
    return ShownProject(
        key=key,
        name=name,
        archived=archived,
        last_success_at=loaded,
        complete_until=state.watermark if state else None,
        fresh=None if archived else fresh,
        last_error=state.last_error if state else None,
        proof=Proof(**vars(proof)) if proof else None,
        history=ProjectHistory(issues=history.issues, complete=history.complete)
        if history
        else None,
    )
