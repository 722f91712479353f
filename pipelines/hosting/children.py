"""The processes of `backlog-elt up`: it starts those that die again, and ends all together.

Each gets the secrets that it needs and no others: every program of its user can read its
environment. The daemon and the webserver let the code server start runs, and need none of theirs.
"""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, Self, TextIO

from pipelines.hosting.log_file import keep_short, last_lines
from pipelines.hosting.ports import is_free
from pipelines.hosting.screen import Screen
from pipelines.processes import end_groups
from pipelines.stop_signals import StopSignals
from resources.variables import (
    ALERT_SLACK_URL,
    ALERT_SMTP_URL,
    ALERT_TEAMS_URL,
    ALERT_URLS,
    API_KEY,
    CLIENT_SECRET,
    DAGSTER_POSTGRES_URL,
    PRIVACY_KEY,
    SERVICE_TOKEN,
    TOKEN_KEY,
    WAREHOUSE_URL,
    WEBHOOK_SECRET,
    without_secrets,
)

_DAGSTER = frozenset({DAGSTER_POSTGRES_URL})
_SPACE = frozenset({API_KEY, CLIENT_SECRET, TOKEN_KEY, PRIVACY_KEY, WAREHOUSE_URL})
_RUNS = _DAGSTER | _SPACE | {ALERT_SLACK_URL, ALERT_TEAMS_URL, ALERT_SMTP_URL, ALERT_URLS}
#: Module -> secrets. Runs and alerts are in the code server; `dagster` starts a run.
NEEDED: Mapping[str, frozenset[str]] = {
    "pipelines.hosting.code_server": _RUNS,
    "dagster": _RUNS,
    "pipelines.hosting.webserver": _DAGSTER,
    "pipelines.hosting.daemon": _DAGSTER,
    "service": _SPACE | {SERVICE_TOKEN, WEBHOOK_SECRET},
    "pipelines": _DAGSTER | _SPACE,
}
READY_SECONDS = 120.0
SPACE = "simulated space"
#: So many deaths of one within so many seconds end `up`.
MOST_DEATHS, WITHIN_SECONDS = 5, 600.0
LONGEST_WAIT_SECONDS = 60.0
#: Without the second, Dagster gives up a backfill that it looks at without a code server.
QUIET_AND_PATIENT = {
    "GRPC_VERBOSITY": "ERROR",
    "DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR": "1",
}
#: A database that is away is asked for again after so long.
ASK_SECONDS = 5.0
#: What listens nowhere is back when it has lived for so long.
BACK_SECONDS = 5.0
#: So many lines of the log are shown then.
SHOWN_LINES = 10


class UpError(RuntimeError):
    """`up` cannot start or has lost a process; the message says which and what to do."""


