"""Runs that have ended, read from Dagster's instance and handed to the history.

For commands and the alerter: they also work where no service follows the runs.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

import dagster as dg

from assets.location import SETTINGS
from resources.backlog.errors import BacklogError
from resources.problems.causes import Failure
from resources.warehouse.history.history_writer import RunEnd, record_ends
from resources.warehouse.history.run_kinds import OF_COMMAND
from resources.warehouse.state.known_spaces import space_or_url
from resources.warehouse.warehouse_resource import WarehouseResource
from sync.run_ends import record, unrecorded
from sync.runs import STATES, Run

BAD = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
ALL = (*BAD, dg.DagsterRunStatus.SUCCESS)


def record_run_ends(
    instance: dg.DagsterInstance,
    warehouse: WarehouseResource,
    url: str,
    after: datetime,
    statuses: Sequence[dg.DagsterRunStatus] = BAD,
) -> None:
    """Record the runs of this space that ended with a status after an instant.

    Raises:
        WarehouseError: the warehouse cannot be used.
    """
    found = instance.get_run_records(dg.RunsFilter(statuses=list(statuses), updated_after=after))
    known = {record.dagster_run.run_id: record for record in found}
    runs = [
        run for run in map(_run, found) if run.is_of(SETTINGS.dagster_location, SETTINGS.key_prefix)
    ]
    if runs:
        from pipelines.alerting.facts import causes  # knows the jobs, which take a second to import

        place = space_or_url(warehouse.engine, url)
        missing = unrecorded(warehouse.engine, place, runs)
        why = {
            run.run_id: causes(instance, known[run.run_id]) for run in missing if run.ended_badly
        }
        record(warehouse.engine, place, missing, why)


@contextmanager
def recording_ends(
    instance: dg.DagsterInstance, warehouse: WarehouseResource, url: str
) -> Iterator[None]:
    """Record how the runs inside ended.

    A command that failed before its first run is recorded too: Dagster does not know it.

    Raises:
        WarehouseError: the warehouse cannot be used.
    """
    began = datetime.now(UTC)
    try:
        yield
    except BacklogError as error:
        failure = Failure.of(error)
        end = RunEnd(f"{OF_COMMAND}{uuid4()}", "projects", began, datetime.now(UTC), failure)
        record_ends(warehouse.engine, space_or_url(warehouse.engine, url), [end])
        raise
    finally:
        record_run_ends(instance, warehouse, url, began)


def _run(found: dg.RunRecord) -> Run:
    run = found.dagster_run
    return Run(
        run.run_id,
        run.job_name,
        STATES[run.status.value],
        found.create_timestamp,
        datetime.fromtimestamp(found.start_time, UTC) if found.start_time else None,
        datetime.fromtimestamp(found.end_time, UTC) if found.end_time else None,
        run.tags,
        [key.path for key in run.asset_selection or ()],
    )
