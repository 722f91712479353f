"""Rounds: in each, every way copies the same space, is run again, and again after changes; measured
from outside.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from benchmarks.peers.changes import Issue, a_day, editable, one_percent
from benchmarks.peers.contestants import Contestant
from benchmarks.peers.environments import ROOT, interpreter
from benchmarks.workshop import control, run, scratch, slow_down
from resources.warehouse.server.embedded import EmbeddedServer, ensure_server
from simulator import SpawnedSimulator, spawn_simulator

FIRST, QUIET, CHANGED, DAY = STEPS = ("first load", "nothing new", "1 % changed", "after a day")


@dataclass(frozen=True)
class Work:
    """How many issues, which tables are copied, and how long the source takes for an answer."""

    issues: int
    tables: tuple[str, ...] = ("issues",)
    milliseconds: int = 0

    @property
    def title(self) -> str:
        """Name the work."""
        tables = " with comments" if "comments" in self.tables else ""
        speed = f", {self.milliseconds} ms an answer" if self.milliseconds else ""
        return f"{self.issues:,} issues{tables}{speed}"


@dataclass(frozen=True)
class Measured:
    """One sync: seconds, processor seconds of the client and of PostgreSQL, MB of its largest
    process, requests, MB answered.
    """

    seconds: float
    cpu: float
    server_cpu: float
    peak_mb: float
    requests: float
    megabytes: float


@dataclass(frozen=True)
class Turn:
    """What one way did in one round; `truth` is the difference to the source in the end, by table.

    `failure` says why it has not come to the end; then there is nothing else.
    """

    work: str
    contestant: str
    round: int
    #: The version of PostgreSQL.
    server: str
    steps: dict[str, Measured] = field(default_factory=dict)
    truth: dict[str, dict[str, int]] = field(default_factory=dict)
    failure: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the turn as an object."""
        return asdict(self)


def contest(
    works: Sequence[Work], contestants: Sequence[Contestant], rounds: int
) -> Iterator[Turn]:
    """Yield the turns of all rounds, one by one; those who take part begin in turn."""
    able = []
    for one in contestants:
        try:
            interpreter(one.environment)
        except subprocess.CalledProcessError as error:
            yield Turn(
                works[0].title,
                one.name,
                0,
                "",
                failure=f"its environment cannot be set up ({error})",
            )
        else:
            able.append(one)
    with scratch() as folder:
        server = ensure_server(folder)
        for work in works:
            for number in range(rounds):
                first = number * len(able) // rounds
                for one in (*able[first:], *able[:first]):
                    place = _Place(server, folder, work)
                    try:
                        yield place.turn(one, number)
                    except RuntimeError as error:  # that one fails is a result; the others go on
                        print(f"Error: {one.name}: {error}", file=sys.stderr)
                        yield Turn(
                            work.title,
                            one.name,
                            number,
                            "",
                            failure=str(error).strip().splitlines()[-1],
                        )


@dataclass(frozen=True)
class _Place:
    server: EmbeddedServer
    folder: Path
    work: Work

    def turn(self, one: Contestant, number: int) -> Turn:
        """Let one way do all steps on a fresh space with empty databases."""
        turn = Turn(self.work.title, one.name, number, self._execute("SHOW server_version"))
        state = self.folder / "state"
        state.mkdir()
        self._databases("CREATE DATABASE {}")
        try:
            with spawn_simulator(issues=self.work.issues, limits="none") as simulator:
                variables = self._variables(one, simulator, state)
                for step, change in (
                    (FIRST, None),
                    (QUIET, None),
                    (CHANGED, one_percent),
                    (DAY, a_day),
                ):
                    issues: list[Issue] = editable(simulator) if step != QUIET else []
                    if change:
                        change(simulator, issues)
                    turn.steps[step] = self._sync(one, simulator, variables)
                    print(
                        f"  {self.work.title}, round {number + 1}, {one.name}, "
                        f"{step}: {turn.steps[step]}",
                        file=sys.stderr,
                    )
                if one.queries:
                    known = variables | {"PEER_QUERIES": json.dumps(one.queries)}
                    turn.truth.update(
                        run(
                            [sys.executable, "-m", "benchmarks.peers.truth"], known, cwd=state
                        ).found
                    )
        finally:
            self._databases("DROP DATABASE {} WITH (FORCE)")
            shutil.rmtree(state)
        return turn

    def _variables(
        self, one: Contestant, simulator: SpawnedSimulator, state: Path
    ) -> dict[str, str]:
        return {
            "BACKLOG_URL": simulator.url,
            "BACKLOG_API_KEY": simulator.api_key,
            "PEER_DATABASE_URL": self.server.url("peer"),
            "PEER_SECOND_DATABASE_URL": self.server.url("peer_dagster"),
            "PEER_STATE": str(state),
            "PEER_TABLES": ",".join(self.work.tables),
            "PYTHONPATH": str(ROOT),
            # Nobody is told that we measure.
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "DO_NOT_TRACK": "1",
            **one.variables,
        }

    def _sync(
        self, one: Contestant, simulator: SpawnedSimulator, variables: dict[str, str]
    ) -> Measured:
        command = [
            str(interpreter(one.environment)),
            "-m",
            f"benchmarks.peers.runners.{one.runner}",
        ]
        self._execute("CHECKPOINT")  # nobody writes what another has left
        control(simulator, "/requests", method="DELETE")
        if self.work.milliseconds:
            slow_down(simulator, self.work.milliseconds / 1_000)
        before = self._server_cpu()
        ran = run(command, variables, cwd=Path(variables["PEER_STATE"]))
        server_cpu = self._server_cpu() - before
        control(simulator, "/faults", method="DELETE")  # our own reads need not wait
        answered = control(simulator, "/requests")
        return Measured(
            round(ran.seconds, 2),
            round(ran.cpu_seconds, 2),
            round(server_cpu, 2),
            round(ran.peak_mb),
            answered["total"],
            round(answered["bytes"] / 1e6, 1),
        )

    def _server_cpu(self) -> float:
        """Return the processor seconds of PostgreSQL: the main process, those that have ended, and
        those that live.
        """
        main = psutil.Process(
            int((self.folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        )
        living = 0.0
        for one in main.children():
            with suppress(
                psutil.NoSuchProcess
            ):  # it has just ended, and is among those from now on
                times = one.cpu_times()
                living += times.user + times.system
        own = main.cpu_times()
        return living + own.user + own.system + own.children_user + own.children_system

    def _databases(self, statement: str) -> None:
        for name in ("peer", "peer_dagster"):
            self._execute(statement.format(name))

    def _execute(self, statement: str) -> str:
        """Run a statement outside of transactions, and return the value that it gives, if any."""
        with closing(psycopg2.connect(self.server.url("postgres"))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return str(cursor.fetchall()[0][0]) if cursor.description else ""
