"""Starts syncs as runs of the same jobs as the schedules, never two of one kind at once."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from resources import cadences
from resources.dagster_tags import RANGE_END_TAG, RANGE_START_TAG
from resources.settings import Settings
from resources.warehouse import sync_state
from resources.warehouse.run_pages import JOB_OF_MODE
from service.cache import Cache
from service.dagster_runs import Dagster
from service.error_answers import ApiError
from service.models import Mode, Started
from service.state import State, living
from service.warehouse import Warehouse

#: Jobs that can be started.
PROJECTS, ISSUES = "projects", "issues"
#: The tables that they sync: by such a sync the run of a command is known, which is not among those
#: that Dagster has launched.
_TABLES = {PROJECTS: cadences.PROJECTS.tables, ISSUES: cadences.ISSUES.tables}


def issues_config(mode: Mode, prefix: Sequence[str] = ()) -> dict[str, Any]:
    """Return the configuration of a run of the job `issues`: without one, partitions are read again
    whole.

    `prefix` is what the keys of the assets begin with, and so the names of their steps.
    """
    if mode == "full":
        return {}
    return {
        "ops": {
            name: {"config": {"mode": mode}}
            for name in ("__".join((*prefix, "raw", "activities")), "issue_tables")
        }
    }


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
        """Start a sync of the issues of a project, with their comments and changes: what changed,
        or all of them again.

        Raises:
            ApiError: no such project is known, one is running already, or Dagster cannot be reached
                or refuses.
            WarehouseError: the warehouse cannot be used.
        """
        partitions = await self._dagster.partitions()
        if project not in partitions.projects:
            hint = (
                "The projects are in /api/v1/sync/connection/status; a new one is found "
                "within a quarter of an hour."
            )
            raise ApiError(404, "unknown_project", f"No project has the key {project!r}.", hint)
        async with self._sync_locks[ISSUES]:
            await self._refuse_second(ISSUES)
            first = partitions.months[0]
            if mode == "incremental":
                watermark = await self._warehouse.ask(
                    _watermark, await self._state.known_space(), project
                )
                first = self._month_of(watermark, partitions.months)
            corners = {
                RANGE_START_TAG: f"{project}|{first}",
                RANGE_END_TAG: f"{project}|{partitions.months[-1]}",
            }
            return await self._launch(
                ISSUES, project, mode, issues_config(mode, self._settings.key_prefix), corners
            )

    async def all_issues(self, mode: Mode) -> Started:
        """Start a sync of the issues of all projects, as the schedule does: what changed, or all of
        them again.

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
                hint = (
                    "Sync the projects first. A new project is found within a quarter of an hour."
                )
                raise ApiError(404, "unknown_project", "No project is known yet.", hint)
            first = self._month_of(watermark if mode == "incremental" else None, partitions.months)
            corners = {
                RANGE_START_TAG: f"{projects[0]}|{first}",
                RANGE_END_TAG: f"{projects[-1]}|{partitions.months[-1]}",
            }
            return await self._launch(
                ISSUES, None, mode, issues_config(mode, self._settings.key_prefix), corners
            )

    def _month_of(self, moment: datetime | None, months: list[str]) -> str:
        """Return the month that holds an instant; what lies before the first month belongs to the
        first.
        """
        if moment is None:
            return months[0]
        return min(
            max(moment.astimezone(self._settings.zone).strftime("%Y-%m"), months[0]), months[-1]
        )

    async def _refuse_second(self, job: str) -> None:
        """Refuse when a run of the job waits or works, in Dagster or in the process of a
        command.
        """
        active = await self._dagster.active()
        known = {run.run_id for run in active}
        syncs = await self._warehouse.ask(living, await self._state.known_space())
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
    """Return the keys of accessible projects, and from when on changes of these are missing; None:
    one of them was never read.
    """
    with engine.connect() as connection:
        noted, lost = (
            sync_state.noted_project_keys(connection, space_key),
            sync_state.lost_project_keys(connection, space_key),
        )
        projects = [key for key in keys if (key in noted or not noted) and key not in lost]
        return projects, sync_state.oldest_watermark(connection, ISSUES, projects)
