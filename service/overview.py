"""What is next, how current the projects are, and what ran in the last 24 hours."""

from datetime import UTC, datetime

from sqlalchemy import Engine

from resources.cadences import CADENCES, FRESH_WITHIN
from resources.settings import Settings
from resources.warehouse.history.sync_outcomes import SLOT, SLOTS, last_slots
from resources.warehouse.state import reconciliations, sync_state
from resources.warehouse.state.issue_sync_state import Histories, count_histories
from resources.warehouse.state.known_spaces import accessible_projects
from resources.warehouse.state.reconciliations import Proof
from resources.warehouse.state.sync_state import ProjectState
from service.cache import Body, Cache, as_body
from service.dagster_runs import GLANCE_SECONDS, Dagster
from service.error_answers import ApiError
from service.state import State
from service.warehouse import Warehouse
from sync.results import api_answers

#: What renews tokens and deletes old records syncs nothing.
SHOWN = [one for one in CADENCES if one.job and one.job not in {"tokens", "housekeeping"}]


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
                api_answers.Projects(
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
    proof: Proof | None,
    history: Histories | None,
    now: datetime,
) -> api_answers.ProjectState:
    loaded = state.last_success_at if state else None
    fresh = loaded is not None and now - loaded <= FRESH_WITHIN["issues"]
    return api_answers.ProjectState(
        key=key,
        name=name,
        archived=archived,
        last_success_at=loaded,
        complete_until=state.watermark if state else None,
        fresh=None if archived else fresh,
        last_error=state.last_error if state else None,
        proof=proof,
        history=api_answers.ProjectHistory(issues=history.issues, complete=history.complete)
        if history
        else None,
    )
