"""`backlog-elt migrate` on storages that are in use."""

from dataclasses import replace
from pathlib import Path

from dagster._core.test_utils import instance_for_test

from resources.warehouse.migrations import version
from tests.deployment import Deployment
from tests.integration.commands import Shell


def test_migrate_keeps_the_runs_of_a_storage_that_has_some(
    loaded: Deployment, empty_url: str, tmp_path: Path
) -> None:
    shell = Shell(tmp_path, {"BACKLOG_ELT_HOME": str(tmp_path / "home")})
    with instance_for_test(
        overrides={"storage": {"postgres": {"postgres_url": empty_url}}}
    ) as instance:
        deployment = replace(loaded, instance=instance).discover()
        assert deployment.run("users").success
        before = [(run.run_id, run.status, run.tags) for run in instance.get_runs()]
        events = len(instance.all_logs(before[0][0]))
        done = shell.run(
            "migrate", WAREHOUSE_URL=loaded.warehouse_url, DAGSTER_POSTGRES_URL=empty_url
        )
        assert done.code == 0, done.err
        assert done.out.splitlines() == [
            f"warehouse: version {version(loaded.engine)}",
            "Dagster's storage: up to date",
        ]
        assert [(run.run_id, run.status, run.tags) for run in instance.get_runs()] == before
        assert len(instance.all_logs(before[0][0])) == events > 0
        assert deployment.run("users").success
