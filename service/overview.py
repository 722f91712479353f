"""What is next, how current the projects are, what ran in the last 24 hours, and the figures of all
that.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine

from resources.cadences import CADENCES, FRESH_WITHIN
from resources.settings import Settings
from resources.warehouse.history.history_reader import active_syncs
from resources.warehouse.history.sync_outcomes import (
    SLOT,
    SLOTS,
    Totals,
    last_day,
    last_ends,
    last_project_ends,
    last_slots,
)
from resources.warehouse.state import reconciliations, sync_state
from resources.warehouse.state.issue_sync_state import count_histories
from resources.warehouse.state.known_spaces import accessible_projects
from resources.warehouse.state.reconciliations import Proof
from resources.warehouse.state.seen_conditions import Condition
from resources.warehouse.state.sync_state import ProjectState
from service.cache import Body, Cache, as_body
from service.dagster_runs import GLANCE_SECONDS, Dagster
from service.error_answers import ApiError
from service.source import SourceState
from service.state import State
from service.warehouse import Warehouse
from sync.results import api_answers

#: What renews tokens and deletes old records syncs nothing.
SHOWN = [one for one in CADENCES if one.job and one.job not in {"tokens", "housekeeping"}]
_NEVER_READ = ProjectState(None, None, None, None, None)


@dataclass(frozen=True)
class Figures:
    """What `/metrics` shows of the syncs."""

    active: int
    totals: list[Totals]
    last_success: Mapping[str, datetime]
    source: SourceState
    condition: Condition | None
    problems: Counter[tuple[str, str]]
    projects: list[api_answers.ProjectState]


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
            found, error = {}, None
            try:
                found = await self._dagster.instigators(GLANCE_SECONDS)
            except ApiError as refused:
                error = str(refused)
            now = datetime.now(UTC)
            items = [
                api_answers.Schedule(
                    name=one.name,
                    job=one.job,
                    next_at=one.next_tick(now, self._settings.zone, self._settings.backlog_url),
                    every_seconds=int(one.interval.total_seconds()),
                    on=found[one.name].on if one.name in found else None,
                    on_by_default=one.on,
                )
                for one in SHOWN
            ]
            items.sort(key=lambda one: (one.next_at is None, one.next_at or now))
            return as_body(
                api_answers.Schedules(
                    items=items,
                    dagster=api_answers.DagsterState(reachable=error is None, error=error),
                )
            )

        return await self._cache.get("schedules", make)

    async def projects(self) -> Body:
        """Return how current each project is, and whether it is proven to equal the source."""

        async def make() -> Body:
            items = await self._projects()
            histories = [one.history for one in items if one.history]
            left = sum(one.issues - one.complete for one in histories)
            return as_body(
                api_answers.Projects(
                    fresh_within_seconds=int(FRESH_WITHIN["issues"].total_seconds()),
                    history_minutes_left=self._state.minutes_for(left),
                    items=items,
                )
            )

        return await self._cache.get("projects", make, await self._state.log())

    async def _projects(self) -> list[api_answers.ProjectState]:
        place = await self._state.place(ask=False)
        proofs = await self._cache.get("proofs", lambda: self._warehouse.ask(_proofs, place), place)
        return await self._warehouse.ask(_project_states, place, proofs)

    async def figures(self) -> Figures:
        """Return what `/metrics` shows.

        Raises:
            WarehouseError: the warehouse cannot be used.
        """

        async def make() -> Figures:
            place = await self._state.place(ask=False)
            return Figures(
                active=len(await self._warehouse.ask(active_syncs, place)),
                totals=await self._warehouse.ask(last_day, place),
                last_success=await self._warehouse.ask(last_ends, place),
                source=self._state.last_look().given(condition),
                condition=condition,
                problems=Counter(
                    (one.code, one.severity) for one in (await self._state.alerts()).open
                ),
                projects=await self._projects(),
            )

        condition = await self._state.condition()
        log = await self._state.log()
        return await self._cache.get("projects", make, log, "figures", condition)

    async def timeline(self) -> Body:
        """Return what was at work in each half hour of the last day."""

        async def make() -> Body:
            until, slots = await self._warehouse.ask(last_slots, await self._state.place(ask=False))
            return as_body(
                api_answers.Timeline(
                    since=until - SLOTS * SLOT,
                    until=until,
                    slot_seconds=int(SLOT.total_seconds()),
                    slots=slots,
                )
            )

        return await self._cache.get("stats", make, await self._state.log(), "timeline")


def _proofs(engine: Engine, space_key: str) -> dict[int, Proof]:
    with engine.connect() as connection:
        return reconciliations.latest(connection, space_key)


def _project_states(
    engine: Engine, space_key: str, proofs: Mapping[int, Proof]
) -> list[api_answers.ProjectState]:
    with engine.connect() as connection:
        projects = accessible_projects(connection, space_key)
        states = sync_state.project_states(connection, space_key, "issues")
        histories = count_histories(connection, space_key)
        keys = [key for _, key, _, _ in projects]
        ends = last_project_ends(connection, space_key, "issues", keys)
    now, found = datetime.now(UTC), []
    for number, key, name, archived in projects:
        state, history = states.get(number, _NEVER_READ), histories.get(number)
        read_at = state.last_success_at
        fresh = read_at is not None and now - read_at <= FRESH_WITHIN["issues"]
        found.append(
            api_answers.ProjectState(
                key=key,
                name=name,
                archived=archived,
                last_success_at=ends.get(key),
                complete_until=state.watermark,
                fresh=None if archived else fresh,
                last_error=state.last_error,
                last_cause=state.last_cause,
                proof=proofs.get(number),
                history=api_answers.ProjectHistory(issues=history.issues, complete=history.complete)
                if history
                else None,
            )
        )
    return found
