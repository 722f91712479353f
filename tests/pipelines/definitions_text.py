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
    return (
        "\n".join(
            line
            for part in (_assets, _external, _jobs, _schedules, _sensors)
            for line in part(repository)
        )
        + "\n"
    )


def _assets(repository: dg.RepositoryDefinition) -> Iterator[str]:
    graph = repository.asset_graph
    for key in sorted(graph.materializable_asset_keys):
        node = graph.get(key)
        freshness: Any = node.freshness_policy
        yield f"asset {key.to_user_string()}"
        yield (
            f"  group {node.group_name}; kinds {', '.join(sorted(node.kinds))}; owners "
            f"{', '.join(sorted(node.owners))}"
        )
        yield (
            "  upstream "
            f"{', '.join(sorted(parent.to_user_string() for parent in node.parent_keys)) or '-'}"
        )
        partitions = node.partitions_def
        dimensions = (
            partitions.partition_dimension_names
            if isinstance(partitions, dg.MultiPartitionsDefinition)
            else []
        )
        policy = f"; backfill {node.backfill_policy}" if node.backfill_policy else ""
        yield f"  partitions {' x '.join(dimensions) or '-'}{policy}"
        yield (
            f"  table {node.metadata['dagster/table_name']}; source "
            f"{node.metadata.get('source', '-')}"
        )
        yield f"  stale after {freshness.fail_window.to_timedelta() if freshness else '-'}"
        for check in sorted(graph.get_check_keys_for_assets({key})):
            yield f"  check {check.name}"


def _external(repository: dg.RepositoryDefinition) -> Iterator[str]:
    graph = repository.asset_graph
    for key in sorted(graph.external_asset_keys):
        node = graph.get(key)
        yield f"external {key.to_user_string()}"
        yield (
            f"  group {node.group_name}; kinds {', '.join(sorted(node.kinds))}; owners "
            f"{', '.join(sorted(node.owners))}"
        )
        yield (
            "  upstream "
            f"{', '.join(sorted(parent.to_user_string() for parent in node.parent_keys)) or '-'}"
        )


def _jobs(repository: dg.RepositoryDefinition) -> Iterator[str]:
    for job in sorted(repository.get_all_jobs(), key=lambda job: job.name):
        if not job.name.startswith("__"):
            nodes = ", ".join(sorted(node.name for node in job.nodes))
            tags = ", ".join(f"{name}={value}" for name, value in sorted(job.tags.items()))
            yield f"job {job.name}\n  steps {nodes}\n  tags {tags}"


def _schedules(repository: dg.RepositoryDefinition) -> Iterator[str]:
    for schedule in sorted(repository.schedule_defs, key=lambda schedule: schedule.name):
        yield f"schedule {schedule.name}"
        yield (
            f"  {schedule.cron_schedule} {schedule.execution_timezone}; job {schedule.job_name}; "
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
