"""Loads in processes of their own, by the dozen: a process that has everything imported forks one
for each `backlog-elt load`.

A fork is a process like any other: it can be killed, and takes nothing with it but what it has
committed. Only the two seconds of imports are saved. `python -m tests.integration.exactness.forge`
is the one that forks; `Forge` is what a test holds.
"""

import gc
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import dagster as dg

from assets.partitions import PROJECTS
from pipelines.cli import main as command
from pipelines.cli.in_process import connection, run_job
from pipelines.hosting.environment import open_instance, prepare_storage
from pipelines.raw_definitions import build_raw_definitions
from pipelines.schedules import issues_request
from resources.progress import LogProgress
from resources.settings import Settings
from sync.watermarks import watermark_furthest_behind

ROOT = Path(__file__).parents[3]
#: What a load imports when it needs it: imported before, so that no fork has to.
NEEDED_LATER = (
    "dagster._core.storage.base_storage",
    "dagster._daemon",
    "dagster_postgres",
    "httpcore",
    "resources.warehouse.server.migrations",
    "tabulate",
    "upath.core",
)
PATIENCE_SECONDS = 120.0


class Forge:
    """Starts loads on one deployment; the process that forks ends with the `with` block."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        base = {
            name: os.environ[name]
            for name in ("PATH", "HOME", "LANG", "TMPDIR")
            if name in os.environ
        }
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.integration.exactness.forge"],
            cwd=ROOT,
            env={**base, "PYTHONPATH": str(ROOT), "DAGSTER_DISABLE_TELEMETRY": "true", **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._child = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait()

    def start(self, command: str, *options: str) -> int:
        """Start `backlog-elt load` with options, or as `issues` the run that the schedule requests;
        return its process.
        """
        self._pipe(self._process.stdin).write(json.dumps([command, *options]) + "\n")
        self._pipe(self._process.stdin).flush()
        self._child = int(self._answer()["pid"])
        return self._child

    def wait(self) -> tuple[int, str]:
        """Wait for the load to end; return its exit code (negative: the signal that killed it) and
        what it said.
        """
        answer = self._answer()
        return int(answer["code"]), str(answer["said"])

    def kill_after(self, seconds: float) -> None:
        """Kill the load that goes on, as `kill -9` does, a little later; nothing happens when it
        has ended by then.
        """
        timer = threading.Timer(seconds, self._kill, [self._child])
        timer.daemon = True
        timer.start()

    @staticmethod
    def _kill(child: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)

    def load(self, *options: str) -> dict[str, Any]:
        """Load to the end and return what `load --json` printed; raises AssertionError when it
        failed.
        """
        self.start("load", *options)
        code, said = self.wait()
        assert code == 0, said
        found: dict[str, Any] = json.loads(
            [line for line in said.splitlines() if line.startswith("{")][-1]
        )
        return found

    def _answer(self) -> Any:
        watchdog = threading.Timer(PATIENCE_SECONDS, self._process.kill)
        watchdog.start()
        line = self._pipe(self._process.stdout).readline()
        watchdog.cancel()
        assert line, "the process that starts loads has ended"
        return json.loads(line)

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


def main() -> None:
    """Import everything that a load needs, then fork one for each line of standard input."""
    definitions = build_raw_definitions({"progress": LogProgress()})
    definitions.resolve_job_def("issues")
    for name in NEEDED_LATER:
        import_module(name)
    # What is there stays: no fork needs to look through it, and to copy what it has looked at.
    gc.freeze()
    said = os.memfd_create("said")
    for line in sys.stdin:
        os.ftruncate(said, 0)
        child = os.fork()
        if child == 0:
            _become_a_load(json.loads(line), said, definitions)
        _tell({"pid": child})
        _, status = os.waitpid(child, 0)
        text = os.pread(said, 1_000_000, 0).decode(errors="replace")
        _tell({"code": os.waitstatus_to_exitcode(status), "said": text})


def _become_a_load(arguments: Sequence[str], said: int, definitions: dg.Definitions) -> None:
    for descriptor in (1, 2):
        os.lseek(said, 0, os.SEEK_SET)
        os.dup2(said, descriptor)
    devnull = os.open(os.devnull, os.O_RDONLY)
    os.dup2(devnull, 0)
    code: Any = 1
    try:
        if arguments[0] == "issues":
            code = _scheduled_run(definitions)
        else:
            command(
                [*arguments, "--json", "--no-progress"],
                prog_name="backlog-elt",
                standalone_mode=True,
            )
    except SystemExit as end:
        code = end.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


def _scheduled_run(definitions: dg.Definitions) -> int:
    """Do what the schedule of issues and its run do; what was seen wrong is printed."""
    prepare_storage(Settings.from_env(os.environ))
    with connection() as (_backlog, warehouse), open_instance() as instance:
        projects = instance.get_dynamic_partitions(str(PROJECTS.name))
        request = issues_request(projects, watermark_furthest_behind(warehouse.engine, projects))
        failures = list(run_job(definitions, instance, "issues", request.run_config, request.tags))
    sys.stdout.write("\n".join(one.line for one in failures))
    return bool(failures)


def _tell(answer: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
