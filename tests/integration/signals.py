"""A real `backlog-elt up` that is sent signals at random moments of its start, work and end."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx
import psutil

from pipelines.hosting.runtime import is_held
from tests.databases import home_of_its_own
from tests.integration.running import processes_of
from tests.ports import free_port

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: Within this time it must have ended, on a machine that is busy with other things.
BOUND_SECONDS = 90.0
#: What a killed `up` has left behind ends by itself within this time.
ORPHANS_SECONDS = 60.0


@dataclass(frozen=True)
class Try:
    """What was sent when (seconds from the start on), and how it went; `left` are the processes
    that were there afterwards.
    """

    sent: tuple[signal.Signals, ...]
    at: float
    code: int | None
    seconds: float
    left: tuple[str, ...]
    written: str

    @property
    def wrong(self) -> list[str]:
        """What is not as it should be, nothing mostly."""
        # Before it listens, the signal ends it as any program; afterwards it ends well, or at once
        # when asked twice.
        well = {0, *(-number for number in self.sent), *(128 + number for number in self.sent[1:])}
        found = [] if self.code in well else [f"ended with {self.code}"]
        found += [f"left {one}" for one in self.left]
        found += [
            f"wrote {line}"
            for line in self.written.splitlines()
            if "Traceback" in line or line.startswith("Error")
        ]
        return found


@dataclass
class Place:
    """A home, in which one `up` after the other is started."""

    home: Path
    rng: Random
    #: How long the last start took until the UI was shown; what a start may take is not known
    #: before.
    usual: float = 10.0
    _written: dict[int, Path] = field(default_factory=dict)

    def start(self, *options: str) -> "subprocess.Popen[str]":
        """Start `up` in a session of its own, as at a terminal."""
        ours = ("BACKLOG_", "DAGSTER_", "WAREHOUSE_", "_BACKLOG_")
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(ours)
        }
        ports = ("--port", str(free_port()), "--service-port", str(free_port()))
        written = self.home.parent / f"written-{len(self._written)}"
        with written.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "pipelines", "up", *ports, *options],
                env=environment | {"BACKLOG_ELT_HOME": str(self.home)},
                cwd=self.home.parent,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=file,
                text=True,
                start_new_session=True,
            )
        self._written[process.pid] = written
        return process

    def said(self, process: "subprocess.Popen[str]") -> str:
        """What a started one has written so far."""
        return self._written[process.pid].read_text()

    def attempt(self, sent: tuple[signal.Signals, ...], share: float) -> Try:
        """Start one, and send signals after a share of the time that a start usually takes; the
        second a little later.
        """
        began = time.monotonic()
        process = self.start(*self.rng.choice([(), ("--no-load",)]))
        try:
            while (
                process.poll() is None
                and not _listens(process)
                and time.monotonic() < began + BOUND_SECONDS
            ):
                time.sleep(0.005)  # before the first line of ours, Python itself answers
            self._sleep(process, began + share * self.usual)
            at = time.monotonic() - began
            for number in sent:
                process.send_signal(number)
                if number != sent[-1]:
                    self._sleep(process, time.monotonic() + self.rng.choice([0.0, 0.3, 1.5, 3.0]))
            asked, code = time.monotonic(), None
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(BOUND_SECONDS)
            took = time.monotonic() - asked
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        left = tuple(self._left(patient=code != 0))
        return Try(sent, at, code, took, left, self.said(process))

    def begin(self) -> None:
        """Start one until its UI is there, note how long that takes, and ask it to end."""
        began = time.monotonic()
        process = self.start("--no-load")
        try:
            while "Dagster UI" not in self.said(process):
                if process.poll() is not None or time.monotonic() > began + 2 * BOUND_SECONDS:
                    raise RuntimeError(f"up has not started:\n{self.said(process)}")
                time.sleep(0.1)
            self.usual = time.monotonic() - began
            url = json.loads((self.home / "runtime.json").read_text())["dagster_url"]
            httpx.get(f"{url}/server_info", timeout=BOUND_SECONDS).raise_for_status()
            process.terminate()
            if process.wait(BOUND_SECONDS):
                raise RuntimeError(f"up has not ended well:\n{self.said(process)}")
        finally:
            process.kill()
            process.wait()

    def _sleep(self, process: "subprocess.Popen[str]", until: float) -> None:
        while process.poll() is None and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.02))

    def _left(self, *, patient: bool) -> list[str]:
        """Return the processes of this home; of an `up` that could not end them itself, those that
        have not ended after a while.
        """
        end = time.monotonic() + (ORPHANS_SECONDS if patient else 0.0)
        while (found := self.processes()) and time.monotonic() < end:
            time.sleep(0.2)
        if is_held(self.home):
            found.append("the lock")
        return found

    def processes(self) -> list[str]:
        """Return every process that names this home in its command line or environment, but for the
        embedded PostgreSQL.
        """
        found = []
        for process in processes_of(self.home):
            with suppress(psutil.Error):
                command = " ".join(process.cmdline())
                server = process.name().startswith(("postgres", "initdb", "pg_ctl"))
                if not server and "ensure_pgdata_inited" not in command:
                    found.append(f"{process.pid} {command[-80:]}")
        return found


def _listens(process: "subprocess.Popen[str]") -> bool:
    """Say whether a process catches SIGHUP, or ignores it, as under `nohup`."""
    masks = dict(
        line.split(":\t")
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
        if line.startswith("Sig")
    )
    return bool((int(masks["SigCgt"], 16) | int(masks["SigIgn"], 16)) & 1)


@contextmanager
def place(rng: Random) -> Iterator[Place]:
    """Give an empty home, and leave nothing behind."""
    with home_of_its_own("signals") as home:
        yield Place(home, rng)
