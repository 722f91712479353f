"""A whole deployment for one test: a simulated space over HTTP, a fresh database, a Dagster
instance, the real definitions.

Only the waits are taken out, by injection.
"""

import logging
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import dagster as dg
from sqlalchemy import Engine

from assets.activity_feed import activities
from assets.partitions import PROJECTS, month_keys, month_of
from pipelines.cli.in_process import QUIET
from pipelines.definitions import build_definitions
from pipelines.jobs import issues_config, marts_job
from pipelines.raw_definitions import build_raw_definitions
from pipelines.sensors.project_discovery import new_project_keys
from resources.backlog.backlog_resource import BacklogResource
from resources.backlog.client import BacklogClient
from resources.progress import LogProgress, Progress
from resources.warehouse.warehouse_resource import WarehouseResource
from simulator import Simulator
from sync.modes import Mode
from sync.partition_ranges import range_tags
from tests.syncs import SMALL as SMALL
from tests.warehouse_view import WarehouseView, without_zeros

#: Keys by which tokens are encrypted.
TOKEN_KEY, OTHER_TOKEN_KEY = (urlsafe_b64encode(letter * 32).decode() for letter in (b"k", b"o"))

Deploy = Callable[..., "Deployment"]


@dataclass(frozen=True)
class Run:
    """A run that has ended, as the instance has it: what the UI would show."""

    success: bool
    run_id: str
    instance: dg.DagsterInstance

    @property
    def events(self) -> list[dg.DagsterEvent]:
        """All events of the run."""
        return [
            entry.dagster_event
            for entry in self.instance.all_logs(self.run_id)
            if entry.dagster_event
        ]


class HastyBacklog(BacklogResource):
    """The resource, with waits between attempts that take no time and an end after a few of
    them; an answer must be complete in `total` seconds.
    """

    total: float = 120.0

    @property
    def client(self) -> BacklogClient:
        """Return the client of this run."""
        if self._client is None:
            self._client = BacklogClient(
                self.root,
                self.auth,
                sleep=lambda _seconds: None,
                observe=self.observer,
                max_wait=30.0,
                total=self.total,
            )
        return self._client


