"""The engine alone: loads of a simulated space into a real PostgreSQL, in this process and without
Dagster.
"""

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Engine

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient
from resources.backlog.client_values import RequestStats
from resources.masking import Mask
from resources.problems.causes import Failure, KnownError
from resources.progress import LogProgress, Progress
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.state.reconciliations import Level
from simulator import Simulator, SpaceSpec
from sync.activities import is_behind, sync_activities, sync_past_activities
from sync.comments import sync_comments
from sync.counts import Counts
from sync.issues import sync_issues
from sync.listings import sync_listing
from sync.modes import Mode
from sync.month_windows import Calendar, Slice
from sync.observer import LoadedPartition, LoadedPartitions, TableTotals
from sync.open_session import PartsFailedError, Run, open_session
from sync.reconcile.reconcile import reconcile
from sync.reconcile.verdict import Reconciliation, Repair
from sync.session import Session
from tests.warehouse_view import WarehouseView, without_zeros

#: Three projects (OPS, WEB, APP) with 60 issues, changed from November 2025 to June 2026.
SMALL = SpaceSpec(seed=3, users=8, projects=3, issues=60, history_days=240)
#: Hardly anything: for who asks for access only.
TINY = SpaceSpec(seed=3, users=2, projects=1, issues=1, history_days=10)
CALENDAR = Calendar("2026-01", "Asia/Tokyo")
#: Tables that are read whole with each load, and those that the space says of itself once a day.
LISTINGS = tuple(name for name, spec in SPECS.items() if spec.listing and not spec.daily)
DAILY = tuple(name for name, spec in SPECS.items() if spec.daily)

#: Routes of the feed, and of the comments of an issue.
FEED, COMMENTS = "/space/activities", "/issues/{issue}/comments"

StartSyncs = Callable[..., "Syncs"]


@dataclass(frozen=True)
class Source:
    """Where a load reads."""

    url: str
    client: BacklogClient
    mask: Mask


@dataclass(frozen=True)
class Warehouse:
    """Where a load writes."""

    engine: Engine


class Lines(logging.Handler):
    """Remembers what is logged, as (level, message)."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Remember a line."""
        self.found.append((record.levelname, record.getMessage()))


@dataclass
class Loaded:
    """What loads of one run did, as their observer was shown it; `errors` are the messages of those
    that failed.
    """

    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    tables: dict[str, Counts] = field(default_factory=dict)
    totals: dict[str, TableTotals] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    requests: dict[str, RequestStats] = field(default_factory=dict)
    passes: list[LoadedPartitions] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    lines: Lines = field(default_factory=Lines)
    errors: list[str] = field(default_factory=list)
    #: Whether one of them ended before it was done, so that none is begun after it.
    broken_off: bool = False
    #: Whether the feed is to be read back to its beginning when the issues are there.
    feed_behind: bool = False

    @property
    def success(self) -> bool:
        """Whether nothing failed."""
        return not self.errors

    def counts(self, table: str = "issues") -> dict[str, int]:
        """Return the counters of a table that are not 0."""
        return without_zeros(asdict(self.tables[table]))

    def partitions(self, table: str = "issues") -> dict[str, LoadedPartition]:
        """Return partition -> what was done to it; the last time, when several passes have loaded
        it.
        """
        return {
            f"{one.project_key}|{one.month}": one
            for done in self.passes
            if done.table == table
            for one in done.partitions
        }

    def proofs(self, table: str = "issues") -> list[dict[str, Any]]:
        """Return why each pass over a table is complete, in the order of the passes."""
        return [dict(done.proof or {}) for done in self.passes if done.table == table]

    def log(self, level: str) -> list[str]:
        """Return what was logged at a level, as `WARNING`."""
        return [text for of, text in self.lines.found if of == level]

    def partitions_loaded(self, loaded: LoadedPartitions) -> None:
        """Remember partitions."""
        self.passes.append(loaded)

    def table_loaded(self, totals: TableTotals) -> None:
        """Remember what the load of a partitioned table did as a whole."""
        self.tables[totals.table] = totals.counts
        self.totals[totals.table] = totals

    def rows_changed(self, table: str, stored: int, by: str) -> None:
        """Remember how many rows another table has."""
        self.rows[table] = stored


