"""A bad day: a real `up` at work, in which something is killed again and again.

By hand, an hour with a kill every five minutes, and its terminal at the end:

    python -m tests.integration.bad_day --minutes 60 --every 300
"""

import argparse
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx

from simulator import Fault, Simulator, SpaceSpec
from tests.databases import home_of_its_own
from tests.integration.commands import Shell
from tests.integration.compose import LAUNCH, at, graphql, launched, wait_until
from tests.integration.exactness.people import People
from tests.integration.running import child_of, processes_of
from tests.integration.terminal import Terminal
from tests.ports import free_port

SPEC = SpaceSpec(seed=7, users=3, projects=3, issues=40, history_days=120)
#: Whatever is killed, so long it may take until all is well again, on a machine that is busy with
#: other things; on one that has time it takes two minutes.
HEALED_SECONDS = 600.0
MODULES = {
    "code server": "pipelines.hosting.code_server",
    "webserver": "pipelines.hosting.webserver",
    "daemon": "pipelines.hosting.daemon",
    "sync service": "service",
}
#: What people do meanwhile: each change is told by the source.
CHANGES = ("create", "edit", "comment")
#: All that is killed: `up` at its terminal is stopped by Ctrl-C, as somebody does who goes home.
KILLED = (*MODULES, "PostgreSQL", "up", "Ctrl-C", "Backlog")
TABLES = [{"path": ["raw", table]} for table in ("issues", "comments", "issue_changes")]
BACKFILL = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) { __typename
    ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
  }
}"""
STATE = """
query State($keys: [AssetKeyInput!]!) {
  assetNodes(assetKeys: $keys) {
    partitionStats { numFailed numMaterializing }
    partitionKeysByDimension { name partitionKeys }
  }
  partitionBackfillsOrError { ... on PartitionBackfills { results { id status title } } }
  runsOrError(limit: 100) { ... on Runs { results { runId jobName status } } }
}"""


@dataclass
class Day:
    """A home in which one `up` after the other runs; `lines` are those of the terminals of all."""

    folder: Path
    sim: Simulator
    people: People
    port: int = field(default_factory=free_port)
    service_port: int = field(default_factory=free_port)
    works: int = 0
    _terminals: list[Terminal] = field(default_factory=list)

    @property
    def home(self) -> Path:
        """The home of all of them."""
        return self.folder / "home"

    @property
    def shell(self) -> Shell:
        """A shell beside them."""
        space = {"BACKLOG_URL": self.sim.url, "BACKLOG_API_KEY": self.sim.api_key}
        months = {"BACKLOG_HISTORY_START": "2026-03"}
        return Shell(self.folder, space | months | {"BACKLOG_ELT_HOME": str(self.home)})

    @property
    def lines(self) -> list[str]:
        """What somebody has seen so far."""
        return [line for one in self._terminals for line in one.lines if line]

    @property
    def up(self) -> Terminal:
        """The one that runs now."""
        return self._terminals[-1]

    def start(self) -> None:
        """Start `up`, and wait until its first load has ended and its servers answer."""
        ports = ("--port", str(self.port), "--service-port", str(self.service_port))
        self._terminals.append(self.shell.on_terminal("up", *ports))
        up = self.up
        wait_until(
            lambda: "  loaded: " in up.written or up.process.poll() is not None, self.said(), 300
        )
        assert up.process.poll() is None, self.said()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Let `up` end."""
        self.up.process.send_signal(how)
        self.up.process.wait(90)

    def work(self) -> None:
        """Start a backfill of all partitions, a sync and a build, and wait until one works."""
        self.works += 1
        self.people.burst(5, self.works)
        self.sim.faults.add(Fault("slow", times=None, seconds=0.3))
        [node, *_] = self.ask(STATE, keys=TABLES)["assetNodes"]
        dimensions = {one["name"]: one["partitionKeys"] for one in node["partitionKeysByDimension"]}
        names = [f"{p}|{m}" for p in dimensions["project"] for m in dimensions["updated_month"]]
        params = {"assetSelection": TABLES, "partitionNames": names}
        found = self.ask(BACKFILL, params=params)["launchPartitionBackfill"]
        assert found["__typename"] == "LaunchBackfillSuccess", found
        for job in ("projects", "marts"):
            launch = {"selector": at("backlog_elt", jobName=job)}
            launched(self.ask(LAUNCH, params=launch)["launchRun"])
        wait_until(
            lambda: any(
                run["status"] == "STARTED" and run["jobName"].startswith("__")
                for run in self.ask(STATE, keys=TABLES)["runsOrError"]["results"]
            ),
            "no backfill is at work",
        )

    def ask(self, query: str, **variables: Any) -> Any:
        """Ask Dagster."""
        return graphql(f"http://127.0.0.1:{self.port}", query, **variables)

    def kill(self, what: str) -> None:
        """Kill one of `KILLED`, and start it again where `up` does not."""
        if what in MODULES:
            child_of(self.up.process.pid, MODULES[what]).kill()
        elif what == "PostgreSQL":
            file = self.home / "postgres" / "postmaster.pid"
            os.kill(int(file.read_text().split()[0]), signal.SIGKILL)
        elif what == "Backlog":
            self.sim.stop()
            time.sleep(5)
            self.sim.start()
        else:
            self.stop(signal.SIGINT if what == "Ctrl-C" else signal.SIGKILL)
        self.sim.faults.clear()
        if self.up.process.poll() is not None:
            self.start()

    def wrong(self) -> list[str]:
        """Return what is not well yet: open problems, and in Dagster what is red, and backfills."""
        try:
            state = self.ask(STATE, keys=TABLES)
            status = f"http://127.0.0.1:{self.service_port}/api/v1/sync/connection/status"
            alerts = httpx.get(status, timeout=60).raise_for_status().json()["alerts"]
        except (httpx.HTTPError, AssertionError, ValueError) as error:
            return [f"no answer: {error}"]
        found = [f"{one['subject']}: {one['cause']}" for one in alerts["open"]]
        found += ["the alerter is silent"] if alerts["alive"] is False else []
        found += [] if state["assetNodes"] else ["Dagster has no assets"]
        for node in state["assetNodes"]:
            found += [f"{name} {count}" for name, count in node["partitionStats"].items() if count]
        newest = {run["jobName"]: run["status"] for run in state["runsOrError"]["results"][::-1]}
        found += [f"{job} is red" for job, status in newest.items() if status == "FAILURE"]
        return found + [
            f"backfill {one['title'] or one['id']}"
            for one in state["partitionBackfillsOrError"]["results"]
            if one["status"] == "REQUESTED"
        ]

    def heals(self) -> None:
        """Wait until all is well."""
        end = time.monotonic() + HEALED_SECONDS
        while (wrong := self.wrong()) and time.monotonic() < end:
            time.sleep(1)
        assert not wrong, f"{wrong}\n{self.said()}"

    def said(self) -> str:
        """Return what somebody has seen, and the end of the log."""
        log = self.home / "logs" / "up.log"
        tail = log.read_text(errors="replace").splitlines()[-60:] if log.exists() else []
        return "\n".join([*self.lines, *tail])


@contextmanager
def a_day() -> Iterator[Day]:
    """Give a day whose first load is done, and leave nothing behind."""
    with home_of_its_own("day") as home, Simulator(SPEC) as sim:
        day = Day(home.parent, sim, People(sim.space, CHANGES))
        try:
            day.start()
            yield day
        finally:
            with suppress(IndexError, subprocess.TimeoutExpired):
                day.stop()
            for process in processes_of(day.home):
                with suppress(Exception):
                    process.kill()


def main() -> None:
    """Live through a day, and print its terminals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--every", type=float, default=300.0, help="seconds between two kills")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = Random(options.seed)  # noqa: S311 - what is killed, no secret
    with a_day() as day:
        end = time.monotonic() + 60 * options.minutes
        while time.monotonic() < end:
            day.work()
            day.kill(rng.choice(KILLED))
            time.sleep(options.every)
        day.heals()
        equal = day.shell.run("verify", "--deep", "--no-progress")
        print("\n".join(day.lines))  # noqa: T201
        print(f"{len(day.lines)} lines; verify ends with {equal.code}: {equal.text}")  # noqa: T201
        assert equal.code == 0
        assert len(day.lines) < 100


if __name__ == "__main__":
    main()
