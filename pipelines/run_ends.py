"""How runs without a sync ended, read from Dagster's instance: for commands, and where no sync
service follows the runs.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import dagster as dg

from assets.location import SETTINGS
from resources.backlog.errors import BacklogError
from resources.dagster_tags import CODE_LOCATION_TAG, KIND_TAG
from resources.warehouse.history import end_dead
from resources.warehouse.run_log import (
    CANCELED,
    OF_COMMAND,
    RunEnd,
    kind_of,
    projects_of,
    record_ends,
    unreported,
)
from resources.warehouse.sync_log import place_of
from resources.warehouse.warehouse_resource import WarehouseResource

DAY = timedelta(hours=24)
BAD = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
ALL = (*BAD, dg.DagsterRunStatus.SUCCESS)


def record_run_ends(
    instance: dg.DagsterInstance,
    warehouse: WarehouseResource,
    url: str,
    after: datetime,
    statuses: Sequence[dg.DagsterRunStatus] = BAD,
) -> None:
    """Record the runs of this space that have ended in some way after an instant, where the log of
    syncs does not have it.

    Raises:
        WarehouseError: the warehouse cannot be used.
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=list(statuses), updated_after=after))
    mine = {record.dagster_run.run_id: record for record in records if _is_ours(record.dagster_run)}
    if not mine:
        return
    place = place_of(warehouse.engine, url)
    # Rows whose process was killed say so themselves.
    end_dead(warehouse.engine, place)
    missing = unreported(
        warehouse.engine,
        {run_id: record.dagster_run.status in BAD for run_id, record in mine.items()},
    )
    record_ends(
        warehouse.engine,
        place,
        [_end(instance, record) for run_id, record in mine.items() if run_id in missing],
    )


@contextmanager
def recording_ends(
    instance: dg.DagsterInstance, warehouse: WarehouseResource, url: str
) -> Iterator[None]:
    """Record how the runs inside ended, and a command that failed before its first run, which
    Dagster does not know.

    Raises:
        WarehouseError: the warehouse cannot be used.
    """
    began = datetime.now(UTC)
    try:
        yield
    except BacklogError as error:
        end = RunEnd(f"{OF_COMMAND}{uuid4()}", "projects", began, datetime.now(UTC), str(error))
        record_ends(warehouse.engine, place_of(warehouse.engine, url), [end])
        raise
    finally:
        record_run_ends(instance, warehouse, url, began)


def _is_ours(run: dg.DagsterRun) -> bool:
    location = run.tags.get(CODE_LOCATION_TAG)
    if location is not None:
        return location == SETTINGS.dagster_location
    return run.tags.get(KIND_TAG, "@").partition("@")[2] == "@".join(SETTINGS.key_prefix)


def _end(instance: dg.DagsterInstance, record: dg.RunRecord) -> RunEnd:
    from pipelines.alerting.facts import causes  # knows the jobs, which take a second to import

    run = record.dagster_run
    created = record.create_timestamp
    error = "; ".join(causes(instance, record)) if run.status in BAD else None
    if run.status == dg.DagsterRunStatus.CANCELED:
        error = ": ".join(filter(None, (CANCELED, error)))
    return RunEnd(
        run.run_id,
        kind_of(run.job_name, sorted(list(key.path) for key in run.asset_selection or ())),
        datetime.fromtimestamp(record.start_time, UTC) if record.start_time else created,
        datetime.fromtimestamp(record.end_time, UTC) if record.end_time else created,
        error,
        projects_of(run.tags),
    )
