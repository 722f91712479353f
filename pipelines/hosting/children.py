"""The processes that `backlog-elt up` starts: it watches them, and ends them together.

Each gets the secrets that it needs and no others: every program of its user can read its
environment. Runs work below the code server, which is where the daemon and the webserver let them
be started: these two need Dagster's own database and nothing else.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from pipelines.hosting.log_file import LogFile
from pipelines.hosting.stop_signals import StopSignals
from pipelines.processes import end_groups
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
_ALERTS = frozenset({ALERT_SLACK_URL, ALERT_TEAMS_URL, ALERT_SMTP_URL, ALERT_URLS})
#: Module -> secrets. `dagster` is the code server, where runs and alerts are, and the command that
#: starts a run.
NEEDED: Mapping[str, frozenset[str]] = {
    "dagster": _DAGSTER | _SPACE | _ALERTS,
    "pipelines.hosting.webserver": _DAGSTER,
    "pipelines.hosting.daemon": _DAGSTER,
    "service": _SPACE | {SERVICE_TOKEN, WEBHOOK_SECRET},
    "pipelines": _DAGSTER | _SPACE,
}
READY_SECONDS = 120.0


class UpError(RuntimeError):
    """`up` cannot start or has lost a process; the message says which and what to do."""


class Children:
    """Processes by name. Each leads a session of its own, writes to the log, and ends with `up`."""

    def __init__(self, log: LogFile, stop: StopSignals) -> None:
        self._log, self._stop = log, stop
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._passing: set[str] = set()

    def start(self, name: str, *module: str, passing: bool = False, output: Any = None) -> None:
        """Start `python -m …`: a module and its arguments.

        `passing`: it has an end; `up` ends when another one does. `output`: where it writes to, if
        not to the log.
        """
        if passing:
            self._passing.add(name)
        secrets = NEEDED.get(module[0], ())
        self._running[name] = subprocess.Popen(  # noqa: S603 - our own modules
            [sys.executable, "-m", "pipelines.hosting.child", *module],
            start_new_session=True,
            env={"GRPC_VERBOSITY": "ERROR", **without_secrets(os.environ, secrets)},
            stdin=subprocess.PIPE,  # closes when this process is gone
            stdout=output or self._log.file,
            stderr=self._log.file,
        )

    def check(self) -> dict[str, int]:
        """Return the exit codes of passing ones that have ended, each once; keep the log short.

        Raises:
            Stop: somebody asked for the end.
            UpError: one that stays for good has ended.
        """
        self._stop.sleep(0)
        self._log.keep_short()
        codes = {name: child.poll() for name, child in self._running.items()}
        ended = {name: code for name, code in codes.items() if code is not None}
        for name, code in ended.items():
            if name not in self._passing:
                raise UpError(f"the {name} ended with exit code {code}: see {self._log.path}")
            del self._running[name]
        return ended

    def works(self, name: str) -> bool:
        """Return whether one of that name has not ended yet."""
        return name in self._running

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
                raise UpError(f"{otherwise} within {READY_SECONDS:.0f} s: see {self._log.path}")
            self._stop.sleep(0.2)

    def end(self) -> None:
        """End all, and what they have started."""
        end_groups([*self._running.values()])
