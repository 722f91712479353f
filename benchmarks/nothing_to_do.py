"""A load with nothing to do beside many rows: `python -m benchmarks.nothing_to_do` (ten minutes).

A small space is loaded. Then its rows are copied: its issues at the simulated source, and with
their comments, changes and activities in the warehouse. What a load costs may not go by the rows
that it leaves alone, in time nor in the work of the server.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import psutil
from sqlalchemy import Engine, Table, text

from benchmarks.figures import Figure, show
from benchmarks.workshop import Home, scratch
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.server import embedded
from resources.warehouse.server.connect import engine
from resources.warehouse.state.schema_ops_records import issue_sync_state
from simulator import Simulator, SpaceSpec

FEW, MANY, COMMENTS = 2_000, 100_000, 1_000_000
#: How much more a load may cost beside many rows than beside few.
BOUND = 1.3
SPACE = SpaceSpec(seed=3, users=8, projects=3, issues=60, history_days=240)
#: Of so many loads of each home the least counts.
LOADS = 5
#: The ids of each copy lie so far from those of the one before it.
STEP = 1_000_000
_ID, _ISSUE = f"id + k * {STEP}", f"issue_id + k * {STEP}"
#: What is not the same in a copy of a row, by table.
_OF_ISSUES: Mapping[Table, Mapping[str, str]] = {
    SPECS["issues"].table: {
        "id": _ID,
        "key_id": "key_id + k * 1000",
        "issue_key": "split_part(issue_key, '-', 1) || '-' || (key_id + k * 1000)",
        "parent_issue_id": "NULL",
    },
    SPECS["comments"].table: {"id": _ID, "issue_id": _ISSUE},
    SPECS["issue_changes"].table: {
        "comment_id": f"comment_id + k * {STEP}",
        "issue_id": _ISSUE,
    },
    # Older than all that was read: the feed goes on after the newest.
    SPECS["activities"].table: {"id": f"id - k * {STEP}"},
    issue_sync_state: {"issue_id": _ISSUE},
}
_OF_COMMENTS = {SPECS["comments"].table: {"id": f"id + k * {1_000 * STEP}"}}


@dataclass(frozen=True)
class Served(Home):
    """A home that loads a simulated space of this process."""

    space: Simulator | None = None

    @property
    def variables(self) -> dict[str, str]:
        """What its processes read from the environment."""
        source = (
            {"BACKLOG_URL": self.space.url, "BACKLOG_API_KEY": self.space.api_key}
            if self.space
            else {}
        )
        return {**super().variables, **source}


@dataclass(frozen=True)
class _Case:
    """A home beside whose rows there is nothing to do."""

    name: str
    place: Home
    server: Engine

    def cost(self) -> tuple[float, float]:
        """Return the seconds of a load, and those of the server's CPU meanwhile."""
        before = _server_cpu(self.server)
        return self.place.load().seconds, _server_cpu(self.server) - before


def nothing_to_do(few: int, many: int, comments: int) -> Iterator[Figure]:
    """Load beside few and many issues, and beside many comments, and compare.

    All homes are there at once and load in turns, so that a machine that gets slower meanwhile does
    so for each of them.
    """
    with ExitStack() as stack:
        cases = [
            stack.enter_context(_grown(issues, more))
            for issues, more in ((few, 0), (many, 0), (few, comments))
        ]
        turns = [[case.cost() for case in cases] for _ in range(LOADS)]
    group = "load with nothing to do"
    costs = [
        [min(figures) for figures in zip(*of_case, strict=True)]
        for of_case in zip(*turns, strict=True)
    ]
    base, (seconds, cpu) = cases[0], costs[0]
    for case, (took, worked) in zip(cases, costs, strict=True):
        yield Figure(group, case.name, took, "s")
        yield Figure(group, f"{case.name}, the server's CPU", worked, "s")
        if case is not base:
            to_base = f"{case.name}, to {base.name}"
            yield Figure(group, to_base, took / seconds, "times", BOUND)
            yield Figure(group, f"{to_base}, the server's CPU", worked / cpu, "times", BOUND)


@contextmanager
def _grown(issues: int, comments: int) -> Iterator[_Case]:
    """Load a small space, copy its rows until they are as many, and load once more, which sees to
    what the copies have changed.
    """
    with scratch() as folder:
        with Simulator(SPACE) as simulator:
            Served(folder, space=simulator).load()
        copies = issues // SPACE.issues - 1
        grown = Simulator(SPACE)
        _copy_issues(grown, copies)
        server = engine(embedded.ensure_server(folder).url(embedded.WAREHOUSE))
        _copy_rows(server, _OF_ISSUES, copies)
        if comments:
            _copy_rows(server, _OF_COMMENTS, comments // _count(server, "raw.comments"))
        with server.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text("VACUUM ANALYZE"))
        with grown as simulator:
            place = Served(folder, space=simulator)
            place.load()
            more = f", {comments:,} comments" if comments else ""
            yield _Case(f"{issues:,} issues{more}", place, server)
        server.dispose()


def _copy_issues(simulator: Simulator, copies: int) -> None:
    space = simulator.space
    for issue in list(space.issues.values()):
        for k in range(1, copies + 1):
            copy = replace(
                issue, id=issue.id + k * STEP, key_id=issue.key_id + k * 1_000, parent_id=None
            )
            space.issues[copy.id] = space.projects[copy.project_id].issues[copy.id] = copy


def _copy_rows(server: Engine, tables: Mapping[Table, Mapping[str, str]], copies: int) -> None:
    with server.begin() as connection:
        for table, changed in tables.items():
            names = [column.name for column in table.c]
            as_written = {"loaded_at": "statement_timestamp()", **changed}
            values = ", ".join(as_written.get(name, name) for name in names)
            connection.execute(
                text(
                    f"INSERT INTO {table.fullname} ({', '.join(names)}) "
                    f"SELECT {values} FROM {table.fullname} "
                    "CROSS JOIN generate_series(1, CAST(:copies AS bigint)) AS copies(k)"
                ),
                {"copies": copies},
            )


def _count(server: Engine, table: str) -> int:
    with server.connect() as connection:
        query = text(f"SELECT count(*) FROM {table}")
        return int(connection.execute(query).scalar_one())


def _server_cpu(server: Engine) -> float:
    """Return the CPU seconds of the server so far: of its processes, and of those that have
    ended.
    """
    with server.connect() as connection:
        session = int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
    parent = psutil.Process(session).parent()
    if parent is None:
        raise RuntimeError("the server has ended")
    ended = parent.cpu_times()
    alive = [process.cpu_times() for process in (parent, *parent.children())]
    return sum(
        (times.user + times.system for times in alive),
        ended.children_user + ended.children_system,
    )


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--few", type=int, default=FEW)
    parser.add_argument("--many", type=int, default=MANY)
    parser.add_argument("--comments", type=int, default=COMMENTS)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    figures = nothing_to_do(chosen.few, chosen.many, chosen.comments)
    return show([figures], as_json=chosen.json)


if __name__ == "__main__":
    sys.exit(main())
