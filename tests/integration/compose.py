"""The services of `deploy/compose.yaml` as processes of this machine: the same commands, variables
and health checks.

What differs is only what a container engine would do: names of hosts become 127.0.0.1, ports free
ones, secrets files in a folder.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from dagster_shared.yaml_utils import safe_load_yaml

from assets.partitions import month_keys
from pipelines.hosting.environment import PROJECT_ROOT
from resources.dagster_tags import RANGE_END_TAG, RANGE_START_TAG
from resources.warehouse.server.connect import engine as connect
from tests.network import DEAD
from tests.ports import free_port

DEPLOY = PROJECT_ROOT / "deploy"


#: What a file takes away from the one it extends.
RESET = "(reset)"


def yaml_of(name: str) -> Any:
    """Return what a file of `deploy` says."""
    return safe_load_yaml(
        (DEPLOY / name).read_text().replace("!reset null", RESET).replace("!override ", "")
    )


COMPOSE: dict[str, Any] = yaml_of("compose.yaml")
CELERY: dict[str, Any] = yaml_of("compose.celery.yaml")
ALERTS: dict[str, Any] = yaml_of("compose.alerts.yaml")
WEBHOOKS: dict[str, Any] = yaml_of("compose.webhooks.yaml")
METRICS: dict[str, Any] = yaml_of("compose.metrics.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
READY_SECONDS = 240


@dataclass
class Engine:
    """Starts services of the compose file, with what files beside it (`over`) change.

    `variables` stand in place of what the files say of the spaces and databases.
    """

    folder: Path
    secrets: Mapping[str, str]
    variables: Mapping[str, Mapping[str, str]]
    over: Sequence[Mapping[str, Any]] = ()
    ports: dict[str, int] = field(default_factory=dict)
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in self.secrets.items():
            (self.folder / name).write_text(value)

    def port(self, service: str) -> int:
        """Return the port on which a service of the file listens here."""
        return self.ports.setdefault(service, free_port())

    def write_workspace(self, *locations: str) -> Path:
        """Write `workspace.yaml` with some of its code locations, at their ports here, and return
        its path.
        """
        listed = yaml_of("workspace.yaml")["load_from"]
        servers = [
            one["grpc_server"] for one in listed if one["grpc_server"]["location_name"] in locations
        ]
        here = [
            {"grpc_server": {**one, "host": "127.0.0.1", "port": self.port(one["host"])}}
            for one in servers
        ]
        path = self.folder / "workspace.yaml"
        path.write_text(json.dumps({"load_from": here}))
        return path

    def environment(self, service: str) -> dict[str, str]:
        """Return the variables of a service: those of the file, where its secrets and the spaces
        are those of this test.
        """
        said = {
            name: str(value).replace("/run/secrets/", f"{self.folder}/")
            for name, value in self.service(service)["environment"].items()
        }
        if "BACKLOG_DAGSTER_URL" in said:
            said["BACKLOG_DAGSTER_URL"] = f"http://127.0.0.1:{self.port('webserver')}"
        said["DAGSTER_HOME"] = (
            str(self.folder / "dagster") if (self.folder / "dagster").exists() else str(DEPLOY)
        )
        base = {
            name: os.environ[name]
            for name in ("PYTHONPATH", "HOME", "LANG", "TMPDIR")
            if name in os.environ
        }
        # As Docker sets them in every container where its own settings name a proxy.
        base |= DEAD
        image = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "GRPC_VERBOSITY": "ERROR",
            "DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR": "1",
        }
        home = {"BACKLOG_ELT_HOME": str(self.folder / "home" / service)}
        return {**base, **image, **home, **said, **self.variables.get(service, {})}

    def service(self, name: str) -> dict[str, Any]:
        """Return what the files say of a service."""
        said = [
            file["services"][name] for file in (COMPOSE, *self.over) if name in file["services"]
        ]
        said = [SERVICES[part["extends"]["service"]] for part in said if "extends" in part] + said
        environment = {
            variable: value
            for part in said
            for variable, value in part.get("environment", {}).items()
        }
        merged = {key: value for part in said for key, value in part.items()}
        merged["environment"] = {
            name: value for name, value in environment.items() if value != RESET
        }
        return {key: value for key, value in merged.items() if value != RESET}

    def start(self, service: str, *more: str, replica: str = "") -> None:
        """Start a service of the file; `more` follows its command, as the port does where it has
        one.
        """
        words = list(self.service(service)["command"])
        if "-w" in words:
            words[words.index("-w") + 1] = str(self.folder / "workspace.yaml")
        port = {"code-server": "-p", "webserver": "-p", "service": "--port"}.get(words[0])
        words += [*([port, str(self.port(service))] if port else []), *more]
        with (self.folder / f"{service}{replica}.log").open("ab") as log:
            self.running[service + replica] = subprocess.Popen(
                [sys.executable, "-m", "pipelines.hosting.deployed", *words],
                cwd=PROJECT_ROOT,
                env=self.environment(service),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run(self, service: str, *words: str) -> str:
        """Run a service that ends, or other words in its place, and return what it wrote."""
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pipelines.hosting.deployed",
                *(words or self.service(service)["command"]),
            ],
            cwd=PROJECT_ROOT,
            env=self.environment(service),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def healthy(self, service: str) -> bool:
        """Ask the health check of the file, at the port of here."""
        test = [str(word) for word in self.service(service)["healthcheck"]["test"]]
        if test[0] == "CMD-SHELL":
            test = ["CMD", "sh", "-c", test[1].replace("$$HOSTNAME", socket.gethostname())]
        assert test[0] == "CMD"
        here = str(self.ports.get(service))
        words = [re.sub(r"\b(4000|3000|3001)\b", here, word) for word in test[1:]]
        asked = subprocess.run(
            words, cwd=PROJECT_ROOT, env=self.environment(service), capture_output=True, check=False
        )
        return asked.returncode == 0

    def wait_healthy(self, *services: str) -> None:
        """Wait until the health checks of services pass, and the webserver knows all code
        locations: it asks one that was not there again after some seconds.
        """
        for service in services:
            # A check is a process of a second: it is not asked before somebody listens.
            if port := self.ports.get(service):
                wait_until(partial(listens, port), f"nobody listens for {service}")
            healthy = partial(self.healthy, service)
            wait_until(healthy, f"{service} is not healthy", pause=1.0)
        if "webserver" in services:
            wait_until(self.knows_locations, "the webserver does not know a code location")

    def log(self, service: str) -> str:
        """Return what a service has written."""
        path = self.folder / f"{service}.log"
        return path.read_text() if path.exists() else ""

    def kill(self, service: str) -> None:
        """End a service and all its processes at once, as an engine does whose memory is full."""
        process = self.running.pop(service)
        os.killpg(process.pid, 9)
        process.wait()

    def terminate(self, service: str) -> None:
        """Ask a service to end, as an engine does, and kill what is left then, or after 30 s."""
        process = self.running[service]
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        del self.running[service]
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()

    def stop(self) -> None:
        """End all services."""
        for service in list(self.running):
            self.kill(service)

    # -- Dagster over GraphQL ----------------------------------------------------------------------

    def ask(self, query: str, **variables: Any) -> Any:
        """Ask the webserver."""
        return graphql(f"http://127.0.0.1:{self.port('webserver')}", query, **variables)

    def launch(
        self,
        location: str,
        job: str,
        selection: Sequence[Mapping[str, Any]] | None = None,
        **more: Any,
    ) -> str:
        """Start a run of a job, or of a selection of its assets, and return its id."""
        selector = at(location, jobName=job)
        selector |= {} if selection is None else {"assetSelection": selection}
        return launched(self.ask(LAUNCH, params={"selector": selector, **more})["launchRun"])

    def knows_locations(self) -> bool:
        """Say whether the webserver has loaded every code location of its workspace."""
        entries = self.ask(LOCATIONS)["workspaceOrError"]["locationEntries"]
        found = {entry["locationOrLoadError"]["__typename"] for entry in entries}
        return found == {"RepositoryLocation"}

    def projects(self, space: str) -> list[str]:
        """Return the partitions of a space's issues, and see that nobody else's asset has
        the key.
        """
        [node] = self.ask(PROJECTS, key={"path": [space, "raw", "issues"]})["assetNodes"]
        assert node["repository"]["location"]["name"] == space
        return next(
            one["partitionKeys"]
            for one in node["partitionKeysByDimension"]
            if one["name"] == "project"
        )

    def launch_issues(self, space: str, projects: int, first: str | None = None) -> str:
        """Start a run over all partitions of a space, from month `first` on, once so many projects
        are known, and return its id.
        """
        wait_until(lambda: len(self.projects(space)) == projects, "the projects are not found")
        keys, months = self.projects(space), month_keys()
        corners = {
            RANGE_START_TAG: f"{keys[0]}|{first or months[0]}",
            RANGE_END_TAG: f"{keys[-1]}|{months[-1]}",
        }
        tags = [{"key": key, "value": value} for key, value in corners.items()]
        return self.launch(space, "issues", executionMetadata={"tags": tags})

    def statuses(self, *run_ids: str) -> list[str]:
        """Return the status of each run."""
        found = self.ask(RUNS, ids=list(run_ids))["runsOrError"]["results"]
        by_id = {run["runId"]: run["status"] for run in found}
        return [by_id[run_id] for run_id in run_ids]

    def process_of(self, run_id: str) -> int:
        """Return the number of the process in which a run works."""
        events = self.ask(EVENTS, id=run_id)["logsForRun"]["events"]
        found = re.search(r"\(pid: (\d+)\)", "".join(event["message"] for event in events))
        assert found, "the run is not at work"
        return int(found[1])

    def wait_for(self, *run_ids: str, seconds: float = 90) -> list[str]:
        """Wait for runs to end and return how."""
        ended = {"SUCCESS", "FAILURE", "CANCELED"}
        wait_until(lambda: {*self.statuses(*run_ids)} <= ended, "the runs do not end", seconds)
        return self.statuses(*run_ids)


LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on Error { message }
  }
}"""
LOCATIONS = """{
  workspaceOrError {
    ... on Workspace { locationEntries { locationOrLoadError { __typename } } }
  }
}"""
PROJECTS = """
query Projects($key: AssetKeyInput!) {
  assetNodes(assetKeys: [$key]) {
    repository { location { name } } partitionKeysByDimension { name partitionKeys }
  }
}"""
RUNS = """
query Runs($ids: [String!]) {
  runsOrError(filter: {runIds: $ids}) { ... on Runs { results { runId status } } }
}"""
EVENTS = """
query Events($id: ID!) {
  logsForRun(runId: $id) { ... on EventConnection { events { ... on MessageEvent { message } } } }
}"""


