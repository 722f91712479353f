"""Partitions whose last attempt has failed: which they are, and the check that none is left.

Dagster counts them in the UI, where nobody looks who was not told. The check tells; the job `retry_failed_partitions` loads them.
"""

from collections.abc import Collection, Mapping

import dagster as dg

from assets.dagster_internals import unfinished_attempts
from assets.location import raw_key

NAME = "no_partition_left_failed"
TABLES = ("issues", "comments", "issue_changes")
ISSUES = raw_key("issues")
FAILED = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
SHOWN = 10

SPEC = dg.AssetCheckSpec(
    NAME,
    asset=ISSUES,
    description="The last attempt to load a partition of a project has not failed, of any of the tables of issues. The next run of "
    "the schedule makes good what a scheduled run has left; the job `retry_failed_partitions` loads what a backfill has left.",
)


def failed_partitions(instance: dg.DagsterInstance, projects: Collection[str]) -> dict[dg.AssetKey, set[str]]:
    """Return asset -> the keys of its partitions of `projects` whose latest attempt was by a failed or cancelled run."""
    found: dict[dg.AssetKey, set[str]] = {}
    for table in TABLES:
        key = raw_key(table)
        attempts = unfinished_attempts(instance, key)
        tried = {partition: run for partition, run in attempts.items() if partition.rsplit("|", 1)[0] in projects}
        runs = _failed(instance, set(tried.values()))
        partitions = {partition for partition, run in tried.items() if run in runs}
        if partitions:
            found[key] = partitions
    return found


def _failed(instance: dg.DagsterInstance, runs: Collection[str]) -> set[str]:
    if not runs:
        return set()
    return {run.run_id for run in instance.get_runs(dg.RunsFilter(run_ids=list(runs), statuses=FAILED))}


def no_partition_left_failed(instance: dg.DagsterInstance, projects: Collection[str]) -> dg.AssetCheckResult:
    """Say whether a partition of `projects` is left failed, and which."""
    found = failed_partitions(instance, projects)
    return dg.AssetCheckResult(
        asset_key=ISSUES,
        check_name=NAME,
        passed=not found,
        severity=dg.AssetCheckSeverity.ERROR,
        description=_told(found),
        metadata={"partitions": sum(len(keys) for keys in found.values())},
    )


def _told(found: Mapping[dg.AssetKey, Collection[str]]) -> str:
    if not found:
        return "no partition is left failed"
    parts = []
    for key, partitions in found.items():
        shown = sorted(partitions)[:SHOWN]
        more = f" and {len(partitions) - SHOWN} more" if len(partitions) > SHOWN else ""
        parts.append(f"{key.to_user_string()}: {', '.join(shown)}{more}")
    return f"left failed: {'; '.join(parts)}. The job retry_failed_partitions loads them"
