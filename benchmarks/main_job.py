"""The promises of the main job as figures: time, memory, requests, definitions, loader; each next
to its bound.

`python benchmarks/main_job.py` (`make bench`) takes about 17 minutes, `--quick` one to two with
smaller spaces. It exits with 1 when the data in the warehouse are not those of the source, and when
a figure is over its bound; on a machine that others use too, look twice at the latter.
"""

import argparse
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.figures import Figure, expect_equal, show
from benchmarks.workshop import Home, api, control, counted, home, run, scratch
from resources.warehouse.server import embedded
from simulator import SpawnedSimulator, spawn_simulator

ROOT = Path(__file__).resolve().parent.parent

DEFINITIONS = (
    "import dagster as dg; from pipelines.definitions import defs; "
    "dg.Definitions.validate_loadable(defs)"
)
LOAD_BOUND, SETUP_BOUND, DEFINITIONS_BOUND = 25.0, 90.0, 3.0
#: A load of a loaded warehouse whose source has not changed.
IDLE_BOUND = 6.0
MEMORY_BOUND = 50.0
QUIET_BOUND, CHANGED_BOUND, CHANGED = 10, 12, 100
PROJECTS = 20


def definitions() -> Iterator[Figure]:
    """Load the code location with an empty environment."""
    with tempfile.TemporaryDirectory() as folder:
        rounds = [run([sys.executable, "-c", DEFINITIONS], {}, cwd=Path(folder)) for _ in range(3)]
    yield Figure(
        "definitions",
        "load, empty environment, fastest of three",
        min(ran.seconds for ran in rounds),
        "s",
        DEFINITIONS_BOUND,
    )
    yield Figure("definitions", "load, processor", min(ran.cpu_seconds for ran in rounds), "s")


def simulated_load() -> Iterator[Figure]:
    """Load the simulated space of `make load` into a fresh home, and once more."""
    group = "make load, set up already: 5 projects, 2,000 issues"
    with home() as place:
        first = place.load()
        expect_equal(
            "issues inserted by a first load", first.found["tables"]["issues"]["inserted"], 2_000
        )
        second = place.load()
        _expect_nothing_new(second.found["tables"])
    for name, ran, bound in (("first load", first, LOAD_BOUND), ("second load", second, None)):
        requests = ran.found["requests"]
        yield Figure(group, name, ran.seconds, "s", bound)
        yield Figure(group, f"{name}, processor", ran.cpu_seconds, "s")
        yield Figure(group, f"{name}, requests", requests["read"] + requests["search"], "requests")
        yield Figure(group, f"{name}, peak memory", ran.peak_mb, "MB")


def idle_load() -> Iterator[Figure]:
    """Load a space in which nothing has changed: with the embedded server running, and started by
    the load.
    """
    group = "load with nothing to do, 5 projects, 2,000 issues"
    with spawn_simulator(issues=2_000, limits="none") as simulator, home(simulator) as place:
        for _ in range(2):  # the second one is the first with compiled modules and nothing new
            place.load()
        for name, before in (("server running", _leave), ("server started by it", embedded.stop)):
            rounds = []
            for _ in range(3):
                before(place.folder)
                rounds.append(place.load())
                _expect_nothing_new(rounds[-1].found["tables"])
            yield Figure(
                group,
                f"{name}, fastest of three",
                min(ran.seconds for ran in rounds),
                "s",
                IDLE_BOUND,
            )
            yield Figure(group, f"{name}, processor", min(ran.cpu_seconds for ran in rounds), "s")


def _leave(_home: Path) -> bool:
    return True


def setup() -> Iterator[Figure]:
    """Clone the committed state and run `make load` in it: needs the package index."""
    with scratch() as folder:
        clone = folder / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        ran = run(
            ["make", "load", f"PYTHON={sys.executable}"],
            {"BACKLOG_ELT_HOME": str(folder)},
            cwd=clone,
        )
        size = sum(
            file.stat().st_size
            for file in (clone / ".venv").rglob("*")
            if file.is_file() and not file.is_symlink()
        )
    yield Figure("make load on a fresh clone", "set-up and load", ran.seconds, "s", SETUP_BOUND)
    yield Figure("make load on a fresh clone", "size of .venv", size / 1e6, "MB")


def first_loads(sizes: Sequence[int], *, twice: bool) -> Iterator[Figure]:
    """Load projects of several sizes, `twice` for the second load too: memory, time and requests.
    The source has no latency.
    """
    peaks: dict[int, float] = {}
    for issues in sizes:
        group = f"first load of {issues:,} issues in one project"
        with (
            spawn_simulator(projects=1, issues=issues, limits="none") as simulator,
            home(simulator) as place,
        ):
            with counted(simulator) as requests:
                ran = place.load()
            expect_equal(
                f"{group}: inserted",
                ran.found["tables"]["issues"]["inserted"],
                control(simulator, "/")["issues"],
            )
            again = place.load() if twice else None
        peaks[issues] = ran.peak_mb
        yield Figure(
            group,
            "search requests",
            requests["search"],
            "requests",
            math.ceil(issues / 100) * 1.1 + 40,
        )
        yield Figure(group, "wall time", ran.seconds, "s")
        yield Figure(group, "rate", issues / ran.seconds, "rows/s")
        yield Figure(group, "processor", ran.cpu_seconds, "s")
        yield Figure(group, "peak memory of the load", ran.peak_mb, "MB")
        if again:
            _expect_nothing_new(again.found["tables"])
            yield Figure(group, "second load", again.seconds, "s")
    small, large = sorted(peaks)[-2:]
    name = f"peak with {large:,} issues less that with {small:,}"
    yield Figure("memory", name, peaks[large] - peaks[small], "MB", MEMORY_BOUND)


