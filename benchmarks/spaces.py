"""Many spaces in one deployment: `python -m benchmarks.spaces` (a quarter of an hour).

What does each further space cost in memory, by all processes together? How long until all are loaded? And does one that answers
late, or one whose server cannot start, delay the others? The spaces are small and answer at once: their number is what counts.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from assets.partitions import month_of
from benchmarks.figures import Figure, expect_equal, show
from benchmarks.workshop import OURS, scratch
from pipelines.hosting.environment import PROJECT_ROOT
from resources.dagster_tags import RANGE_END_TAG, RANGE_START_TAG
from resources.warehouse import embedded
from simulator import Fault, Simulator, SpaceSpec
from tests.integration.compose import LAUNCH, PROJECTS, RUNS, listens
from tests.ports import free_port

FEW, MANY, FIRST_MONTH = 2, 50, "2026-01"
#: MB of memory for each further space, all processes together.
MEMORY_BOUND = 60.0
#: Seconds between two ticks of a sensor that is due every 30, with every other space at work too.
TICK_BOUND = 60.0
#: So long each deployment goes before its memory is read: by then all that ticks need is in memory.
SETTLED_SECONDS = 240.0
PATIENCE_SECONDS = 1_800.0
#: As in compose.spaces.yaml.
CONNECTIONS = 300
#: How late each answer of the space is that does not answer in time.
LATE_SECONDS = 25.0
TICKS = """query($s: SensorSelector!) {
  sensorOrError(sensorSelector: $s) {... on Sensor {sensorState {ticks(limit: 100) {timestamp status}}}}
}"""
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}


@dataclass(frozen=True)
class Deployment:
    """Code servers, webserver and daemon of some simulated spaces."""

    folder: Path
    spaces: dict[str, Simulator]
    ports: dict[str, int]
    url: str
    processes: dict[str, "subprocess.Popen[bytes]"]

    def ask(self, query: str, **variables: Any) -> Any:
        """Ask the webserver."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})  # noqa: S310 - our own
        with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310 - our own http URL
            return json.load(answer)["data"]

    def memory(self) -> dict[str, float]:
        """Return the MB of each part, and of PostgreSQL; what processes share is counted once."""
        found = {name: _memory(_family(process.pid)) for name, process in self.processes.items()}
        server = int((self.folder / "postgres" / "postmaster.pid").read_text().split()[0])
        return {**found, "PostgreSQL": _memory(_family(server))}

    def load(self) -> list[str]:
        """Load the issues of all spaces, a run for each, and return how they ended."""
        now, started = month_of(datetime.now(UTC)), []
        for name in self.spaces:
            while not (keys := self._projects(name)):
                time.sleep(1)
            corners = {RANGE_START_TAG: f"{keys[0]}|{FIRST_MONTH}", RANGE_END_TAG: f"{keys[-1]}|{now}"}
            tags = [{"key": key, "value": value} for key, value in corners.items()]
            selector = {"repositoryLocationName": name, "repositoryName": "__repository__", "jobName": "issues"}
            launched = self.ask(LAUNCH, params={"selector": selector, "executionMetadata": {"tags": tags}})
            started.append(launched["launchRun"]["run"]["runId"])
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            statuses = [run["status"] for run in self.ask(RUNS, ids=started)["runsOrError"]["results"]]
            if {*statuses} <= ENDED or time.monotonic() > end:
                return statuses
            time.sleep(1)

    def _projects(self, name: str) -> list[str]:
        [node] = self.ask(PROJECTS, key={"path": [name, "raw", "issues"]})["assetNodes"]
        return next(one["partitionKeys"] for one in node["partitionKeysByDimension"] if one["name"] == "project")

    def gaps(self, spaces: Sequence[str], since: float) -> list[float]:
        """Return the seconds between ticks of the alerter since a moment, of some spaces."""
        found = []
        for space in spaces:
            selector = {"repositoryLocationName": space, "repositoryName": "__repository__", "sensorName": "alerts"}
            ticks = self.ask(TICKS, s=selector)["sensorOrError"]["sensorState"]["ticks"]
            times = [since, *sorted(tick["timestamp"] for tick in ticks if tick["timestamp"] > since), time.time()]
            found += [after - before for before, after in pairwise(times)]
        return found


