"""Many spaces in one deployment: `python -m benchmarks.spaces` (a quarter of an hour).

What does each further space cost in memory, by all processes together? How long until all are loaded? And does one that answers
late, or one whose server cannot start, delay the others? The spaces are small and answer at once: their number is what counts.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise

import psutil

from benchmarks.figures import Figure, expect_equal, show
from benchmarks.workshop import scratch
from resources.warehouse import embedded
from simulator import Fault, Simulator, SpaceSpec
from tests.integration.compose import SPACES, Engine, engine, listens, wait_until

FEW, MANY, PROJECTS, FIRST_MONTH = 2, 50, 2, "2026-01"
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
  sensorOrError(sensorSelector: $s) {... on Sensor {sensorState {ticks(limit: 100) {timestamp}}}}
}"""


@dataclass(frozen=True)
class Deployment:
    """Code servers, webserver and daemon of some simulated spaces."""

    engine: Engine
    spaces: dict[str, Simulator]

    def memory(self) -> dict[str, float]:
        """Return the MB of each service, and of PostgreSQL; what processes share is counted once."""
        found = {name: _memory(_family(process.pid)) for name, process in self.engine.running.items()}
        server = int((self.engine.folder / "postgres" / "postmaster.pid").read_text().split()[0])
        return {**found, "PostgreSQL": _memory(_family(server))}

    def load(self) -> list[str]:
        """Load the issues of all spaces, a run for each, and return how they ended."""
        runs = [self.engine.launch_issues(name, PROJECTS, FIRST_MONTH) for name in self.spaces]
        return self.engine.wait_for(*runs, seconds=PATIENCE_SECONDS)

    def gaps(self, spaces: Sequence[str], since: float) -> list[float]:
        """Return the seconds between ticks of the alerter since a moment, of some spaces."""
        found = []
        for space in spaces:
            selector = {"repositoryLocationName": space, "repositoryName": "__repository__", "sensorName": "alerts"}
            ticks = self.engine.ask(TICKS, s=selector)["sensorOrError"]["sensorState"]["ticks"]
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
        specs = [SpaceSpec(space_key=name, seed=index, users=5, projects=PROJECTS, issues=30) for index, name in enumerate(names)]
        spaces = {spec.space_key: stack.enter_context(Simulator(spec)) for spec in specs}
        variables = {
            name: {"BACKLOG_URL": sim.url, "BACKLOG_API_KEY": sim.api_key, "BACKLOG_HISTORY_START": FIRST_MONTH}
            for name, sim in spaces.items()
        }
        secrets = {"warehouse_url": server.url(), "dagster_url": server.url("dagster")}
        made = stack.enter_context(engine(folder, secrets, {}, SPACES))
        made.run("migrate")
        ports = made.write_spaces({**variables, **({"wrong": {"BACKLOG_URL": "nowhere"}} if wrong else {})})
        made.start("spaces", "--spaces", str(folder / "spaces"))
        wait_until(lambda: all(listens(ports[name]) for name in names), "not all are served", PATIENCE_SECONDS)
        for service in ("webserver", "daemon"):
            made.start(service)
        made.wait_healthy("webserver", "daemon")
        yield Deployment(made, spaces)


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