class Deaths:
    """How long to wait after each death: 1, 2, 4 … 60 s, from 1 again after ten quiet minutes."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=MOST_DEATHS)
        self._wait = 1.0

    def wait(self, now: float) -> float | None:
        """Note a death, and return the seconds until the next start; None: too many."""
        if self._times and now - self._times[-1] > WITHIN_SECONDS:
            self._wait = 1.0
        self._times.append(now)
        if len(self._times) == MOST_DEATHS and now - self._times[0] <= WITHIN_SECONDS:
            return None
        wait, self._wait = self._wait, min(2 * self._wait, LONGEST_WAIT_SECONDS)
        return wait


@dataclass
class _Kept:
    """What is started again, at `due`; `ended` says how it has ended, None: it works.

    `port`: where it listens. `vital`: `up` ends when it has died too often. `waits_for`: what it
    waits for, which has been said. `back_from`: when it was started again, until it is back.
    """

    start: Callable[[], None]
    ended: Callable[[], str | None]
    log: Path
    needs_database: bool
    port: int | None = None
    vital: bool = True
    waits_for: str = ""
    how: str = ""
    deaths: Deaths = field(default_factory=Deaths)
    due: float | None = None
    back_from: float | None = None

    @property
    def is_back(self) -> bool:
        """Whether what was started again works, which has not been said."""
        if self.back_from is None:
            return False
        if self.port is not None:
            return not is_free(self.port)
        return time.monotonic() - self.back_from >= BACK_SECONDS


class Children:
    """Processes by name. Each leads a session of its own, writes to the log, and ends with `up`.

    Until all that stay are `ready`, the end of one is the end of `up`: it would end again, mostly
    for its settings. `usable` asks whether Dagster's database answers. A process that ends while it
    does not, or while another program uses its port, is restarted later and not counted.

    `loads_at_work`: how many loads the end of all interrupts.
    """

    def __init__(
        self, log: TextIO, screen: Screen, stop: StopSignals, usable: Callable[[], bool]
    ) -> None:
        self.ready = False
        self.loads_at_work: Callable[[], int] = lambda: 0
        self._usable, self._away, self._ask_at = usable, False, 0.0
        self._log, self._screen, self._stop = log, screen, stop
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._kept: dict[str, _Kept] = {}
        self._passing: dict[str, Callable[[int], None]] = {}

    def keep(
        self,
        name: str,
        *module: str,
        output: IO[str] | None = None,
        port: int | None = None,
        vital: bool = True,
    ) -> None:
        """Start a module with arguments, and again when it dies; `output`: instead of the log.

        `port`: where it listens. Without `vital`, it never is the end of `up`.
        """
        start, ended = partial(self._start, name, module, output), partial(self._how_ended, name)
        start()
        log = Path(self._log.name)
        self._kept[name] = _Kept(start, ended, log, needs_database=True, port=port, vital=vital)

    def keep_other(
        self, name: str, start: Callable[[], None], ended: Callable[[], str | None], log: Path
    ) -> None:
        """Call `start` again whenever `ended` says how something has ended; it writes to `log`."""
        self._kept[name] = _Kept(start, ended, log, needs_database=False)

    def run(
        self, name: str, *module: str, then: Callable[[int], None], output: IO[str] | None = None
    ) -> None:
        """Start what has an end, and call `then` with its exit code."""
        self._start(name, module, output)
        self._passing[name] = then

    def runs(self, name: str) -> bool:
        """Say whether one of that name is at work."""
        return name in self._running

    def _start(self, name: str, module: tuple[str, ...], output: IO[str] | None) -> None:
        needed = NEEDED.get(module[0], ())
        self._running[name] = subprocess.Popen(  # noqa: S603 - our own modules
            [sys.executable, "-m", "pipelines.hosting.child", *module],
            start_new_session=True,
            env=QUIET_AND_PATIENT | without_secrets(os.environ, needed),
            stdin=subprocess.PIPE,  # closes when this process is gone
            stdout=output or self._log,
            stderr=self._log,
        )

    def _exit_code(self, name: str) -> int | None:
        """Return the exit code of a process, and end what it has left; None: it works."""
        code = self._running[name].poll()
        if code is not None:
            self._end([name])
        return code

    def _how_ended(self, name: str) -> str | None:
        code = self._exit_code(name)
        if code is None:
            return None
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def check(self) -> None:
        """Look after all of them, and keep the log short.

        Raises:
            Stop: somebody asked for the end.
            UpError: one has died before all were ready, or too often.
        """
        self._stop.sleep(0)
        keep_short(self._log)
        for name, then in [*self._passing.items()]:
            if (code := self._exit_code(name)) is not None:
                del self._passing[name]
                then(code)
        for name, kept in self._kept.items():
            if kept.due is None:
                if how := kept.ended():
                    kept.how, kept.waits_for = how, ""
                    kept.due = time.monotonic() + self._pause(name, kept, how)
                    kept.back_from = None
                elif kept.is_back:
                    kept.back_from = None
                    self._screen.say(f"the {name} is back")
            elif time.monotonic() >= kept.due:
                self._start_again(name, kept)

    def _start_again(self, name: str, kept: _Kept) -> None:
        """Start one that is due, or say once what it has to wait for."""
        before, kept.waits_for = kept.waits_for, self._waits(kept)
        if not kept.waits_for:
            kept.due, kept.back_from = None, time.monotonic()
            kept.start()
        elif kept.waits_for != before:
            self._screen.say(f"the {name} has ended ({kept.how}): it waits for {kept.waits_for}")

    def _pause(self, name: str, kept: _Kept, how: str) -> float:
        """Say that one has ended, and return the seconds until it is started again."""
        if not self.ready:
            said = "".join(f"{line}; " for line in last_lines(kept.log, 1))
            raise UpError(f"the {name} has ended ({how}): {said}see {kept.log}")
        if self._waits(kept):
            return 0
        wait = kept.deaths.wait(time.monotonic())
        if wait is None and kept.vital:
            self._screen.show("\n".join(last_lines(kept.log, SHOWN_LINES)))
            often = f"{MOST_DEATHS} times within {WITHIN_SECONDS / 60:.0f} minutes"
            raise UpError(f"the {name} has ended {often} (last: {how}): see {kept.log}")
        wait = LONGEST_WAIT_SECONDS if wait is None else wait
        self._screen.say(f"the {name} has ended ({how}): it is started again in {wait:.0f} s")
        return wait

    def _waits(self, kept: _Kept) -> str:
        """Return what one has to wait for before it is started, empty: nothing."""
        if kept.port is not None and not is_free(kept.port):
            return f"port {kept.port}, which another program has"
        if not kept.needs_database:
            return ""
        if time.monotonic() >= self._ask_at:
            self._away = not self._usable()
            self._ask_at = time.monotonic() + ASK_SECONDS
        return "the database" if self._away else ""

    def wait_until(self, ready: Callable[[], bool], otherwise: str) -> None:
        """Wait until they are ready.

        Raises:
            Stop: somebody asked for the end.
            UpError: one has ended, or it takes too long: `otherwise` says what is missing.
        """
        end = time.monotonic() + READY_SECONDS
        while not ready():
            self.check()
            if time.monotonic() > end:
                raise UpError(f"{otherwise} within {READY_SECONDS:.0f} s: see {self._log.name}")
            self._stop.sleep(0.2)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        """End all and what they have started, the space that they read from last."""
        if self._stop.first is not None:
            match self.loads_at_work():
                case 0:
                    what = ""
                case 1:
                    what = ": 1 load is interrupted and goes on at the next start"
                case loads:
                    what = f": {loads} loads are interrupted and go on at the next start"
            self._screen.say(f"stopping{what}")
        self._end(self._running.keys() - {SPACE})
        self._end(self._running.keys())

    def _end(self, names: Collection[str]) -> None:
        """End some and what they have started, which may outlive them."""
        ended = [self._running.pop(name) for name in [*names]]
        end_groups(ended)
        for one in ended:
            one.communicate()  # closes its pipe
