"""The checks about how the program itself does, shown on `raw/issues`: no partition is left failed, and the alerter is alive."""

from collections.abc import Collection, Iterator

import dagster as dg
from sqlalchemy import Engine

from assets import failed_partitions
from assets.location import SETTINGS, raw_key
from assets.project_keys import project_partitions
from assets.reconciliation_status import moment
from resources.warehouse.heartbeats import alerts_of, last_beat

ISSUES = raw_key("issues")
ALERTER = "alerter_is_alive"

OPERATION_SPECS = [
    failed_partitions.SPEC,
    dg.AssetCheckSpec(
        ALERTER,
        asset=ISSUES,
        description="The sensor `alerts`, which tells people what is wrong, has given a sign of life within ten minutes. Where it "
        "never has, no daemon was ever started for this space, and nobody expects to be told. Times are those of "
        f"{SETTINGS.timezone}.",
    ),
]


def operation_results(
    chosen: Collection[dg.AssetCheckKey], engine: Engine, instance: dg.DagsterInstance, url: str
) -> Iterator[dg.AssetCheckResult]:
    """Evaluate those of the checks that are chosen; `url` is the root of the space.

    Raises:
        WarehouseError: the keys of projects or the signs of life cannot be read.
    """
    if dg.AssetCheckKey(ISSUES, failed_partitions.NAME) in chosen:
        yield failed_partitions.no_partition_left_failed(instance, project_partitions(instance, engine, url))
    if dg.AssetCheckKey(ISSUES, ALERTER) in chosen:
        yield alerter_is_alive(engine, url)


def alerter_is_alive(engine: Engine, url: str) -> dg.AssetCheckResult:
    """Say when the alerter gave its last sign of life, and whether that is recent enough."""
    beat = last_beat(engine, alerts_of(url))
    told = "it has never looked at this space" if beat is None else f"its last sign of life came at {moment(beat[0])}"
    dead = beat is not None and not beat[1]
    hint = ": see whether the daemon runs and the sensor alerts is on" if dead else ""
    return dg.AssetCheckResult(
        asset_key=ISSUES, check_name=ALERTER, passed=not dead, severity=dg.AssetCheckSeverity.WARN, description=told + hint
    )
