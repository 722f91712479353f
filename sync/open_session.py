"""Opens the load of a table: its locks, its listeners, and what is recorded when it fails."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache, partial
from logging import Logger
from time import monotonic
from typing import Literal, Protocol

from sqlalchemy import Engine

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import Record, RequestStats
from resources.logs import log_about
from resources.masking import Mask
from resources.problems.causes import Failure, KnownError
from resources.progress import Progress
from resources.warehouse.history import history_writer
from resources.warehouse.people.forgetting import mask_of
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.spec import TableSpec
from resources.warehouse.state.known_spaces import space_or_url
from resources.warehouse.state.locks import Locks
from resources.warehouse.warehouse_errors import WarehouseError
from sync.counts import by_bucket
from sync.events import Events
from sync.figures import Figures
from sync.history_rows import HistoryRows
from sync.month_windows import Calendar
from sync.observer import Observer
from sync.reporter import Measurement, Reporter
from sync.session import Session
from sync.shown_progress import ShownProgress
from sync.store import Store
from sync.sync_locks import SyncLocks
from sync.visible_projects import visible_projects
from sync.writer import Writer

#: Tables whose loads cover the partitions of the run; the others are of the whole space, whatever a
#: run covers.
PARTITIONED = frozenset({"issues", "comments"})


class PartsFailedError(KnownError):
    """Parts of a load failed, a project or a few, and the others are stored."""


class Source(Protocol):
    """Where a load reads: connected when it is first used."""

    @property
    def url(self) -> str:
        """The root of the space."""

    @property
    def client(self) -> BacklogClient:
        """The client of this run."""

    @property
    def mask(self) -> Mask:
        """What replaces people in what is stored, as it is configured."""


class Warehouse(Protocol):
    """Where a load writes: connected when it is first used."""

    @property
    def engine(self) -> Engine:
        """The engine on the database."""


@dataclass(frozen=True)
class Run:
    """The run that a load belongs to, and its observer.

    `partitions` are those that it covers, as people read them; `projects` the keys of the projects
    that they are of, None: several.
    """

    id: str
    log: Logger
    progress: Progress
    observer: Observer
    calendar: Calendar
    partitions: str | None = None
    projects: list[str] | None = None


@contextmanager
def open_session(
    run: Run,
    table: str,
    source: Source,
    warehouse: Warehouse,
    *,
    mode: str = "full",
    locks: Literal["table", "projects"] = "table",
) -> Iterator[Session]:
    """Open the load of a table.

    Args:
        run: the run that it belongs to.
        table: the raw table.
        source: where it reads.
        warehouse: where it writes.
        mode: how it reads, for the history.
        locks: `table`: the whole table, from here to the end. `projects`: nothing yet, the load
            locks projects itself.

    Raises:
        BacklogError: the source refused.
        WarehouseError: the warehouse cannot be used.
        PartsFailedError: parts failed.
    """
    began, client, before = monotonic(), None, RequestStats()
    history: HistoryRows | None = None
    try:
        client, engine = source.client, warehouse.engine
        before = client.stats.snapshot()
        space = client.space_info()
        space_key = str(space["spaceKey"])
        history_writer.know_space(engine, space_key, source.url)
        about_it = log_about(run=run.id, asset=f"raw/{table}", partition=run.partitions)
        with about_it, Locks(engine, space_key, f"run {run.id[:8]}") as held:
            history = HistoryRows(client, engine, space_key, table, run.id)
            session = _session(
                run, SPECS[table], source, engine, space, held, history, Measurement(client, before)
            )
            with _waits_told(session, run.progress):
                history.begin(held)
                if locks == "table":
                    session.locks.lock_table()
                session.events.expected(None)
                yield session
    except KnownError as error:
        if history is None or not history.failed_once:
            # Before it had a row: the source or the warehouse was not there. A warehouse that is
            # gone takes no note.
            with suppress(WarehouseError):
                history_writer.record_failure(
                    warehouse.engine,
                    Failure.of(error),
                    space_key=space_or_url(warehouse.engine, source.url),
                    sync_type=table,
                    mode=mode,
                    run_id=run.id,
                    seconds=monotonic() - began,
                    requests=(client.stats - before).total if client else 0,
                    projects=run.projects if table in PARTITIONED else None,
                )
        raise
    if failed := Failure.together(session.reporter.failures):
        raise PartsFailedError(failed.line, cause=failed.cause)


def _session(
    run: Run,
    spec: TableSpec,
    source: Source,
    engine: Engine,
    space: Record,
    held: Locks,
    history: HistoryRows,
    whole_load: Measurement,
) -> Session:
    shown = ShownProgress(run.progress, spec.name, run.log.info)
    figures = Figures(run.calendar)
    events = Events((history, shown, figures))
    client, space_key = source.client, str(space["spaceKey"])
    mask = mask_of(engine, space_key, source.mask)
    store = Store(engine, space_key, mask, held, events, run.log)
    writer = Writer(spec, client, store, space, run.id, events, run.log)
    return Session(
        spec=spec,
        client=client,
        engine=engine,
        space=space,
        run_id=run.id,
        log=run.log,
        calendar=run.calendar,
        events=events,
        figures=figures,
        locks=SyncLocks(held, spec.name, events),
        store=store,
        writer=writer,
        reporter=Reporter(writer, events, run.observer, run.log, whole_load),
        look=cache(partial(visible_projects, client)),
    )


@contextmanager
def _waits_told(session: Session, progress: Progress) -> Iterator[None]:
    """Tell of waits for rate limits, and show at the end what was done."""
    client = session.client
    before, client.on_wait = client.on_wait, session.events.wait_for_limit
    try:
        yield
    finally:
        client.on_wait = before
        requests = session.reporter.whole_load.requests
        progress.done(session.spec.name, asdict(session.writer.counts), by_bucket(requests))