@contextmanager
def deployment(number: int, *, wrong: bool = False) -> Iterator[Deployment]:
    """Yield a deployment of so many spaces, of which all are served; `wrong`: and one more whose variables are wrong."""
    with scratch() as folder, ExitStack() as stack:
        embedded.ensure_server(folder)
        embedded.stop(folder)
        with (folder / "postgres" / "postgresql.conf").open("a") as file:
            file.write(f"max_connections = {CONNECTIONS}\n")
        server = embedded.ensure_server(folder)
        names = [f"space{index}" for index in range(number)]
        specs = [SpaceSpec(space_key=name, seed=index, users=5, projects=2, issues=30) for index, name in enumerate(names)]
        spaces = {spec.space_key: stack.enter_context(Simulator(spec)) for spec in specs}
        ports = {name: free_port() for name in (*names, *(["wrong"] if wrong else []))}
        files = folder / "spaces"
        files.mkdir()
        listed = [{"grpc_server": {"location_name": name, "host": "127.0.0.1", "port": port}} for name, port in ports.items()]
        (files / "workspace.yaml").write_text(json.dumps({"load_from": listed}))
        for name, sim in spaces.items():
            _write(files, name, f"BACKLOG_URL={sim.url}", f"BACKLOG_API_KEY={sim.api_key}", f"BACKLOG_HISTORY_START={FIRST_MONTH}")
        if wrong:
            _write(files, "wrong", "BACKLOG_URL=nowhere")
        (folder / "home").mkdir()
        base = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        variables = {
            **base,
            "WAREHOUSE_URL": server.url(),
            "DAGSTER_POSTGRES_URL": server.url("dagster"),
            "DAGSTER_HOME": str(PROJECT_ROOT / "deploy"),
            "BACKLOG_ELT_HOME": str(folder / "home"),
            "GRPC_VERBOSITY": "ERROR",
        }
        port = free_port()
        parts = {
            "code servers": ["pipelines.hosting.code_servers", "--spaces", str(files)],
            "webserver": ["pipelines.hosting.webserver", "-p", str(port), "-w", str(files / "workspace.yaml")],
            "daemon": ["dagster._daemon", "run", "-w", str(files / "workspace.yaml")],
        }
        log = stack.enter_context((folder / "log").open("wb"))
        subprocess.run([sys.executable, "-m", "pipelines", "migrate"], env=variables, check=True, stdout=log, stderr=log)
        processes = {}
        for name, words in parts.items():
            process = subprocess.Popen(
                [sys.executable, "-m", *words], cwd=PROJECT_ROOT, env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            stack.callback(process.wait, 60)
            stack.callback(process.terminate)
            processes[name] = process
            end = time.monotonic() + PATIENCE_SECONDS
            while name == "code servers" and not all(listens(ports[space]) for space in names):
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"not all are served: {(folder / 'log').read_text()[-2_000:]}")
                time.sleep(0.2)
        yield Deployment(folder, spaces, ports, f"http://127.0.0.1:{port}", processes)


def _write(files: Path, name: str, *lines: str) -> None:
    (files / name).mkdir()
    (files / name / ".env").write_text("\n".join((f"BACKLOG_DAGSTER_LOCATION={name}", *lines)))


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _memory(processes: Sequence[psutil.Process]) -> float:
    total = 0
    for process in processes:
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / 1e6


def spaces(few: int, many: int) -> Iterator[Figure]:
    """Compare a deployment of few spaces with one of many, load all of these, and let one not answer."""
    with deployment(few) as small:
        time.sleep(SETTLED_SECONDS)
        before = small.memory()
    group = f"{many} spaces, one of which comes to answer late, and one more whose variables are wrong"
    began = time.monotonic()
    with deployment(many, wrong=True) as large:
        yield Figure(group, "until all are served", time.monotonic() - began, "s")
        time.sleep(SETTLED_SECONDS)
        after = large.memory()
        for part, value in after.items():
            yield Figure(group, f"memory for each further space, {part}", (value - before[part]) / (many - few), "MB")
        further = (sum(after.values()) - sum(before.values())) / (many - few)
        yield Figure(group, "memory for each further space", further, "MB", MEMORY_BOUND)
        began = time.monotonic()
        expect_equal("the runs of all spaces", {*large.load()}, {"SUCCESS"})
        yield Figure(group, "first load of the issues of each, all launched at once", time.monotonic() - began, "s")
        late, *others = large.spaces
        large.spaces[late].faults.add(Fault("slow", path="/.*", times=None, seconds=LATE_SECONDS))
        since = time.time()
        time.sleep(SETTLED_SECONDS)
        longest = max(large.gaps(others, since))
        yield Figure(group, "longest time between two looks of an alerter of the others, due every 30 s", longest, "s", TICK_BOUND)
        large.spaces[late].faults.clear()
        time.sleep(LATE_SECONDS)


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--spaces", type=int, default=MANY)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    return show([spaces(FEW, chosen.spaces)], as_json=chosen.json)


if __name__ == "__main__":
    sys.exit(main())
