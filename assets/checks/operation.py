"""Checks of the operation, on `raw/issues`: data is fresh, no partition has a failed load, the
alerter is alive.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
from sqlalchemy import Engine

from assets.dagster_internals import unfinished_attempts
from assets.location import SETTINGS, raw_key
from assets.metadata import as_markdown, rows_table, zoned_moment
from assets.partitions import ISSUE_TABLES
from resources.backlog.client import BacklogClient
from resources.cadences import ISSUES as CADENCE
from resources.problems.names import name_partitions
from resources.warehouse.state.heartbeats import alerts_of, last_beat
from resources.warehouse.state.known_spaces import accessible_projects
from resources.warehouse.state.sync_state import project_states

ISSUES = raw_key("issues")
FRESH, FAILED, ALERTER = "every_project_is_fresh", "no_partition_left_failed", "alerter_is_alive"
FRESH_STATE, STALE = "✓ fresh", "✗ stale"
#: The metadata that names the stale projects, where there are some.
STALE_METADATA = "stale"
HOUR = timedelta(hours=1)

FRESH_SPEC = dg.AssetCheckSpec(
    FRESH,
    asset=ISSUES,
    description="Every active project was loaded within "
    f"{CADENCE.fresh_within / HOUR:.0f} hours: the cadence of "
    f"{CADENCE.interval / HOUR:.0f} and {CADENCE.grace / HOUR:.0f} of grace. Times are "
    f"those of {SETTINGS.timezone}.",
)
FAILED_SPEC = dg.AssetCheckSpec(
    FAILED,
    asset=ISSUES,
    description="The last backfill of each partition of a project has succeeded, for all "
    "tables of issues. The job "
    "`retry_failed_partitions` loads what is left failed. What a scheduled run has left, the "
    "next one reads by itself.",
)
ALERTER_SPEC = dg.AssetCheckSpec(
    ALERTER,
    asset=ISSUES,
    description="The sensor `alerts` has given a sign of life within ten "
    "minutes. Where it never has, no "
    "daemon was ever started "
    f"for this space, and the check passes. Times are those of {SETTINGS.timezone}.",
)


def every_project_is_fresh(
    client: BacklogClient, engine: Engine, fresh_within: timedelta = CADENCE.fresh_within
) -> dg.AssetCheckResult:
    """Compare the time of each active project's last good load with the cadence; asks the warehouse
    only for times.

    Raises:
        BacklogError: the projects cannot be listed.
        WarehouseError: the warehouse cannot be used.
    """
    projects = client.visible_projects()
    with engine.connect() as connection:
        states = project_states(connection, str(client.space_info()["spaceKey"]), "issues")
    now = datetime.now(UTC)
    rows = []
    for project in projects:
        if not project.get("archived"):
            state = states.get(int(project["id"]))
            loaded = state.last_success_at if state else None
            fresh = loaded is not None and now - loaded <= fresh_within
            rows.append(
                {
                    "project": project["projectKey"],
                    "state": FRESH_STATE if fresh else STALE,
                    "loaded": zoned_moment(loaded) if loaded else "never",
                    "last_error": state.last_error if state else None,
                }
            )
    stale = ", ".join(str(row["project"]) for row in rows if row["state"] == STALE)
    said = f"stale: {stale}" if stale else f"all {len(rows)} active projects are fresh"
    return dg.AssetCheckResult(
        check_name=FRESH,
        asset_key=ISSUES,
        passed=not stale,
        severity=dg.AssetCheckSeverity.ERROR,
        description=as_markdown(said),
        metadata={
            **({"projects": rows_table(rows)} if rows else {}),
            **({STALE_METADATA: stale} if stale else {}),
        },
    )


def all_fresh(engine: Engine, space: str, now: datetime) -> bool:
    """Return whether each active project that the warehouse knows was loaded within the cadence.

    Raises:
        WarehouseError: the warehouse cannot be used.
    """
    with engine.connect() as connection:
        states = project_states(connection, space, "issues")
        known = accessible_projects(connection, space)
    loaded = [
        states[number].last_success_at if number in states else None
        for number, _, _, archived in known
        if not archived
    ]
    return all(at is not None and now - at <= CADENCE.fresh_within for at in loaded)


def failed_partitions(
    instance: dg.DagsterInstance,
    projects: Collection[str],
    statuses: Sequence[dg.DagsterRunStatus] = (dg.DagsterRunStatus.FAILURE,),
) -> dict[dg.AssetKey, dict[str, str]]:
    """Return asset -> partition of `projects` -> the backfill's run that tried it last and failed,
    or has another of `statuses`.

    What another run has left, watermarks and requests say: the next one reads it, whatever its
    partitions. What somebody has canceled is left as it is.
    """
    found: dict[dg.AssetKey, dict[str, str]] = {}
    for table in ISSUE_TABLES:
        key = raw_key(table)
        tried = {
            partition: run
            for partition, run in unfinished_attempts(instance, key).items()
            if partition.rsplit("|", 1)[0] in projects
        }
        runs = _backfills(instance, set(tried.values()), statuses)
        partitions = {partition: run for partition, run in tried.items() if run in runs}
        if partitions:
            found[key] = partitions
    return found


def _backfills(
    instance: dg.DagsterInstance, runs: Collection[str], statuses: Sequence[dg.DagsterRunStatus]
) -> set[str]:
    if not runs:
        return set()
    found = instance.get_runs(dg.RunsFilter(run_ids=list(runs), statuses=list(statuses)))
    return {run.run_id for run in found if is_backfill(run)}


def is_backfill(run: dg.DagsterRun) -> bool:
    """Return whether a run reads partitions whole: by its mode, or since it has none."""
    config: Mapping[str, Any] = run.run_config
    modes = {
        op["config"]["mode"]
        for op in config.get("ops", {}).values()
        if "mode" in op.get("config", {})
    }
    return modes <= {"backfill"}


def no_partition_left_failed(
    instance: dg.DagsterInstance, projects: Collection[str]
) -> dg.AssetCheckResult:
    """Say whether a partition of `projects` is left failed, and which."""
    found = failed_partitions(instance, projects)
    return dg.AssetCheckResult(
        asset_key=ISSUES,
        check_name=FAILED,
        passed=not found,
        severity=dg.AssetCheckSeverity.ERROR,
        description=_failed_partitions_text(found),
        metadata={"partitions": sum(len(keys) for keys in found.values())},
    )


def _failed_partitions_text(found: Mapping[dg.AssetKey, Collection[str]]) -> str:
    if not found:
        return "no partition has a failed load"
    parts = [
        f"{key.to_user_string()}: {name_partitions(sorted(keys))}" for key, keys in found.items()
    ]
    return as_markdown(
        f"failed loads: {'; '.join(parts)}. The job retry_failed_partitions loads them"
    )


def alerter_is_alive(engine: Engine, url: str) -> dg.AssetCheckResult:
    """Say when the alerter gave its last sign of life, and whether that is recent enough."""
    beat = last_beat(engine, alerts_of(url))
    said = (
        "it has never run for this space"
        if beat is None
        else f"its last sign of life came at {zoned_moment(beat[0])}"
    )
    dead = beat is not None and not beat[1]
    hint = ": check that the daemon runs and the sensor alerts is on" if dead else ""
    return dg.AssetCheckResult(
        asset_key=ISSUES,
        check_name=ALERTER,
        passed=not dead,
        severity=dg.AssetCheckSeverity.WARN,
        description=said + hint,
    )
