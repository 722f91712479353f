"""The files of `deploy`: what they name exists, they agree with each other, and nothing in them is
a secret.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from dagster_shared.yaml_utils import load_yaml_from_path, safe_load_yaml

from pipelines.hosting.deployed import PARTS
from pipelines.hosting.environment import PROJECT_ROOT
from resources.variables import FILE, SECRETS
from tests.integration.compose import (
    ALERTS,
    CELERY,
    COMPOSE,
    DEPLOY,
    METRICS,
    SERVICES,
    WEBHOOKS,
    Engine,
    yaml_of,
)

BASE: Any = load_yaml_from_path(str(PROJECT_ROOT / "dagster.yaml"))
INSTANCES = ["dagster.yaml", "celery/dagster.yaml"]
HELM: dict[str, Any] = yaml_of("helm-values.yaml")
WORKSPACE = [one["grpc_server"] for one in yaml_of("workspace.yaml")["load_from"]]
KNOWN = {
    *re.findall(
        r"\"((?:BACKLOG|WAREHOUSE|DAGSTER)_[A-Z_]+)\"",
        "".join(
            (PROJECT_ROOT / "resources" / name).read_text()
            for name in ("settings.py", "variables.py", "alerts/addresses.py")
        ),
    )
}
#: Read by Dagster, not by the settings.
ELSEWHERE = {"DAGSTER_HOME"}
#: With what is switched off in a file, as `#NAME: value`, switched on.
ALL_ALERTS = safe_load_yaml(
    re.sub(r"(?m)^( +)#(?=\S)", r"\1", (DEPLOY / "compose.alerts.yaml").read_text())
)
BESIDE = [CELERY, ALERTS, ALL_ALERTS, WEBHOOKS, METRICS]
PUBLIC = "BACKLOG_DAGSTER_PUBLIC_URL"
OURS = {name: service for name, service in SERVICES.items() if name != "postgres"}
PACKAGES = {
    *tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"][
        "targets"
    ]["wheel"]["packages"]
}


@pytest.mark.parametrize(
    "name",
    [
        "compose.yaml", "compose.celery.yaml", "compose.metrics.yaml", "helm-values.yaml",
        "Dockerfile",
    ],
)  # fmt: skip
def test_every_image_is_pinned_to_a_version(name: str) -> None:
    text = (DEPLOY / name).read_text()
    found = re.findall(
        r'^(?:FROM (?!build)|[^#\n]*\b(?:image|tag): "?)([^\s{",]+)', text, re.MULTILINE
    )
    patch = r"\.\d+" if name == "Dockerfile" else r"(\.\d+)?"
    assert found
    assert [one for one in found if not re.search(rf"(^|:)v?\d+\.\d+{patch}(-[\w-]+)?$", one)] == []


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_the_compose_file_runs_a_known_command_safely(name: str) -> None:
    service = OURS[name]
    assert service["command"][0] in PARTS
    assert service.items() >= {"read_only": True, "cap_drop": ["ALL"]}.items()
    assert service["mem_limit"]
    assert service["restart"]
    assert name == "migrate" or service["healthcheck"]["test"][0] == "CMD"
    open_to_others = [one for one in service.get("ports", ()) if not one.startswith("127.0.0.1:")]
    assert open_to_others == [], "nothing without a login is open to others"


@pytest.mark.parametrize(
    "tree",
    [COMPOSE, *BESIDE],
    ids=["compose", "celery", "alerts", "all alerts", "webhooks", "metrics"],
)
def test_every_variable_is_known_and_every_secret_is_a_file(tree: dict[str, Any]) -> None:
    declared = {*tree.get("secrets", [])}
    used = set()
    for service in tree["services"].values():
        secrets = {*service.get("secrets", [])}
        used |= secrets
        for name, value in service.get("environment", {}).items():
            plain = name.removesuffix(FILE)
            if plain.startswith("POSTGRES_"):
                continue
            assert name == plain or value.removeprefix("/run/secrets/") in secrets
            assert plain in KNOWN | ELSEWHERE
            assert plain not in SECRETS or name.endswith(FILE)
    assert declared <= used <= declared | {*COMPOSE["secrets"]}


def test_alerts_are_those_of_each_code_location_and_can_go_on_every_channel() -> None:
    locations = {server["location_name"] for server in WORKSPACE}
    assert {*ALERTS["services"]} == {*ALL_ALERTS["services"]} == locations
    for service in ALL_ALERTS["services"].values():
        assert {name.removesuffix(FILE) for name in service["environment"]} == {
            name for name in KNOWN if "_ALERT_" in name
        }
    assert not [
        name
        for service in SERVICES.values()
        for name in service.get("environment", {})
        if "_ALERT_" in name
    ]


def test_every_process_that_makes_links_knows_where_browsers_reach_dagster() -> None:
    pods = [one["env"] for one in HELM["dagster-user-deployments"]["deployments"]]
    [container] = HELM["extraManifests"][0]["spec"]["template"]["spec"]["containers"]
    pods.append({one["name"]: one["value"] for one in container["env"]})
    assert len({pod[PUBLIC] for pod in pods}) == 1
    assert not [name for pod in pods for name in pod if name not in KNOWN or name in SECRETS]
    [published] = SERVICES["webserver"]["ports"]
    for name in (*(server["host"] for server in WORKSPACE), "service", "webserver"):
        assert SERVICES[name]["environment"][PUBLIC] == f"http://{published.removesuffix(':3000')}"


def test_each_code_location_is_a_service_of_its_name_and_the_marts_are_of_all() -> None:
    for server in WORKSPACE:
        host = server["host"]
        location = SERVICES[host]["environment"]["BACKLOG_DAGSTER_LOCATION"]
        assert server["location_name"] == host == location
        assert f'"{server["port"]}"' in json.dumps(SERVICES[host]["healthcheck"]["test"])
    spaces = [server["location_name"] for server in WORKSPACE if server["location_name"] != "marts"]
    assert SERVICES["marts"]["environment"]["BACKLOG_MARTS_OF"].split(",") == spaces
    workers = {
        service["command"][-1]: service["extends"]["service"]
        for name, service in CELERY["services"].items()
        if name.endswith("-worker")
    }
    assert workers == {name: name for name in (*spaces, "marts")}


def test_a_worker_has_the_host_name_of_its_container_and_a_code_server_its_own(
    tmp_path: Path,
) -> None:
    engine = Engine(tmp_path, {}, {}, [CELERY])
    workers = [name for name in CELERY["services"] if name.endswith("-worker")]
    assert len(workers) == len(WORKSPACE)
    assert not [name for name in workers if "hostname" in engine.service(name)]
    assert [engine.service(server["host"])["hostname"] for server in WORKSPACE] == [
        server["host"] for server in WORKSPACE
    ]


@pytest.mark.parametrize("name", INSTANCES)
def test_the_instances_agree_but_for_what_containers_need(name: str) -> None:
    said = yaml_of(name)
    more = {"run_monitoring", "run_queue"}
    ticks = {"sensors", "schedules"}
    assert {part: said[part] for part in BASE if part not in {"concurrency", *more, *ticks}} == {
        part: value for part, value in BASE.items() if part not in {"concurrency", *more, *ticks}
    }
    for part in ticks:
        assert BASE[part]["use_threads"]
        assert said[part] == {"use_threads": True, "num_workers": 2 * BASE[part]["num_workers"]}
    for part in more:
        assert said[part].items() >= BASE[part].items()
    runs = said["concurrency"]["runs"]
    per_space = BASE["concurrency"]["runs"]["max_concurrent_runs"]
    # What a worker has no place for waits outside of the queue, where it counts as started and is
    # given up after a while.
    assert f"--concurrency {per_space} " in PARTS["worker"]
    assert runs["max_concurrent_runs"] == per_space * sum(
        server["location_name"] != "marts" for server in WORKSPACE
    )
    keys = [limit["key"] for limit in BASE["concurrency"]["runs"]["tag_concurrency_limits"]]
    assert [(one["key"], one["limit"]) for one in runs["tag_concurrency_limits"]] == [
        (key, 1) for key in keys
    ]
    assert {*said} - {*BASE} <= {"local_artifact_storage", "run_launcher"}


def snake(tree: Any) -> Any:
    """Return values of the Helm chart with names as the instance has them."""
    capital = re.compile(r'(?<=[a-z])[A-Z](?=\w*":)')
    return json.loads(capital.sub(lambda found: f"_{found[0].lower()}", json.dumps(tree)))


def test_the_values_for_helm_say_what_the_instance_says() -> None:
    said = yaml_of(INSTANCES[0])
    daemon, retention = snake(HELM["dagsterDaemon"]), snake(HELM["retention"])
    queue = daemon["run_coordinator"]["config"]["queued_run_coordinator"]
    dequeued = {name: value for name, value in said["run_queue"].items() if "dequeue" in name}
    assert queue.items() >= (snake(said["concurrency"]["runs"]) | dequeued).items()
    for part in ("sensors", "schedules"):
        assert daemon[part] == said[part]
    for part in ("run_monitoring", "run_retries"):
        assert daemon[part].items() >= said[part].items()
    assert retention["schedule"] == said["retention"]["schedule"]
    days, kept = (one["sensor"]["purge_after_days"] for one in (retention, said["retention"]))
    assert days.items() >= kept.items()
    loggers = HELM["pythonLogs"]["managedPythonLoggers"]
    assert loggers == said["python_logs"]["managed_python_loggers"]
    names = [one["name"] for one in HELM["dagster-user-deployments"]["deployments"]]
    assert names == [server["location_name"] for server in WORKSPACE]


def test_pods_and_runs_are_limited_and_may_do_nothing_but_their_work() -> None:
    pods = [
        HELM["dagsterDaemon"],
        HELM["dagsterWebserver"],
        *HELM["dagster-user-deployments"]["deployments"],
    ]
    for pod in pods:
        assert pod["resources"]["limits"]["memory"]
        assert pod["podSecurityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["readOnlyRootFilesystem"]
    run = HELM["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]
    assert run["containerConfig"]["resources"]["limits"]["memory"]
    assert run["containerConfig"][
        "security_context" if "security_context" in run["containerConfig"] else "securityContext"
    ]


def test_the_daemon_of_pods_has_beside_it_what_looks_at_its_clock_and_is_restarted() -> None:
    daemon = HELM["dagsterDaemon"]
    [clock] = daemon["extraContainers"]
    assert clock["args"][0] in PARTS
    assert (
        clock["image"]
        == HELM["extraManifests"][0]["spec"]["template"]["spec"]["containers"][0]["image"]
    )
    assert clock["securityContext"] == daemon["securityContext"]
    assert clock["resources"]["limits"]["memory"]
    [home, password] = clock["env"]
    assert clock["volumeMounts"][0]["mountPath"] == f"{home['value']}/dagster.yaml"
    secret = password["valueFrom"]["secretKeyRef"]["name"]
    assert secret == HELM["global"]["postgresqlSecretName"]
    assert daemon["livenessProbe"]["exec"]["command"] == ["dagster-daemon", "liveness-check"]


def let_in_image() -> set[str]:
    """Return the files and folders that the image gets, all else being kept out."""
    ignored = (PROJECT_ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[1] == "*"
    return {line[1:].rstrip("/") for line in ignored if line.startswith("!")}


def test_what_the_image_copies_is_not_kept_out_of_it_and_it_holds_nothing_else() -> None:
    let_in = let_in_image()
    assert {*PACKAGES, "requirements-celery.lock", "pyproject.toml", "dagster.yaml"} <= let_in
    assert [name for name in let_in if not (PROJECT_ROOT / name).exists()] == []
    assert not let_in & {".env", ".git", "deploy", "deploy/secrets", "tests"}


#: Imports what the processes of containers run, from a copy alone, and says from where each of our
#: modules came.
IMPORTING = """
import json, os, sys
copy, root = sys.argv[1:]
sys.path[:] = [copy, *(path for path in sys.path if path not in ("", root))]
import pipelines.raw_definitions, pipelines.hosting.celery_app, pipelines.cli.load_command
import service.app, simulator.server
ours = os.listdir(copy)
print(json.dumps([
    module.__file__
    for name, module in sys.modules.items()
    if name.split(".")[0] in ours and module.__file__
]))
"""


def test_an_image_holds_every_module_that_its_processes_import(tmp_path: Path) -> None:
    for name in PACKAGES & let_in_image():
        shutil.copytree(
            PROJECT_ROOT / name,
            tmp_path / name,
            ignore=shutil.ignore_patterns("__pycache__", "target"),
        )
    environment = {name: value for name, value in os.environ.items() if name == "PATH"}
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING, str(tmp_path), str(PROJECT_ROOT)],
        cwd="/", env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {
        Path(line).relative_to(tmp_path).parts[0] for line in json.loads(done.stdout)
    } == PACKAGES


@pytest.mark.parametrize(
    "words",
    [
        ["code-servers"],
        ["python", "-m", "pipelines.hosting.code_servers", "--spaces", "/app/deploy/spaces"],
        ["daemon", "-w", "/app/deploy/spaces/workspace.yaml"],
    ],
    ids=["its command", "as a module", "its workspace"],
)
def test_who_still_has_one_container_for_all_spaces_is_told_what_to_do_instead(
    words: list[str],
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.hosting.deployed", *words],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    [line] = done.stderr.splitlines()
    assert done.returncode == 2
    assert line.startswith("Error: ")
    assert {"code-server", "deploy/workspace.yaml"} <= {*re.split("[ ,]+", line)}
    [document] = re.findall(r"\((docs/deployment\.md), Several spaces\)", line)
    assert "## Several spaces" in (PROJECT_ROOT / document).read_text()
