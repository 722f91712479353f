"""How an asset opens the load of its table: who watches it, and how it fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import dagster as dg

from assets.materializations import DagsterObserver
from assets.partitions import CALENDAR, covered_by
from resources.backlog.backlog_resource import BacklogResource
from resources.progress import Progress
from resources.redact import keep_plain
from resources.warehouse.history.run_kinds import projects_of
from resources.warehouse.warehouse_resource import WarehouseResource
from sync.open_session import Run, open_session
from sync.session import Session


@contextmanager
def open_load(
    context: dg.AssetExecutionContext,
    table: str,
    backlog: BacklogResource,
    warehouse: WarehouseResource,
    progress: Progress,
    *,
    mode: str = "full",
    locks: Literal["table", "projects"] = "table",
) -> Iterator[Session]:
    """Open the load of a table in a step; see `sync.open_session.open_session`.

    Raises:
        KnownError: the source or the warehouse refused, or parts failed (PartsFailedError).
    """
    keep_plain(context.log)
    run = Run(
        context.run.run_id,
        context.log,
        progress,
        DagsterObserver(context),
        CALENDAR,
        covered_by(context.run) or None,
        projects_of(context.run.tags),
    )
    with open_session(run, table, backlog, warehouse, mode=mode, locks=locks) as session:
        yield session