@dataclass(frozen=True)
class Syncs(WarehouseView):
    """Loads tables of one space into one warehouse."""

    sim: Simulator
    engine: Engine
    user: int | None = None
    progress: Progress = field(default_factory=lambda: LogProgress(write=lambda _line: None))
    mask: Mask = field(default_factory=Mask)
    client_type: type[BacklogClient] = BacklogClient

    def as_user(self, user: int) -> "Syncs":
        """Return the same with the API key of another user."""
        return replace(self, user=user)

    def with_privacy_key(self, key: str) -> "Syncs":
        """Return the same where people are masked by a key."""
        return replace(self, mask=Mask(key))

    @contextmanager
    def client(self) -> Iterator[BacklogClient]:
        """Give a client of the space that does not wait between attempts."""
        key = self.sim.api_key if self.user is None else self.sim.key_for(self.user)
        with self.client_type(
            self.sim.url,
            ApiKeyQuery(key),
            sleep=lambda _seconds: None,
            max_wait=30.0,
        ) as client:
            yield client

    @contextmanager
    def session(
        self,
        table: str,
        *,
        mode: str = "full",
        locks: Literal["table", "projects"] = "table",
        projects: Sequence[str] = (),
        loaded: Loaded | None = None,
    ) -> Iterator[Session]:
        """Open the load of a table in a run of `projects`; what it does is shown to `loaded`, its
        errors too.

        Raises:
            KnownError: it failed; `loaded` knows.
        """
        shown = loaded or Loaded()
        log = logging.Logger(shown.run_id, logging.DEBUG)
        log.addHandler(shown.lines)
        run = Run(
            shown.run_id, log, self.progress, shown, CALENDAR, projects=list(projects) or None
        )
        with self.client() as client:
            source, warehouse = Source(self.sim.url, client, self.mask), Warehouse(self.engine)
            try:
                with open_session(run, table, source, warehouse, mode=mode, locks=locks) as session:
                    yield session
                    shown.tables[table] = session.writer.counts
                    shown.notes.update(session.reporter.notes)
                    shown.requests[table] = session.reporter.whole_load.requests
            except KnownError as error:
                shown.errors.append(Failure.of(error, table).line)
                shown.broken_off |= not isinstance(error, PartsFailedError)
                raise

    def listing(self, *tables: str) -> Loaded:
        """Load tables that are read whole (default all)."""
        loaded = Loaded()
        for table in tables or LISTINGS:
            with suppress(KnownError), self.session(table, loaded=loaded) as session:
                sync_listing(session)
        return loaded

    def activities(
        self,
        mode: Mode = "incremental",
        loaded: Loaded | None = None,
        *,
        issues_first: bool = False,
    ) -> Loaded:
        """Load the feed."""
        loaded, refresh = loaded or Loaded(), mode == "refresh"
        with (
            suppress(KnownError),
            self.session(
                "activities", mode="refresh" if refresh else "incremental", loaded=loaded
            ) as session,
        ):
            sync_activities(session, refresh=refresh, issues_first=issues_first)
        return loaded

    def issues(
        self,
        *projects: str,
        mode: Mode = "backfill",
        first: str = "",
        last: str = "9",
        loaded: Loaded | None = None,
    ) -> Loaded:
        """Load the issues of `projects` (default all), from month to month (default all), and
        nothing else.
        """
        loaded = loaded or Loaded()
        with (
            suppress(KnownError),
            self.session(
                "issues", mode=mode, locks="projects", projects=projects, loaded=loaded
            ) as session,
        ):
            sync_issues(session, mode, self._covered(mode, projects, first, last))
            loaded.feed_behind = is_behind(session)
        return loaded

    def run(
        self, *projects: str, mode: Mode = "backfill", first: str = "", last: str = "9"
    ) -> Loaded:
        """Load the feed, then the issues of `projects`, then their comments and changes, as a run
        of the job `issues` does.
        """
        loaded = self.activities(mode, issues_first=True)
        if loaded.success:
            self.issues(*projects, mode=mode, first=first, last=last, loaded=loaded)
            if loaded.feed_behind and mode != "targeted" and not loaded.broken_off:
                before = loaded.tables.pop("activities")
                with (
                    suppress(KnownError),
                    self.session("activities", mode="incremental", loaded=loaded) as session,
                ):
                    sync_past_activities(session)
                loaded.tables["activities"] = before + loaded.tables.get("activities", Counts())
            if not loaded.broken_off:
                with (
                    suppress(KnownError),
                    self.session(
                        "comments", mode=mode, locks="projects", projects=projects, loaded=loaded
                    ) as session,
                ):
                    sync_comments(session, mode, self._covered(mode, projects, first, last))
        return loaded

    def load(self) -> "Syncs":
        """Load everything for the first time."""
        assert failures(self.listing(*LISTINGS, *DAILY)) + failures(self.run()) == []
        return self

    def compare(
        self,
        level: Level = "rows",
        *,
        projects: Sequence[str] | None = None,
        comments: bool = True,
        repair: bool = False,
    ) -> Reconciliation:
        """Compare every row with the source, or the number of issues, and `repair` what differs, as
        `verify` does.
        """
        with self.client() as client:
            return reconcile(
                client,
                self.engine,
                self.mask,
                level=level,
                projects=projects,
                comments=comments,
                repair=self._load_again if repair else None,
                progress=self.progress,
            )

    def _load_again(self, repair: Repair) -> list[str]:
        """Load what a repair has requested; return what failed."""
        lists = [table for table in LISTINGS if table in repair.tables]
        loaded = self.listing(*lists) if lists else Loaded()
        return failures(loaded) + (failures(self.run(mode="targeted")) if repair.issues else [])

    def _covered(
        self, mode: Mode, projects: Sequence[str], first: str, last: str
    ) -> Sequence[Slice]:
        """Return what a run of a mode covers: those of single issues cover nothing, and report what
        they meet.
        """
        return self.slices(projects, first, last) if mode in ("backfill", "incremental") else []

    def slices(
        self, projects: Sequence[str] = (), first: str = "", last: str = "9"
    ) -> Sequence[Slice]:
        """Return months of projects (default all) as a run covers them."""
        keys = projects or [project.key for project in self.sim.space.projects.values()]
        months = [month for month in CALENDAR.months() if first <= month <= last]
        return CALENDAR.slices((key, month) for key in keys for month in months)


