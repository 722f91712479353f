"""The state of syncs, runs and the source as the answers of the API, cached as long as `cache.py`
says.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

from resources.backlog.ratelimit import least_minutes
from resources.problems.problem import Problem
from resources.progress import UNITS
from resources.settings import Settings
from resources.warehouse.history.history_reader import (
    Requested,
    Sync,
    active_syncs,
    first_starts,
    history_version,
    sync_page,
)
from resources.warehouse.history.history_writer import adopt
from resources.warehouse.history.sync_outcomes import last_day, last_ends, summary
from resources.warehouse.state import seen_conditions
from resources.warehouse.state.heartbeats import alerts_of, last_beat
from resources.warehouse.state.known_spaces import known_projects, known_spaces, space_at
from service.cache import Body, Cache, as_body
from service.dagster_runs import GLANCE_SECONDS, Dagster, Run
from service.error_answers import ApiError
from service.report_file import written_at
from service.source import SourceState, look
from service.warehouse import Warehouse
from sync.results import api_answers
from sync.results.command_results import Condition, RateLimit

#: An answer waits this long for the source. The request goes on, and the next answer has its
#: result.
LOOK_SECONDS = 3.0


class State:
    """Answers from the cache, and makes answers that are not there."""

    def __init__(
        self, settings: Settings, warehouse: Warehouse, dagster: Dagster, cache: Cache
    ) -> None:
        self._settings = settings
        self._warehouse = warehouse
        self._dagster = dagster
        self._cache = cache
        self._space: str | None = None
        self._looked: SourceState | None = None

    async def place(self, *, ask: bool = True) -> str:
        """Return what identifies the space in the history: its key, or its URL while the key is not
        known.

        If no load from the URL has recorded the key, the source is asked for it, unless `ask` is
        false.

        Raises:
            WarehouseError: the warehouse cannot be used.
        """
        url = (self._settings.backlog_url or "").rstrip("/")
        if self._space is None and url:
            self._space = await self._warehouse.ask(space_at, url)
        elif self._space is None:
            known = await self._warehouse.ask(known_spaces)
            self._space = known[0] if len(known) == 1 else None
        if self._space is None and ask:
            self._space = (await self._glance()).space_key
            if self._space:
                await self._warehouse.ask(adopt, self._space, url)
        return self._space or url

    async def known_space(self) -> str:
        """Return the key of the space.

        Raises:
            ApiError: it is not known.
            WarehouseError: the warehouse cannot be used.
        """
        await self.place()
        if self._space is None:
            raise ApiError(
                503,
                "space_unknown",
                "The space is not known yet.",
                "Load once, or make sure that the service can reach BACKLOG_URL.",
                retry_after=30,
            )
        return self._space

    async def source(self) -> SourceState:
        """Return whether the source answers; it is asked when the last result is old."""

        async def ask() -> SourceState:
            self._looked = await asyncio.to_thread(look, self._settings, self._warehouse.engine)
            return self._looked

        return await self._cache.get("source", ask, seconds=lambda found: found.seconds)

    async def condition(self) -> seen_conditions.Condition | None:
        """Return the condition of the source, as any process found it; the source is not asked."""
        return await self._cache.get(
            "moved",
            lambda: self._warehouse.ask(seen_conditions.current, self._settings.backlog_url or ""),
            "condition",
        )

    async def _glance(self) -> SourceState:
        """Return whether the source answers; if that takes long, what is known so far."""
        looking, condition = asyncio.ensure_future(self.source()), await self.condition()
        # If another process found that nobody answers, asking takes long, and is not waited for.
        if condition is None or not condition.disconnected:
            await asyncio.wait({looking}, timeout=LOOK_SECONDS)
        return looking.result() if looking.done() else self.last_look()

    def last_look(self) -> SourceState:
        """Return how the source answered when this process last asked it; it is not asked."""
        return self._looked or SourceState()

    async def log(self) -> str:
        """Return the version of the history: answers made from it are valid while it is the
        same.
        """
        place = await self._cache.get("moved", self.place, "place")
        version = await self._cache.get(
            "moved", lambda: self._warehouse.ask(history_version, place), place
        )
        return f"{place} {version}"

    async def connection(self) -> Body:
        """Return whether the source answers, the last sync, what fails, and which projects there
        are.
        """

        async def make() -> Body:
            source = await self._glance()
            condition = await self._warehouse.ask(
                seen_conditions.current, self._settings.backlog_url or ""
            )
            if condition != known:  # asking has begun or ended one: what is cached is out of date
                self._cache.drop("moved")
                self._cache.drop("connection")
            source = source.given(condition)
            place = await self.place()
            last = list((await self._warehouse.ask(summary, place)).last.values())
            failing = sorted(
                (sync for sync in last if sync.status in ("failed", "interrupted")),
                key=_ended,
                reverse=True,
            )
            good = await self._warehouse.ask(last_ends, place)
            return as_body(
                api_answers.Connection(
                    connected=source.connected,
                    condition=Condition.model_validate(condition, from_attributes=True)
                    if condition
                    else None,
                    checked_at=source.checked_at,
                    error=source.error,
                    cause=source.cause,
                    rate_limit={
                        name: RateLimit(**limit) for name, limit in source.rate_limit.items()
                    },
                    space=self._space,
                    url=self._settings.backlog_url,
                    simulated=self._settings.simulated,
                    dagster_url=self._dagster.public_url,
                    report_written_at=written,
                    last_sync=self.shown(max(last, key=_ended)) if last else None,
                    last_success_at=max(good.values(), default=None),
                    alerts=await self.alerts(),
                    failing=[self._failing(sync) for sync in failing],
                    projects=[
                        api_answers.Project(key=key, name=name)
                        for key, name in await self._warehouse.ask(known_projects, place)
                    ],
                )
            )

        known, written = await self.condition(), written_at(self._settings.home)
        return await self._cache.get("connection", make, await self.log(), known, written)

    def minutes_for(self, requests: int) -> int | None:
        """Return how long so many requests of the bucket `read` take at least; None if its limit
        was not measured yet.
        """
        limit = self._looked.rate_limit.get("read") if self._looked else None
        return (
            least_minutes(requests, limit["limit"], self._settings.rate_reserve) if limit else None
        )

    async def active(self) -> Body:
        """Return what waits or works: runs of Dagster, and syncs with how far they are."""

        async def make() -> Body:
            syncs = await self._warehouse.ask(active_syncs, await self.place())
            began = (
                await self._warehouse.ask(first_starts, [sync.run_id for sync in syncs])
                if syncs
                else {}
            )
            runs, error = await self._runs()
            dagster = api_answers.DagsterState(reachable=error is None, error=error)
            return as_body(
                api_answers.Active(active=list(self._grouped(runs, syncs, began)), dagster=dagster)
            )

        return await self._cache.get("active", make)

    async def _runs(self) -> tuple[list[Run], str | None]:
        try:
            runs = partial(self._dagster.active, GLANCE_SECONDS)
            return await self._cache.get("dagster", runs), None
        except ApiError as error:
            return [], str(error)

    def _grouped(
        self, runs: Iterable[Run], syncs: Iterable[Sync], began: Mapping[Any, datetime]
    ) -> Iterable[api_answers.ActiveRun]:
        """Yield each run with its syncs; a run in the process of a command is known by its syncs
        only.
        """
        by_run: dict[str, list[Sync]] = {run.run_id: [] for run in runs}
        for sync in syncs:
            by_run.setdefault(sync.run_id, []).append(sync)
        known = {run.run_id: run for run in runs}
        for run_id, mine in by_run.items():
            run = known.get(run_id)
            yield api_answers.ActiveRun(
                run_id=run_id,
                job=run.job if run else None,
                state=cast("api_answers.ActiveState", run.state) if run else "running",
                started_at=run.created_at if run else mine[0].started_at,
                status_url=self._dagster.run_url(run_id),
                syncs=[
                    self.shown(sync, began.get((sync.run_id, sync.sync_type, sync.mode)))
                    for sync in mine
                ],
            )

    async def stats(self) -> Body:
        """Return the totals of the last 24 hours, of all syncs and by type."""

        async def make() -> Body:
            everything, *by_type = await self._warehouse.ask(last_day, await self.place())
            return as_body(api_answers.Stats(hours=24, total=everything, by_type=by_type))

        return await self._cache.get("stats", make, await self.log())

    async def history(self, limit: int, before: int | None, requested: Requested) -> Body:
        """Return a page of the history, newest first."""

        async def make() -> Body:
            found = await self._warehouse.ask(
                sync_page, await self.place(), limit + 1, before, requested
            )
            items = [self.shown(sync) for sync in found[:limit]]
            return as_body(
                api_answers.History(
                    items=items, next_before=items[-1].id if len(found) > limit else None
                )
            )

        return await self._cache.get("history", make, await self.log(), limit, before, requested)

    async def alerts(self) -> api_answers.Alerts:
        """Return whether the alerter lives, and which problems are open."""
        beat = await self._warehouse.ask(last_beat, alerts_of(self._settings.backlog_url or ""))
        if beat is None:
            return api_answers.Alerts(alive=None, beat_at=None, open=[])
        beat_at, alive, detail = beat
        recorded = [(Problem.read(one), one) for one in detail["open"]]
        if not alive:
            recorded.insert(0, (Problem("silent/alerts", "alerter_silent"), {"since": beat_at}))
        return api_answers.Alerts(
            alive=alive,
            beat_at=beat_at,
            open=[self._alert(problem, one) for problem, one in recorded if problem],
        )

    def _alert(self, problem: Problem, recorded: Mapping[str, Any]) -> api_answers.Alert:
        said, run_id = problem.as_json(), problem.run_id or None
        return api_answers.Alert(
            code=problem.code,
            severity=problem.severity,
            action=problem.kind.action,
            texts={name: api_answers.Said(**texts) for name, texts in said["texts"].items()},
            topic=problem.key.partition("/")[0],
            kind=problem.kind.head,
            subject=said["asset"],
            partition=said["partition"] or None,
            cause=said["cause"],
            step=said["step"],
            since=recorded.get("since"),
            times=recorded.get("times", 1),
            run_id=run_id,
            status_url=self._dagster.run_url(run_id) if run_id else None,
        )

    def _failing(self, sync: Sync) -> api_answers.Failing:
        """Return a sync that fails, with what is said of it where no alert does."""
        failed = {"subject": f"raw/{sync.sync_type}", "said": sync.error or ""}
        failed |= {"cause": sync.cause or ""}
        problem = Problem(f"run/{sync.sync_type}", "run_failed", failed)
        return api_answers.Failing(
            **self.shown(sync).model_dump(),
            severity=problem.severity,
            texts={name: api_answers.Said(**said) for name, said in problem.said_in_all().items()},
        )

    def shown(self, sync: Sync, began: datetime | None = None) -> api_answers.Sync:
        """Return a sync as the API shows it; `began` is when the first sync of its run, type and
        mode did.
        """
        progress = None
        if sync.progress_done is not None:
            progress = api_answers.Progress(
                done=sync.progress_done,
                total=sync.progress_total,
                unit=UNITS.get(sync.sync_type, "rows"),
                seconds_left=_seconds_left(sync, began),
            )
        return api_answers.Sync(
            id=sync.id,
            type=sync.sync_type,
            mode=sync.mode,
            project=", ".join(sync.projects) if sync.projects else None,
            projects=sync.projects or [],
            status=sync.status,
            started_at=sync.started_at,
            ended_at=sync.ended_at,
            seconds=(sync.ended_at - sync.started_at).total_seconds() if sync.ended_at else None,
            items_synced=sync.items_synced,
            items_failed=sync.items_failed,
            requests=sync.requests,
            error=sync.error,
            cause=sync.cause,
            run_id=sync.run_id,
            waiting_for=sync.waiting_for,
            waiting_until=sync.waiting_until,
            progress=progress,
            status_url=self._dagster.run_url(sync.run_id),
        )


def _seconds_left(sync: Sync, began: datetime | None) -> float | None:
    """Return how long a sync in progress still takes if it goes on as fast as so far; None where
    that is not known.

    So far is since its load began: `progress_done` goes on from project to project, each of which
    has a row of its own.
    """
    if (
        not began
        or not sync.progress_done
        or not sync.progress_total
        or sync.status != "in_progress"
    ):
        return None
    so_far = (datetime.now(UTC) - began).total_seconds()
    return float(
        max(0, round(so_far * (sync.progress_total - sync.progress_done) / sync.progress_done))
    )


def _ended(sync: Sync) -> Any:
    return sync.ended_at