def schedules(issues: int) -> Iterator[Figure]:
    """Count the requests of the schedules' ticks and runs on a space of twenty projects."""
    group = f"schedules, {PROJECTS} projects"
    with (
        spawn_simulator(projects=PROJECTS, issues=issues, limits="none") as simulator,
        home(simulator) as place,
    ):
        place.load()
        for name, change, changed, bound in (
            ("issues, nothing changed", None, 0, QUIET_BOUND),
            (f"issues, {CHANGED} changed in an hour", _edit_one_by_one, CHANGED, CHANGED_BOUND),
            (f"issues, {CHANGED} changed in one second", _edit_in_bulk, CHANGED, CHANGED_BOUND),
        ):
            if change:
                change(simulator)
            requests = _tick(place, simulator, "issues", changed)
            # Each changed issue also costs a read of its comments, which benchmarks/exactness.py
            # looks at.
            yield Figure(
                f"{group}, without comments", name, requests["total"] - changed, "requests", bound
            )
        requests = _tick(place, simulator, "projects", 0)
        yield Figure(group, "projects", requests["total"], "requests", 7 * PROJECTS + 5)


def _tick(place: Home, simulator: SpawnedSimulator, kind: str, changed: int) -> dict[str, int]:
    with counted(simulator) as requests:
        ran = place.python("benchmarks.tick", kind)
    if kind == "issues":
        expect_equal(
            f"issues updated after {changed} were changed",
            ran.found["tables"]["issues"]["updated"],
            changed,
        )
    return requests


def _edit_one_by_one(simulator: SpawnedSimulator) -> None:
    now = datetime.fromisoformat(control(simulator, "/clock", {"advance": 3_600})["now"])
    for number, issue in enumerate(_editable(simulator)):
        moment = now - timedelta(seconds=3_500 - 30 * number)
        arguments = {"issue": issue["id"], "summary": f"Changed {number}", "at": moment.isoformat()}
        control(simulator, "/actions", {"action": "edit_issue", "arguments": arguments})


def _edit_in_bulk(simulator: SpawnedSimulator) -> None:
    now = control(simulator, "/clock", {"advance": 3_600})["now"]
    by_project: dict[int, list[int]] = {}
    for issue in _editable(simulator):
        by_project.setdefault(issue["projectId"], []).append(issue["id"])
    for ids in by_project.values():
        arguments = {"issues": ids, "estimated_hours": 7.25, "at": now}
        control(simulator, "/actions", {"action": "bulk_edit", "arguments": arguments})


def _editable(simulator: SpawnedSimulator) -> list[dict[str, int]]:
    """Return as many issues as are to be changed, of several projects, none of them archived."""
    active = [
        f"projectId[]={project['id']}" for project in api(simulator, "/projects?archived=false")
    ]
    issues: list[dict[str, int]] = api(
        simulator, f"/issues?count={CHANGED}&sort=updated&order=asc&{'&'.join(active)}"
    )
    return issues


def _expect_nothing_new(tables: dict[str, dict[str, int]]) -> None:
    news = {
        name: sum(counts[name] for counts in tables.values())
        for name in ("inserted", "updated", "deleted")
    }
    expect_equal("a second load", news, dict.fromkeys(news, 0))


def loader(rows: int) -> Iterator[Figure]:
    """Merge rows that are ready in memory, next to a plain COPY of the same payloads."""
    with (
        spawn_simulator(projects=1, issues=rows, limits="none") as simulator,
        home(simulator) as place,
    ):
        found = place.python("benchmarks.throughput", str(rows)).found
    expect_equal("rows given to the loader", found["rows"], rows)
    group = "loader, per 20,000 issues"
    for name, key in (
        ("merge into an empty table", "merge"),
        ("merge again, nothing new", "again"),
        ("plain COPY", "copy"),
    ):
        yield Figure(group, name, found[f"{key}_seconds"] * 20_000 / rows, "s")
    yield Figure(
        group, "merge, as a multiple of COPY", found["merge_seconds"] / found["copy_seconds"], "x"
    )
    yield Figure(
        group,
        "merge again, as a multiple of COPY",
        found["again_seconds"] / found["copy_seconds"],
        "x",
    )


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(
        description="Print the main job's figures next to their bounds."
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="smaller spaces: 2,000 and 6,000 issues instead of up to 100,000",
    )
    parser.add_argument(
        "--setup", action="store_true", help="also clone the repository and run `make load` there"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object instead of a table"
    )
    options = parser.parse_args()
    sizes = (2_000, 6_000) if options.quick else (2_000, 10_000, 100_000)
    parts: list[Callable[[], Iterator[Figure]]] = [
        definitions,
        simulated_load,
        idle_load,
        *([setup] if options.setup else []),
        lambda: first_loads(sizes, twice=not options.quick),
        lambda: schedules(2_000),
        lambda: loader(4_000 if options.quick else 20_000),
    ]
    return show((part() for part in parts), as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