def failures(loaded: Loaded) -> list[str]:
    """Return one line for each load that failed."""
    return loaded.errors


def counts(of: Counts) -> dict[str, int]:
    """Return the counters that are not 0."""
    return without_zeros(asdict(of))


def load(syncs: Syncs, mode: Mode = "incremental", **options: Any) -> Loaded:
    """Load as a run of the job `issues` does, and expect that nothing fails."""
    run = syncs.run(mode=mode, **options)
    assert run.success, failures(run)
    return run


def load_lists_and_changes(syncs: Syncs) -> Loaded:
    """Load the lists and what changed, and expect that nothing fails."""
    lists = syncs.listing()
    assert lists.success, failures(lists)
    return load(syncs)


def load_feed(syncs: Syncs, mode: Mode = "incremental") -> Loaded:
    """Load the feed alone, and expect that nothing fails."""
    run = syncs.activities(mode)
    assert run.success, failures(run)
    return run


def activities_at_source(syncs: Syncs) -> set[int]:
    """Return the ids of all activities of the space."""
    return {one.id for one in syncs.sim.space.activities}


def asked_for_comments(syncs: Syncs) -> list[tuple[int, int]]:
    """Return the requests for comments since the last look: issue and `minId`, or 0."""
    made = [one for one in syncs.sim.requests.recent() if one.route == COMMENTS]
    syncs.sim.requests.clear()
    return [(int(one.path.split("/")[2]), int(one.param("minId") or 0)) for one in made]


def refetch_requests(syncs: WarehouseView) -> dict[int, tuple[Any, bool]]:
    """Return issue -> the comment from which it is requested, and whether it is itself."""
    rows = syncs.query(
        "SELECT issue_id, refetch_comments_from, refetch_issue FROM ops.issue_sync_state "
        "WHERE refetch_issue OR refetch_comments_from IS NOT NULL"
    )
    return {row["issue_id"]: (row["refetch_comments_from"], row["refetch_issue"]) for row in rows}


def watermarks(syncs: Syncs) -> dict[str, datetime]:
    """Return project key -> watermark."""
    projects = {project.id: project.key for project in syncs.sim.space.projects.values()}
    rows = syncs.query(
        "SELECT project_id, watermark FROM ops.sync_state WHERE scope = 'issues' "
        "AND watermark IS NOT NULL"
    )
    return {projects[row["project_id"]]: row["watermark"] for row in rows}
