"""The code location as a whole: what it holds, and that it loads with nothing at all."""

import re
import subprocess
import sys
from pathlib import Path

from pipelines.definitions import defs
from pipelines.hosting.environment import PROJECT_ROOT
from resources.warehouse.raw.schema import SPECS
from tests.pipelines.definitions_text import SNAPSHOT, render


def test_all_definitions_are_those_of_the_snapshot() -> None:
    assert render() == SNAPSHOT.read_text(), (
        "if this is meant: python -m tests.pipelines.definitions_text"
    )


def test_sensors_and_schedules_are_defined_in_their_own_place() -> None:
    places = {"sensor": "pipelines/sensors/", "schedule": "pipelines/schedules.py"}
    for room in ("assets", "pipelines"):
        for path in (PROJECT_ROOT / room).rglob("*.py"):
            for kind in re.findall(
                r"^ *@dg\.(?:[a-z_]*)(sensor|schedule)\b", path.read_text(), re.MULTILINE
            ):
                assert str(path.relative_to(PROJECT_ROOT)).startswith(places[kind]), path


def python(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run Python from the root of the project, with no other variables than these."""
    return subprocess.run(
        [sys.executable, *words], env=variables, cwd=PROJECT_ROOT, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip


#: Where the assets of a first part of the key come from.
FOLDERS = {"raw": "", "staging": "marts/models/staging", "mart": "marts"}
#: What a load has no use for, and what it would cost: dbt 1.5 s and 50 MB, a web server 0.1 s.
NOT_FOR_LOADS = {
    "dbt", "dagster_dbt", "simulator", "uvicorn", "starlette", "fastapi", "service", "grpc",
    "pandas", "numpy", "pyarrow", "apprise", "celery", "cryptography",
}  # fmt: skip
#: Imports all that `load` does, up to Dagster's storage and its definitions, then the definitions
#: of all. It ends as soon as anything tries to connect to anywhere.
WITHOUT_NETWORK = """
import sys
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise SystemExit(f"tried to reach {arguments}")
sys.addaudithook(watch)
import pipelines.__main__, pipelines.cli, pipelines.cli.console, pipelines.cli.in_process
import pipelines.raw_definitions, pipelines.stored_people, dagster_postgres.storage
print(*sorted(sys.modules))
from pipelines.definitions import defs
print(sum(key.path[0] == "raw" for key in defs.resolve_all_asset_keys()))
"""


def test_definitions_load_with_nothing_at_all_and_a_load_imports_only_what_it_uses() -> None:
    done = python("-c", WITHOUT_NETWORK)
    assert done.returncode == 0, done.stderr
    imported, tables = done.stdout.splitlines()
    modules = {*imported.split()}
    assert {"alembic", "dagster", "pipelines.raw_definitions"} <= modules
    assert NOT_FOR_LOADS & modules == set()
    assert len(modules) < 1_800, "look what came in, with python -X importtime"
    assert tables == str(len(SPECS))


#: Shows what Dagster, which reads variables, finds in a code server that was not started by
#: `backlog-elt`.
WITH_FILES = """
import os
from pipelines.raw_definitions import build_raw_definitions
backlog = build_raw_definitions().resources["backlog"]
print([os.environ[name] for name in ("BACKLOG_API_KEY", "WAREHOUSE_URL", "DAGSTER_POSTGRES_URL")])
print(backlog.api_key.env_var_name, "a-key" in repr(backlog))
"""


def test_a_code_server_that_is_started_by_dagster_finds_secrets_in_files_too(
    tmp_path: Path,
) -> None:
    secrets = {
        "BACKLOG_API_KEY": "a-key-in-a-file",
        "WAREHOUSE_URL": "postgresql://a/w",
        "DAGSTER_POSTGRES_URL": "postgresql://a/d",
    }
    variables = {"BACKLOG_URL": "https://acme.backlog.com"}
    for name, secret in secrets.items():
        (tmp_path / name).write_text(secret)
        variables[f"{name}_FILE"] = str(tmp_path / name)
    done = python("-c", WITH_FILES, **variables)
    assert done.stdout.splitlines() == [str(list(secrets.values())), "BACKLOG_API_KEY False"], (
        done.stderr
    )


def test_a_code_server_does_not_start_with_an_address_for_alerts_that_cannot_be_used() -> None:
    command = ("-m", "pipelines.hosting.deployed", "code-server")
    done = python(*command, BACKLOG_ALERT_TEAMS_URL="the-address-of-teams")
    assert done.returncode == 2
    assert re.fullmatch(r"Error: BACKLOG_ALERT_TEAMS_URL is '…' .*https://.*\n", done.stderr)


def test_every_asset_links_to_its_code() -> None:
    graph = defs.resolve_asset_graph()
    for key in graph.materializable_asset_keys:
        references = graph.get(key).metadata["dagster/code_references"]
        assert references.code_references[0].file_path.startswith(
            str(PROJECT_ROOT / "assets" / FOLDERS[key.path[0]])
        )
