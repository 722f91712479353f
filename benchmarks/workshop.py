"""What measurements need: fresh home folders, processes whose memory is measured, and a controlled
simulator.

This process stays small, since a child's peak of memory starts from its parent's.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resources.warehouse.server import embedded
from simulator import SpawnedSimulator
from tests.ports import free_port

#: `ru_maxrss` is kB on Linux and bytes on macOS.
BYTES_PER_RSS = 1 if sys.platform == "darwin" else 1024
#: How long a busy machine may take to start everything.
READY_SECONDS = 120.0
OURS = ("BACKLOG_", "DAGSTER_", "WAREHOUSE_")


@dataclass(frozen=True)
class Ran:
    """A process that has ended: wall seconds, CPU seconds, the peak of its resident memory in MB,
    what it printed.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str

    @property
    def found(self) -> dict[str, Any]:
        """The JSON object that it printed last."""
        found: dict[str, Any] = json.loads(self.output.splitlines()[-1])
        return found


def run(command: Sequence[str], variables: Mapping[str, str], *, cwd: Path) -> Ran:
    """Run a command with none of this deployment's variables but the given ones.

    Raises:
        RuntimeError: it failed; the message ends with what it said.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env=_environment(variables),
            cwd=cwd,
        )
        # Not wait(): it keeps to itself what the process has used.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            said = (output.read() + errors.read()).decode(errors="replace")[-2_000:]
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {said}")
        return Ran(
            seconds,
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss * BYTES_PER_RSS / 1e6,
            output.read().decode(),
        )


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(OURS)},
        **variables,
    }


@dataclass(frozen=True)
class Home:
    """The folder of one deployment, and optionally the space that it loads (else its own simulated
    one).
    """

    folder: Path
    simulator: SpawnedSimulator | None = None

    @property
    def variables(self) -> dict[str, str]:
        """What its processes read from the environment."""
        source = (
            {"BACKLOG_URL": self.simulator.url, "BACKLOG_API_KEY": self.simulator.api_key}
            if self.simulator
            else {}
        )
        return {"BACKLOG_ELT_HOME": str(self.folder), **source}

    def python(self, *arguments: str) -> Ran:
        """Run `python -m …` in this deployment."""
        return run([sys.executable, "-m", *arguments], self.variables, cwd=self.folder)

    def load(self, *options: str) -> Ran:
        """Run `backlog-elt load --json`."""
        return self.python("pipelines", "load", "--json", "--no-progress", *options)


@contextmanager
def home(simulator: SpawnedSimulator | None = None) -> Iterator[Home]:
    """Yield a fresh home; its embedded server is stopped and its data removed afterwards."""
    with scratch() as folder:
        yield Home(folder, simulator)


@contextmanager
def served(place: Home, *, load: bool = False) -> Iterator[None]:
    """Run `backlog-elt up` in a deployment, on ports that are free, with its first `load` or
    without; it is stopped afterwards.
    """
    ports = ["--port", str(free_port()), "--service-port", str(free_port())]
    command = [sys.executable, "-m", "pipelines", "up", *ports, *([] if load else ["--no-load"])]
    with (place.folder / "up.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(place.variables),
            cwd=place.folder,
        )
    try:
        yield
        if process.poll() is not None:
            raise RuntimeError(
                f"up ended with {process.returncode}: "
                f"{(place.folder / 'up.log').read_text()[-2_000:]}"
            )
    finally:
        process.terminate()
        process.wait(60)


def ready(place: Home) -> dict[str, Any]:
    """Wait until the Dagster UI and the service of a running `up` answer, and return the object of
    `status --json`.

    Raises:
        RuntimeError: they do not.
    """
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        with suppress(OSError, ValueError, KeyError):
            found = json.loads((place.folder / "runtime.json").read_text())
            for url in (f"{found['dagster_url']}/server_info", f"{found['service_url']}/healthz"):
                urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - our own http URL
            return place.python("pipelines", "status", "--json").found
        time.sleep(0.1)
    raise RuntimeError(
        f"not ready within {READY_SECONDS:.0f} s: {(place.folder / 'up.log').read_text()[-2_000:]}"
    )


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a folder of our own in which an embedded server may come to run."""
    folder = Path(tempfile.mkdtemp(prefix="backlog-elt-bench-"))
    try:
        yield folder
    finally:
        embedded.stop(folder)
        shutil.rmtree(folder)


def control(
    simulator: SpawnedSimulator, path: str, body: Any = None, *, method: str | None = None
) -> Any:
    """Ask the simulator's control endpoint, or send it something."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 - our own http URL
        f"{simulator.url}/_simulator{path}", data, method=method
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own http URL
        return json.load(answer)


def slow_down(simulator: SpawnedSimulator, seconds: float) -> None:
    """Let the simulator take longer for each answer, until its faults are deleted."""
    control(simulator, "/faults", {"kind": "slow", "seconds": seconds, "times": None})


def api(simulator: SpawnedSimulator, path: str) -> Any:
    """Read from the simulated API itself."""
    mark = "&" if "?" in path else "?"
    url = f"{simulator.url}/api/v2{path}{mark}apiKey={simulator.api_key}"
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - our own http URL
        return json.load(answer)


@contextmanager
def counted(simulator: SpawnedSimulator) -> Iterator[dict[str, int]]:
    """Yield a mapping that after the block holds the requests that the simulator answered
    meanwhile: by bucket, and `total`.

    `milliseconds` is the time that it took to answer them, each from the request to the answer.
    """
    control(simulator, "/requests", method="DELETE")
    counts: dict[str, int] = {}
    yield counts
    requests = control(simulator, "/requests")
    counts.update(
        requests["bucket"], total=requests["total"], milliseconds=round(requests["seconds"] * 1_000)
    )
