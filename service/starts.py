"""Starts syncs as runs of the same jobs as the schedules, never two of one kind at once."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from resources import cadences
from resources.settings import Settings
from resources.warehouse.history.history_reader import active_syncs
from resources.warehouse.history.run_kinds import JOB_OF_MODE
from resources.warehouse.state import sync_state
from service.cache import Cache
from service.dagster_runs import Dagster
from service.error_answers import ApiError
from service.models import Mode, Started
from service.state import State
from service.warehouse import Warehouse
from sync.modes import issues_config
from sync.month_windows import month_in
from sync.partition_ranges import accessible_keys, range_tags

#: Jobs that can be started.
PROJECTS, ISSUES, RETRY = "projects", "issues", "retry_failed_partitions"
#: The tables that they sync: by these the run of a command is known, which Dagster has not
#: launched.
_TABLES = {PROJECTS: cadences.PROJECTS.tables, ISSUES: cadences.ISSUES.tables}


class Starts:
    """Starts runs, one at a time of each kind."""

    def __init__(
        self, settings: Settings, warehouse: Warehouse, dagster: Dagster, state: State, cache: Cache
    ) -> None:
        self._settings = settings
        self._warehouse = warehouse
        self._dagster = dagster
        self._state = state
        self._cache = cache
        self._sync_locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def projects(self) -> Started:
        """Start a sync of the space, its projects and their master data, which are always read
        whole.

        Raises:
            ApiError: one is running already, or Dagster cannot be reached or refuses.
            WarehouseError: the warehouse cannot be used.
        """
        async with self._sync_locks[PROJECTS]:
            await self._refuse_second(PROJECTS)
            return await self._launch(PROJECTS, None, "full", {}, {})

    async def issues(self, project: str, mode: Mode) -> Started:
        """Start a sync of the issues of a project with their comments: what changed, or all.

        Raises:
            ApiError: no such project is known, one is running already, or Dagster cannot be
            reached or refuses.
            WarehouseError: the warehouse cannot be used.
        """
        partitions = await self._dagster.partitions()
        if project not in partitions.projects:
            raise ApiError(
                404,
                "unknown_project",
                f"No project has the key {project!r}.",
                "The projects are in /api/v1/sync/connection/status; a new one is found "
                "within a quarter of an hour.",
            )
        async with self._sync_locks[ISSUES]:
            await self._refuse_second(ISSUES)
            space = await self._state.known_space()
            watermark = await self._warehouse.ask(_watermark, space, project)
            return await self._launch_issues(project, mode, [project], partitions.months, watermark)

    async def all_issues(self, mode: Mode) -> Started:
        """Start a sync of the issues of all projects, as the schedule does: what changed, or all.

        Raises:
            ApiError: no project is known, one is running already, or Dagster cannot be reached or
            refuses.
            WarehouseError: the warehouse cannot be used.
        """
        partitions = await self._dagster.partitions()
        async with self._sync_locks[ISSUES]:
            await self._refuse_second(ISSUES)
            projects, watermark = await self._warehouse.ask(
                _all, await self._state.known_space(), partitions.projects
            )
            if not projects:
                raise ApiError(
                    404,
                    "unknown_project",
                    "No project is known yet.",
                    "Sync the projects first. A new project is found within a quarter of an hour.",
                )
            return await self._launch_issues(None, mode, projects, partitions.months, watermark)

    async def failed_partitions(self) -> Started:
        """Start the job that loads again what backfills have left failed.

        Raises:
            ApiError: Dagster cannot be reached or refuses.
        """
        return await self._launch(RETRY, None, "full", {}, {})

    async def _launch_issues(
        self,
        project: str | None,
        mode: Mode,
        projects: Sequence[str],
        months: Sequence[str],
        watermark: datetime | None,
    ) -> Started:
        """Start a run over some projects, from the month of the watermark or the first month on."""
        first = months[0]
        if mode == "incremental" and watermark is not None:
            first = month_in(months, watermark, self._settings.zone)
        config = issues_config("backfill" if mode == "full" else mode, self._settings.key_prefix)
        tags = range_tags(projects, (first, months[-1]))
        return await self._launch(ISSUES, project, mode, config, tags)

    async def _refuse_second(self, job: str) -> None:
        """Refuse when a run of the job waits or works, in Dagster or in the process of a
        command.
        """
        active = await self._dagster.active()
        known = {run.run_id for run in active}
        syncs = await self._warehouse.ask(active_syncs, await self._state.known_space())
        of_dagster = [run.run_id for run in active if run.job == job]
        # A run of single issues is of another job.
        of_others = [
            sync for sync in syncs if sync.run_id not in known and sync.mode not in JOB_OF_MODE
        ]
        of_commands = [sync.run_id for sync in of_others if sync.sync_type in _TABLES[job]]
        for run_id in of_dagster + of_commands:
            said = f"A sync of {job} is already running."
            hint = (
                "Wait for it, or cancel it."
                if run_id in known
                else "Wait for it, or end its command with Ctrl+C."
            )
            raise ApiError(
                409,
                "already_running",
                said,
                hint,
                run_id=run_id,
                status_url=self._dagster.run_url(run_id),
            )

    async def _launch(
        self,
        job: str,
        project: str | None,
        mode: Mode,
        config: dict[str, Any],
        tags: dict[str, str],
    ) -> Started:
        run_id = await self._dagster.launch(job, config, tags)
        for kind in ("dagster", "active"):
            self._cache.drop(kind)
        return Started(
            run_id=run_id,
            job=job,
            project=project,
            mode=mode,
            status_url=self._dagster.run_url(run_id),
        )


def _watermark(engine: Engine, space_key: str, project: str) -> datetime | None:
    with engine.connect() as connection:
        identifier = sync_state.project_id_for_key(connection, space_key, project)
        return sync_state.get_watermarks(connection, space_key, ISSUES).get(identifier or 0)


def _all(engine: Engine, space_key: str, keys: list[str]) -> tuple[list[str], datetime | None]:
    """Return the keys of accessible projects, and since when changes of these are missing."""
    projects = accessible_keys(engine, space_key, keys)
    with engine.connect() as connection:
        return projects, sync_state.oldest_watermark(connection, ISSUES, projects)
