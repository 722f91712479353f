"""The sensor `alerts`: lets the alerter look twice a minute, one look at a time."""

import os
import threading
from datetime import UTC, datetime

import dagster as dg

from assets.location import SETTINGS
from pipelines.alerting.alerter import Alerter
from pipelines.alerting.facts import Place
from resources.alerts.addresses import Addresses
from resources.alerts.channels import channels
from resources.backlog.backlog_resource import BacklogResource
from resources.cadences import ALERTS
from resources.links import dagster_of_people
from resources.tokens import TokenState
from resources.warehouse.warehouse_errors import WarehouseError
from resources.warehouse.warehouse_resource import WarehouseResource

#: A tick that takes too long is forgotten by Dagster, and goes on: the next ones wait for it, or
#: they would send the same.
_looking = threading.Lock()


def _tokens(backlog: BacklogResource) -> TokenState | None:
    try:
        return backlog.token_store.state() if backlog.uses_oauth else None
    except WarehouseError:
        return None  # the alerter reports it


@dg.sensor(
    minimum_interval_seconds=ALERTS.seconds,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports failed runs, red checks, a source that cannot be read for two minutes, "
    "syncs that do not come, and views that a build of the marts could not make. A run "
    "that a stop, a kill or an outage has broken off is started "
    "again, and reported at its third time in a row. Each problem is reported once, and once more "
    "when it is over, on the channels that BACKLOG_ALERT_* name. `backlog-elt status` shows what "
    "is wrong now.",
)
def alerts(
    context: dg.SensorEvaluationContext, backlog: BacklogResource, warehouse: WarehouseResource
) -> dg.SkipReason:
    """Look once, unless the last look still works; a tick never requests a run."""
    if not _looking.acquire(blocking=False):
        return dg.SkipReason("the last tick is still sending: a channel is slow")
    try:
        return _look(context, backlog, warehouse)
    finally:
        _looking.release()


def _look(
    context: dg.SensorEvaluationContext, backlog: BacklogResource, warehouse: WarehouseResource
) -> dg.SkipReason:
    ledger = Alerter(
        context.instance,
        warehouse,
        backlog.url,
        channels(Addresses.from_env(os.environ)),
        dagster_of_people(os.environ),
        Place.of(context, "@".join(SETTINGS.key_prefix) if backlog.url else None),
        _tokens(backlog),
    ).look(datetime.now(UTC))
    messages = f"{len(ledger.waiting)} messages wait" if ledger.waiting else "nothing waits"
    return dg.SkipReason(f"{len(ledger.reported)} problems, {messages}")
