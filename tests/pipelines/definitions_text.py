"""All definitions as text, for the snapshot `definitions.txt` beside this file.

Run `python -m tests.pipelines.definitions_text` to write the snapshot again after a change that is
meant.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

SNAPSHOT = Path(__file__).with_name("definitions.txt")


def render() -> str:
    """Return every asset, check, job, schedule and sensor, one fact a line."""
    from pipelines.definitions import build_definitions

    repository = build_definitions().get_repository_def()
    parts = (_assets, _jobs, _schedules, _sensors)
    return "\n".join(line for part in parts for line in part(repository)) + "\n"


def _assets(repository: dg.RepositoryDefinition) -> Iterator[str]:
    graph = repository.asset_graph
    for key in sorted(graph.materializable_asset_keys):
        node: Any = graph.get(key)
        names = getattr(node.partitions_def, "partition_dimension_names", None) or ["-"]
        policy = f"; backfill {node.backfill_policy}" if node.backfill_policy else ""
        stale = node.freshness_policy.fail_window.to_timedelta() if node.freshness_policy else "-"
        source = node.metadata.get("source", "-")
        yield from (
            *_head("asset", node),
            f"  partitions {' x '.join(names)}{policy}",
            f"  table {node.metadata['dagster/table_name']}; source {source}",
            f"  stale after {stale}",
            *(f"  check {check.name}" for check in sorted(graph.get_check_keys_for_assets({key}))),
        )
    for key in sorted(graph.external_asset_keys):
        yield from _head("external", graph.get(key))


def _head(kind: str, node: Any) -> list[str]:
    """Return what assets of both kinds have."""
    kinds, owners = (", ".join(sorted(words)) for words in (node.kinds, node.owners))
    parents = sorted(parent.to_user_string() for parent in node.parent_keys)
    return [
        f"{kind} {node.key.to_user_string()}",
        f"  group {node.group_name}; kinds {kinds}; owners {owners}",
        f"  upstream {', '.join(parents) or '-'}",
    ]


def _jobs(repository: dg.RepositoryDefinition) -> Iterator[str]:
    for job in sorted(repository.get_all_jobs(), key=lambda job: job.name):
        if not job.name.startswith("__"):
            nodes = ", ".join(sorted(node.name for node in job.nodes))
            tags = ", ".join(f"{name}={value}" for name, value in sorted(job.tags.items()))
            yield f"job {job.name}\n  steps {nodes}\n  tags {tags}"


def _schedules(repository: dg.RepositoryDefinition) -> Iterator[str]:
    for schedule in sorted(repository.schedule_defs, key=lambda schedule: schedule.name):
        yield (
            f"schedule {schedule.name}\n  {schedule.cron_schedule} "
            f"{schedule.execution_timezone}; job {schedule.job_name}; "
            f"{schedule.default_status.value}"
        )


def _sensors(repository: dg.RepositoryDefinition) -> Iterator[str]:
    for sensor in sorted(repository.sensor_defs, key=lambda sensor: sensor.name):
        yield (
            f"sensor {sensor.name}\n  every {sensor.minimum_interval_seconds} s; "
            f"{sensor.default_status.value}"
        )


if __name__ == "__main__":
    for name in ("BACKLOG_URL", "BACKLOG_TIMEZONE"):
        os.environ.pop(name, None)
    SNAPSHOT.write_text(render())
