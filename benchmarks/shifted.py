"""A deployment whose clock is not that of the machine: the time that its processes see leaps ahead
on request.

It needs libfaketime, which is loaded into each process.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from benchmarks.workshop import Home, control, scratch
from resources.warehouse.server import embedded
from simulator import SpawnedSimulator, spawn_simulator
from tests.ports import free_port


@dataclass(frozen=True)
class Shifted(Home):
    """A home whose processes read a clock that is ahead of the real one, by what a file says."""

    library: Path = Path()

    @property
    def variables(self) -> dict[str, str]:
        """What its processes read from the environment: clocks that only measure spans stay real,
        and with them sleeps.
        """
        return {
            **super().variables,
            "BACKLOG_TIMEZONE": "UTC",
            "DAGSTER_HOME": str(self.folder / "dagster"),
            "LD_PRELOAD": str(self.library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    @property
    def _file(self) -> Path:
        return self.folder / "clock"

    def leap(self, seconds: float) -> None:
        """Let all clocks be so far ahead of the real one; a reader sees the old or the new, nothing
        between.
        """
        aside = self._file.with_suffix(".new")
        aside.write_text(f"+{seconds:.0f}\n")
        aside.chmod(0o644)
        aside.rename(self._file)


@dataclass
class Deployed:
    """A code server and a daemon on an embedded PostgreSQL, which can be killed and started again,
    and their clock.
    """

    place: Shifted
    variables: dict[str, str]
    simulator: SpawnedSimulator
    port: int
    children: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    ahead: float = 0.0

    @property
    def now(self) -> datetime:
        """What its clocks show."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def leap(self, seconds: float) -> None:
        """Let the clocks of the space and of all processes leap ahead."""
        self.ahead += seconds
        control(self.simulator, "/clock", {"advance": seconds})
        self.place.leap(self.ahead)

    def start(self, *names: str) -> None:
        """Start the code server, the daemon, or both."""
        server = ["pipelines.hosting.code_server", "-h", "127.0.0.1", "-p", str(self.port)]
        workspace = str(self.place.folder / "dagster" / "workspace.yaml")
        modules = {
            "code server": server,
            "daemon": ["benchmarks.shifted_daemon", "run", "-w", workspace],
        }
        for name in names:
            command = [sys.executable, "-m", *modules[name], "--log-level", "warning"]
            with (self.place.folder / f"{name.replace(' ', '-')}.log").open("ab") as log:
                self.children[name] = subprocess.Popen(
                    command,
                    env={**os.environ, **self.variables},
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )

    def kill(self, name: str) -> None:
        """End a process and its children by force."""
        child = psutil.Process(self.children[name].pid)
        for process in (*child.children(recursive=True), child):
            with suppress(psutil.Error):
                process.kill()
        self.children[name].wait()

    def kill_a_run(self) -> bool:
        """End the process of a run by force; False when none is at work."""
        for process in psutil.process_iter(["cmdline"]):
            with suppress(psutil.Error):
                mine = process.environ().get("BACKLOG_ELT_HOME") == str(self.place.folder)
                # A run is a process that the code server has spawned.
                if mine and "spawn_main" in " ".join(process.info["cmdline"] or []):
                    process.send_signal(signal.SIGKILL)
                    return True
        return False


@contextmanager
def deployed(library: Path) -> Iterator[Deployed]:
    """Start everything on a simulated space, loaded once."""
    with scratch() as folder, spawn_simulator(projects=3, issues=300) as simulator:
        place = Shifted(folder, simulator, library)
        folder.chmod(0o755)  # the server of root runs as another user, and reads the clock
        place.leap(0)
        place.load()
        port = free_port()
        location = f"{{host: 127.0.0.1, port: {port}, location_name: backlog_elt}}"
        (folder / "dagster" / "workspace.yaml").write_text(
            f"load_from:\n  - grpc_server: {location}\n"
        )
        server = embedded.ensure_server(folder)
        databases = {
            "WAREHOUSE_URL": server.url(embedded.WAREHOUSE),
            "DAGSTER_POSTGRES_URL": server.url(embedded.DAGSTER),
        }
        variables = place.variables | databases
        made = Deployed(place, variables, simulator, port)
        made.start("code server", "daemon")
        # Only what an instance of Dagster reads: the clock of this process is the real one.
        os.environ |= {name: variables[name] for name in ("DAGSTER_HOME", "DAGSTER_POSTGRES_URL")}
        try:
            yield made
        finally:
            for name in ("daemon", "code server"):
                made.kill(name)