@dataclass(frozen=True)
class Deployment(WarehouseView):
    """What a test acts on; `as_user` and `with_progress` give the same deployment seen in another
    way.
    """

    sim: Simulator
    warehouse_url: str
    engine: Engine
    instance: dg.DagsterInstance
    api_key: str
    progress: Progress
    privacy_key: str = ""
    token_key: str = ""

    @property
    def backlog(self) -> BacklogResource:
        """A new resource on the space."""
        if not self.token_key:
            return HastyBacklog(
                url=self.sim.url,
                api_key=self.api_key,
                privacy_key=self.privacy_key,
                conditions=self.warehouse,
            )
        keyring = self.sim.site.keyring
        return HastyBacklog(
            url=self.sim.url,
            oauth_client_id=keyring.client_id,
            oauth_client_secret=keyring.client_secret,
            token_key=self.token_key,
            vault=self.warehouse,
            conditions=self.warehouse,
            privacy_key=self.privacy_key,
        )

    @property
    def warehouse(self) -> WarehouseResource:
        """A new resource on the database."""
        return WarehouseResource(url=self.warehouse_url)

    @cached_property
    def definitions(self) -> dg.Definitions:
        """The definitions of the code location on this space and database, put together once for
        all runs: each gets resources of its own.
        """
        return build_definitions(self._resources)

    @cached_property
    def raw_definitions(self) -> dg.Definitions:
        """The part of the definitions that loads the raw tables; to put it together takes half as
        long.
        """
        return build_raw_definitions(self._resources)

    @property
    def _resources(self) -> dict[str, Any]:
        return {"backlog": self.backlog, "warehouse": self.warehouse, "progress": self.progress}

    def as_user(self, user: int) -> "Deployment":
        """Return the deployment with the API key of another user."""
        return replace(self, api_key=self.sim.key_for(user))

    def with_privacy_key(self, key: str) -> "Deployment":
        """Return the deployment as it is when people are masked by a key."""
        return replace(self, privacy_key=key)

    def with_oauth(self, token_key: str = TOKEN_KEY) -> "Deployment":
        """Return the deployment as it is with access by OAuth; nobody is logged in by that."""
        return replace(self, token_key=token_key)

    def log_in(self) -> "Deployment":
        """Let the owner of the space log in, without a browser."""
        backlog, uri = self.backlog, "http://127.0.0.1/callback"
        code = self.sim.site.keyring.issue_code(self.sim.space.administrator.id, uri)
        backlog.token_store.save(
            backlog.application.exchange(code, uri), self.sim.space.spec.space_key
        )
        return self

    def with_progress(self, progress: Progress) -> "Deployment":
        """Return the deployment with somebody else to report to."""
        return replace(self, progress=progress)

    # -- running -----------------------------------------------------------------------------------

    def run(
        self,
        job: str,
        *,
        only: Sequence[str] = (),
        config: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Run:
        """Run a job, or `only` some tables of it; a failure is in the result, it is not raised."""
        definitions = self.definitions if job == marts_job.name else self.raw_definitions
        return self.run_job(definitions.resolve_job_def(job), only=only, config=config, **options)

    def by_hand(
        self, *tables: str, checks: Iterable[dg.AssetCheckKey] | None = None, **options: Any
    ) -> Run:
        """Run tables as the UI does it for who chooses them there, or only `checks`."""
        job = self.raw_definitions.resolve_implicit_global_asset_job_def()
        return self.run_job(
            job if checks is None else job.get_subset(asset_check_selection=set(checks)),
            only=tables,
            **options,
        )

    def run_job(
        self,
        job: dg.JobDefinition,
        *,
        only: Sequence[str] = (),
        config: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Run:
        """Run a job that is at hand; see `run`."""
        selection = [dg.AssetKey(["raw", name]) for name in only] or None
        result = job.execute_in_process(
            run_config={**QUIET, **(config or {})},
            instance=self.instance,
            asset_selection=selection,
            raise_on_error=False,
            **options,
        )
        return Run(result.success, result.run_id, self.instance)

    def run_issues(
        self,
        *projects: str,
        first: str | None = None,
        last: str | None = None,
        mode: Mode = "backfill",
        tags: Mapping[str, str] | None = None,
    ) -> Run:
        """Run `issues` over a rectangle: from the first to the last of `projects` (default all),
        from month to month.

        The first month is by default the first of all; where only changes are read, that of the
        schedules and sensors.
        """
        keys = projects or tuple(self.partitions)
        months = month_keys()
        if first is None and mode != "backfill":
            watermark = self.oldest_watermark() if mode == "incremental" else datetime.now(UTC)
            first = month_of(watermark) if watermark else None
        corners = range_tags(keys, [first or months[0], last or months[-1]])
        return self.run("issues", config=issues_config(mode), tags=corners | dict(tags or {}))

    def oldest_watermark(self) -> datetime | None:
        """Return the watermark of the project that is furthest behind, None while a known project
        has none.
        """
        [state] = self.query(
            "SELECT min(watermark) AS oldest, count(watermark) AS n FROM "
            "ops.sync_state WHERE scope = 'issues'"
        )
        oldest: datetime | None = state["oldest"] if state["n"] >= len(self.partitions) else None
        return oldest

    def run_activities(self, mode: str = "incremental") -> Run:
        """Run only `activities`."""
        return self.run(
            "issues",
            only=["activities"],
            config={"ops": {activities.op.name: {"config": {"mode": mode}}}},
        )

    def discover(self) -> "Deployment":
        """Add the partitions of the projects of the space."""
        keys = [{"projectKey": project.key} for project in self.sim.space.projects.values()]
        self.instance.add_dynamic_partitions(
            str(PROJECTS.name), new_project_keys(self.partitions, keys)
        )
        return self

    def load(self) -> "Deployment":
        """Load everything for the first time."""
        self.discover()
        for result in (self.run("users"), self.run("projects"), self.run_issues()):
            assert result.success, failures(result)
        return self

    @property
    def partitions(self) -> Sequence[str]:
        """The keys of the dimension `project`."""
        return self.instance.get_dynamic_partitions(str(PROJECTS.name))

    # -- looking -----------------------------------------------------------------------------------

    def log(self, run: Run, level: str) -> list[str]:
        """Return what a run wrote into its log at a level, as `WARNING`."""
        number = logging.getLevelNamesMapping()[level]
        return [
            entry.user_message
            for entry in self.instance.all_logs(run.run_id)
            if entry.level == number
        ]


def failures(run: Run) -> list[str]:
    """Return one line for each step that failed, as the command line says it."""
    return [_line(event.step_failure_data) for event in run.events if event.is_step_failure]


def _line(data: Any) -> str:
    if data.user_failure_data and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    return str((data.error.cause or data.error).message)


def metadata(run: Run, table: str) -> dict[str, Any]:
    """Return what the run recorded for a table that is read whole, as plain values."""
    key = dg.AssetKey(["raw", table])
    [found] = [
        event.materialization
        for event in run.events
        if event.is_step_materialization and event.asset_key == key
    ]
    return {name: value.value for name, value in found.metadata.items()}


def recorded(run: Run, table: str = "issues") -> dict[str, dict[str, Any]]:
    """Return partition -> metadata of all partitions of a table that the run recorded; a key twice
    adds a `#`.
    """
    found: dict[str, dict[str, Any]] = {}
    for event in run.events:
        if event.is_step_materialization and event.asset_key == dg.AssetKey(["raw", table]):
            key = str(event.partition)
            while key in found:
                key += "#"
            found[key] = {
                name: value.value for name, value in event.materialization.metadata.items()
            }
    return found


def observed(run: Run, table: str = "issues") -> dict[str, Any]:
    """Return what the run recorded for `raw/issues`, or its companions, as a whole."""
    seen = [
        event.asset_observation_data.asset_observation
        for event in run.events
        if event.is_asset_observation
    ]
    [found] = [
        observation for observation in seen if observation.asset_key == dg.AssetKey(["raw", table])
    ]
    return {name: value.value for name, value in found.metadata.items()}


def checks(run: Run, table: str = "issues") -> dict[str, bool]:
    """Return check name -> whether it passed, of one table."""
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    found = [event.asset_check_evaluation_data for event in run.events if event.event_type == kind]
    return {
        one.check_name: one.passed for one in found if one.asset_key == dg.AssetKey(["raw", table])
    }


def counts(found: Mapping[str, Any]) -> dict[str, int]:
    """Return the counters of rows in an entry, without those that are 0."""
    return without_zeros(
        {
            name.removeprefix("load/rows_"): value
            for name, value in found.items()
            if name.startswith("load/rows_")
        }
    )


def quiet() -> Progress:
    """Return a progress that nobody reads."""
    return LogProgress(write=lambda _line: None)


def shown_rows(result: dg.AssetCheckResult, entry: str = "rows") -> list[dict[str, object]]:
    """Return the rows of a table in what a check has found."""
    table = result.metadata[entry]
    assert isinstance(table, dg.TableMetadataValue)
    return [dict(record.data) for record in table.records]
