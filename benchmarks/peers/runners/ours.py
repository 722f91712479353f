"""Our own way: `backlog-elt load`; for issues alone the asset `raw/issues` in the run that its
schedule would start.

The command has no option for issues alone. In the Dagster UI they are chosen by hand, which is what
the second way does here.
"""

import os
import sys
from datetime import UTC, datetime


def main() -> None:
    """Load as PEER_TABLES says."""
    home = os.environ["PEER_STATE"] + "/home"
    os.environ |= {
        "BACKLOG_ELT_HOME": home,
        "WAREHOUSE_URL": os.environ["PEER_DATABASE_URL"],
        "DAGSTER_POSTGRES_URL": os.environ["PEER_SECOND_DATABASE_URL"],
    }
    if "comments" in os.environ["PEER_TABLES"]:
        os.execv(  # noqa: S606
            sys.executable, [sys.executable, "-m", "pipelines", "load", "--json", "--no-progress"]
        )
    _issues()


def _issues() -> None:
    import dagster as dg

    from pipelines.cli.in_process import Recorder, connection, run_job
    from pipelines.hosting.environment import open_instance, prepare_storage
    from resources.progress import LogProgress
    from resources.settings import Settings

    prepare_storage(Settings.from_env(os.environ))
    # Imported here, when the variables that the definitions read have been set.
    from assets.partitions import PROJECTS
    from pipelines.raw_definitions import build_raw_definitions
    from pipelines.schedules import issues_every_12_hours
    from pipelines.sensors.project_discovery import new_project_keys
    from sync.projects import note_project_keys

    definitions = build_raw_definitions(
        {"progress": Recorder(LogProgress(write=lambda _line: None))}
    )
    with open_instance() as instance, connection() as (backlog, warehouse):
        name = str(PROJECTS.name)
        projects = note_project_keys(backlog.client, warehouse.engine)
        instance.add_dynamic_partitions(
            name, new_project_keys(instance.get_dynamic_partitions(name), projects)
        )
        resources = {"backlog": backlog, "warehouse": warehouse}
        moment = datetime.now(UTC)
        with dg.build_schedule_context(
            instance=instance, scheduled_execution_time=moment, resources=resources
        ) as context:
            request = issues_every_12_hours(context)
        if not isinstance(request, dg.RunRequest):
            sys.exit(f"the schedule starts nothing: {request}")
        failures = list(
            run_job(
                definitions,
                instance,
                "issues",
                request.run_config,
                request.tags,
                tables=("issues",),
            )
        )
    if failures:
        sys.exit("\n".join(one.line for one in failures))


main()
