"""A real `backlog-elt up` on a simulated space and an embedded PostgreSQL: how it is started, asked
and ended.

The tests of what people see and the pictures of the README share it.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psutil
from sqlalchemy import text

from resources.cadences import CADENCES, TOKENS
from resources.warehouse.server import embedded
from resources.warehouse.server.connect import engine
from tests.databases import home_of_its_own
from tests.integration.compose import READY_SECONDS, at, graphql, wait_until
from tests.integration.terminal import Terminal
from tests.ports import free_port

#: The longest that a step may take on a machine whose cores are busy; the daemon looks for
#: backfills every 30 s.
PATIENCE_SECONDS = float(READY_SECONDS)
END_SECONDS = 90.0
_COMMAND = str(Path(sys.executable).with_name("backlog-elt"))
RUNS_OF_PARTITION = """
query($partition: String!) {
  runsOrError(filter: {tags: [{key: "dagster/partition", value: $partition}]}, limit: 1) {
    ... on Runs { results { runId status } }
  }
}"""
REPORT = """
{
  assetOrError(assetKey: {path: ["dashboard", "report"]}) {
    ... on Asset { assetMaterializations(limit: 50) {
      metadataEntries { label ... on PathMetadataEntry { path } }
    } }
  }
}"""
RUNS_OF_MARTS = """
{
  runsOrError(filter: {pipelineName: "marts", statuses: [SUCCESS]}, limit: 1) {
    ... on Runs { results { runId } }
  }
}"""

SENSOR = """
query($sensor: SensorSelector!) {
  sensorOrError(sensorSelector: $sensor) { ... on Sensor { id } }
}"""
STOP_SENSOR = """
mutation($id: String!) {
  stopSensor(id: $id) { ... on StopSensorMutationResult { instigationState { status } } }
}"""

START_SENSOR = """
mutation($sensor: SensorSelector!) {
  startSensor(sensorSelector: $sensor) { ... on Sensor { sensorState { status } } }
}"""
EVALUATE_SENSOR = """
mutation($sensor: SensorSelector!) {
  sensorDryRun(selectorData: $sensor, cursor: null) {
    ... on DryRunInstigationTick { evaluationResult { skipReason } }
    ... on PythonError { message }
  }
}"""


@dataclass(frozen=True)
class Up:
    """A running `backlog-elt up` with a home of its own."""

    home: Path
    port: int
    service_port: int
    terminal: Terminal
    environment: dict[str, str]

    @property
    def timezone(self) -> str:
        """The time zone of its months and schedules."""
        return self.environment["BACKLOG_TIMEZONE"]

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The process of `up` itself."""
        return self.terminal.process

    @property
    def url(self) -> str:
        """Where the Dagster UI is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def service_url(self) -> str:
        """Where the sync service is."""
        return f"http://127.0.0.1:{self.service_port}"

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return what Dagster answers to a query."""
        return dict(graphql(self.url, query, **variables))

    def wait_until_loaded(self) -> None:
        """Wait until the first load has ended well."""

        def loaded() -> bool:
            assert self.process.poll() is None, self.tail()
            return "  loaded: " in self.terminal.written

        wait_until(loaded, "the first load has not ended")

    def delete_issue(self, project: str) -> tuple[str, str]:
        """Delete the issue of a project that was changed last, at the source; return its key, and
        the month of its last change.
        """
        with self._source() as source:
            identifier = source.get(f"/projects/{project}").json()["id"]
            newest = {"projectId[]": identifier, "sort": "updated", "order": "desc", "count": 1}
            [issue] = source.get("/issues", params=newest).json()
            source.delete(f"/issues/{issue['id']}").raise_for_status()
        return str(issue["issueKey"]), self._month_of(issue)

    def create_issue(self, project: str, summary: str) -> str:
        """Create an issue at the source; return the month in which it was changed last."""
        with self._source() as source:
            identifier = source.get(f"/projects/{project}").json()["id"]
            [kind, *_] = source.get(f"/projects/{project}/issueTypes").json()
            fields = {
                "projectId": identifier,
                "summary": summary,
                "issueTypeId": kind["id"],
                "priorityId": 3,
            }
            return self._month_of(source.post("/issues", data=fields).raise_for_status().json())

    def _source(self) -> httpx.Client:
        runtime = json.loads((self.home / "runtime.json").read_text())
        return httpx.Client(
            base_url=f"{runtime['backlog_url']}/api/v2",
            params={"apiKey": runtime["backlog_api_key"]},
        )

    def _month_of(self, issue: dict[str, Any]) -> str:
        changed = datetime.fromisoformat(issue["updated"]).astimezone(ZoneInfo(self.timezone))
        return f"{changed:%Y-%m}"

    def newest_run(self, partition: str) -> dict[str, str]:
        """Return `runId` and `status` of the newest run of a single partition, empty: none."""
        found = self.graphql(RUNS_OF_PARTITION, partition=partition)["runsOrError"]["results"]
        return dict(found[0]) if found else {}

    def wait_for_partition(self, partition: str, before: dict[str, str]) -> None:
        """Wait until a run of a single partition that is newer than `before` has ended well."""

        def ended() -> bool:
            run = self.newest_run(partition)
            status = run["status"] if run and run["runId"] != before.get("runId") else ""
            assert status not in {"FAILURE", "CANCELED"}, f"{run}\n{self.tail()}"
            return status == "SUCCESS"

        wait_until(ended, f"the run of {partition} has not ended")

    def wait_for_marts(self) -> None:
        """Wait until the marts have been built; `up` starts that as soon as the first load has
        ended.
        """
        wait_until(
            lambda: bool(self.graphql(RUNS_OF_MARTS)["runsOrError"]["results"]),
            "no build of marts has ended well",
        )

    def files_of_reports(self) -> list[str]:
        """Return the files of the last reports, as Dagster shows them, the newest first."""
        written = self.graphql(REPORT)["assetOrError"]["assetMaterializations"]
        return [
            str(entry["path"])
            for one in written
            for entry in one["metadataEntries"]
            if entry["label"] == "file"
        ]

    def stop_sensor(self, name: str) -> None:
        """Switch a sensor off, as somebody does in the UI."""
        identifier = self.graphql(SENSOR, sensor=_sensor(name))["sensorOrError"]["id"]
        answer = self.graphql(STOP_SENSOR, id=identifier)["stopSensor"]
        assert answer["instigationState"]["status"] == "STOPPED", answer

    def start_sensor(self, name: str) -> None:
        """Switch a sensor on again."""
        answer = self.graphql(START_SENSOR, sensor=_sensor(name))["startSensor"]
        assert answer["sensorState"]["status"] == "RUNNING", answer

    def evaluate_sensor(self, name: str) -> str:
        """Let a sensor look now, as the button "Preview tick result" in the UI does, and return why
        it requests no run.
        """
        answer = self.graphql(EVALUATE_SENSOR, sensor=_sensor(name))["sensorDryRun"]
        return str(answer["evaluationResult"]["skipReason"])

    def query(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        """Ask the warehouse."""
        warehouse = engine(embedded.ensure_server(self.home).url())
        try:
            with warehouse.connect() as connection:
                return [tuple(row) for row in connection.execute(text(sql), values)]
        finally:
            warehouse.dispose()

    def report(self, *options: str) -> Path:
        """Write the report of this home, and return the file."""
        return Path(self.run("report", *options).strip())

    def run(self, *words: str) -> str:
        """Run a command beside it, and return what it prints."""
        done = subprocess.run(
            [_COMMAND, *words],
            env=self.environment,
            cwd=self.home,
            capture_output=True,
            check=True,
            text=True,
        )
        return done.stdout

    def verify(self) -> None:
        """Compare every row with the source, as somebody does at the command line; people work
        there, so rows may be behind.
        """
        command = [_COMMAND, "verify", "--deep", "--no-progress"]
        subprocess.run(
            command, env=self.environment, cwd=self.home, capture_output=True, check=False
        )

    def tail(self, lines: int = 40) -> str:
        """Return what a person sees, and the last lines that the children of `up` wrote."""
        log = self.home / "logs" / "up.log"
        written = log.read_text(errors="replace").splitlines() if log.exists() else []
        return "\n".join([*self.terminal.lines, *written[-lines:]])

    def stop(self) -> None:
        """Ask `up` to end and wait for it.

        Raises:
            subprocess.TimeoutExpired: it did not end in time.
        """
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(END_SECONDS)


def processes_of(home: Path) -> list[psutil.Process]:
    """Return every process that was started for a home, whatever its parent is by now."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            is_of_home = process.environ().get("BACKLOG_ELT_HOME") == str(home)
            is_of_home |= str(home) in " ".join(process.cmdline())
            if is_of_home and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def child_of(up: int, module: str) -> psutil.Process:
    """Return the child of a running `up` that runs a module; one that has just ended is none.

    Raises:
        ValueError: there is none, or more than one.
    """
    found = []
    for child in psutil.Process(up).children():
        with suppress(psutil.NoSuchProcess):
            if module in child.cmdline():
                found.append(child)
    [only] = found
    return only


@contextmanager
def running_up(*, history_start: str, **variables: str) -> Iterator[Up]:
    """Start `backlog-elt up` on a simulated space and an embedded PostgreSQL, loaded once.

    `variables` are set besides. Nothing is left behind.
    """
    with home_of_its_own("up") as home:
        up = _start(home, history_start, variables)
        try:
            up.wait_until_loaded()
            yield up
        finally:
            if up.process.poll() is None:
                up.stop()


def _start(home: Path, history_start: str, variables: Mapping[str, str]) -> Up:
    ours = ("BACKLOG_", "DAGSTER_", "WAREHOUSE_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment |= {
        **variables,
        "BACKLOG_ELT_HOME": str(home),
        "BACKLOG_HISTORY_START": history_start,
        "BACKLOG_TIMEZONE": _quiet_zone(datetime.now(UTC)),
    }
    port, service_port = free_port(), free_port()
    command = [_COMMAND, "up", "--port", str(port), "--service-port", str(service_port)]
    # Not from the checkout, whose .env may name a real space.
    terminal = Terminal(command, environment=environment, folder=home.parent)
    return Up(home, port, service_port, terminal, environment)


def _quiet_zone(now: datetime) -> str:
    """Return a time zone where no schedule is due for hours: at any time of day, only tests start
    the runs that tests see.
    """
    # The renewal of tokens, which is due each hour, starts no run where access is by API key.
    schedules = [cadence for cadence in CADENCES if cadence.cron and cadence is not TOKENS]

    def next_due(zone: str) -> datetime:
        ticks = [
            cadence.next_tick(now, ZoneInfo(zone), "http://127.0.0.1") for cadence in schedules
        ]
        return min(tick for tick in ticks if tick)

    return max((f"Etc/GMT{hours:+d}" for hours in range(-14, 13)), key=next_due)


def _sensor(name: str) -> dict[str, str]:
    return at("backlog_elt", sensorName=name)