def graphql(url: str, query: str, **variables: Any) -> Any:
    """Return what the Dagster of a URL answers to a query."""
    body = {"query": query, "variables": variables}
    answer = httpx.post(f"{url}/graphql", json=body, timeout=READY_SECONDS).json()
    assert not answer.get("errors"), answer
    return answer["data"]


def at(location: str, **more: Any) -> dict[str, Any]:
    """Return what leads Dagster to the definitions of a code location, and to `more` in them."""
    return {"repositoryLocationName": location, "repositoryName": "__repository__", **more}


def launched(answer: Mapping[str, Any]) -> str:
    """Return the id of a run that was started."""
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return str(answer["run"]["runId"])


def stored_issues(warehouse_url: str, space: str) -> set[int]:
    """Return the ids of the issues of a space in a warehouse."""
    made = connect(warehouse_url)
    with made.connect() as connection:
        found = (
            connection.exec_driver_sql("SELECT id FROM raw.issues WHERE space_key = %s", (space,))
            .scalars()
            .all()
        )
    made.dispose()
    return set(found)


def listens(port: int) -> bool:
    """Say whether somebody listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(
    ready: Callable[[], bool], otherwise: str, seconds: float = READY_SECONDS, pause: float = 0.3
) -> None:
    """Wait for something to be so."""
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, otherwise
        time.sleep(pause)


@contextmanager
def engine(
    folder: Path,
    secrets: Mapping[str, str],
    variables: Mapping[str, Mapping[str, str]],
    *over: Mapping[str, Any],
) -> Iterator[Engine]:
    """Yield an engine whose services are ended afterwards, with files beside compose.yaml as
    `over`.
    """
    made = Engine(folder, secrets, variables, over)
    try:
        yield made
    finally:
        made.stop()
