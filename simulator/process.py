"""The simulator as a process: in the foreground, or as a child of another program."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal, Self, TypedDict, Unpack, get_args, get_type_hints

from simulator.clock import Clock
from simulator.life import Life
from simulator.limits import PLANS
from simulator.server import Simulator
from simulator.spec import SimulatorError, SpaceSpec, Switches, UsageError

START_SECONDS = 120
STOP_SECONDS = 5


def main_simulate(
    *,
    port: int,
    seed: int,
    users: int,
    projects: int,
    issues: int,
    alive: bool,
    life_file: Path | None,
    limits: str,
    ids: Literal["large", "int32"],
    switches: Switches,
    certificate: tuple[Path, Path] | None,
    until_stdin_closes: bool,
) -> None:
    """Serve a space until SIGINT or SIGTERM; the first line of output is `{"url": ..., "api_key":
    ...}`.

    With `alive`, life goes on. `life_file` stores it, so that a restart gives the same space: its
    history ends where life began. Without `alive`, a life file is played as far as it got, and then
    the space does not change. With `certificate` (PEM files of a certificate and its key) it serves
    HTTPS.

    Raises:
        SimulatorError: the port is taken, or an option cannot be used.
    """
    if limits not in PLANS:
        message = f"limits is {limits!r}: expected one of {', '.join(PLANS)}"
        raise UsageError(message)
    spec, clock = (
        SpaceSpec(seed=seed, users=users, projects=projects, issues=issues, ids=ids),
        Clock(),
    )
    now = datetime.fromtimestamp(int(clock.now()), UTC)
    life = Life(now) if alive else None
    if life_file is not None:
        life = Life.remembered(life_file, alive=alive, now=now)
    if life is not None:
        spec = replace(spec, history_end=life.start.isoformat())
    for file in certificate or ():
        if not file.is_file():
            message = (
                f"{file} is no file; --certificate takes a certificate and its key, both in PEM"
            )
            raise UsageError(message)
    simulator = Simulator(
        spec,
        switches=switches,
        limits=PLANS[limits],
        clock=clock,
        life=life,
        port=port,
        certificate=certificate,
    )

    def announce() -> None:
        # A signal may come before uvicorn handles signals, and uvicorn raises it again after it has
        # stopped.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: simulator.end_serving())
        print(  # noqa: T201 - the command's output
            json.dumps({"url": simulator.url, "api_key": simulator.api_key}), flush=True
        )
        if until_stdin_closes:
            threading.Thread(target=_end_with_stdin, daemon=True).start()

    simulator.serve(announce)


def switches_from(texts: Mapping[str, str]) -> Switches:
    """Return switches from `name=value` options.

    Raises:
        SimulatorError: there is no such switch, or it does not accept the value.
    """
    hints, values = get_type_hints(Switches), dict[str, Any]()
    for name, text in texts.items():
        if name not in hints:
            message = (
                f"no switch {name}; there are {', '.join(one.name for one in fields(Switches))}"
            )
            raise UsageError(message)
        choices: Sequence[str] = {bool: ("true", "false")}.get(hints[name], get_args(hints[name]))
        if hints[name] is int and text.isdigit():
            values[name] = int(text)
        elif text in choices:
            values[name] = text == "true" if hints[name] is bool else text
        else:
            message = (
                f"switch {name} is {text!r}: expected {' or '.join(choices) or 'a whole number'}"
            )
            raise UsageError(message)
    return Switches(**values)


@dataclass
class SpawnedSimulator:
    """A simulator in its own process, which ends with this process."""

    url: str
    api_key: str
    process: subprocess.Popen[str]

    def stop(self) -> None:
        """End the process and wait for it."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Options(TypedDict, total=False):
    """Options of `python -m simulator`; all have a default."""

    port: int
    seed: int
    users: int
    projects: int
    issues: int
    life_file: Path
    limits: str


#: Prefixes of the parent program's variables, which may be secret; a simulator needs none.
_OF_THE_PROGRAM = ("BACKLOG_", "WAREHOUSE_", "DAGSTER_")


def spawn_simulator(
    *,
    alive: bool = False,
    switches: Mapping[str, str] | None = None,
    certificate: tuple[Path, Path] | None = None,
    **options: Unpack[Options],
) -> SpawnedSimulator:
    """Start a simulator as a child process and return when it listens.

    The child watches its standard input, a pipe that closes when this process ends for any reason.

    Raises:
        SimulatorError: it did not start; the message is its output.
    """
    command = [sys.executable, "-m", "simulator", "--until-stdin-closes"]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    command += ["--alive"] if alive else []
    command += [] if certificate is None else ["--certificate", *map(str, certificate)]
    for name, text in (switches or {}).items():
        command += ["--switch", f"{name}={text}"]
    process = subprocess.Popen(  # noqa: S603 - our own module
        command,
        env={
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_OF_THE_PROGRAM)
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
        start_new_session=True,
    )
    if process.stdout is None or process.stderr is None:
        raise SimulatorError("the simulator has no output")
    watchdog = threading.Timer(START_SECONDS, process.kill)
    watchdog.start()
    try:
        line = process.stdout.readline()
    except BaseException:  # after Ctrl-C the process would keep running
        process.kill()
        raise
    finally:
        watchdog.cancel()  # or it keeps this process from ending
    if not line:
        process.wait()
        said = process.stderr.read().strip().splitlines()
        SpawnedSimulator("", "", process).stop()
        process.stderr.close()
        message = (
            said[-1].removeprefix("error: ") if said else f"it ended within {START_SECONDS} seconds"
        )
        raise SimulatorError(message)
    threading.Thread(target=_drain, args=(process.stderr,), daemon=True).start()
    known = json.loads(line)
    return SpawnedSimulator(known["url"], known["api_key"], process)


def _drain(pipe: IO[str]) -> None:
    """Read a pipe to its end, so that its writer never blocks."""
    with pipe:
        for _ in pipe:
            pass


def _end_with_stdin() -> None:
    while os.read(sys.stdin.fileno(), 4_096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
