"""What a running `backlog-elt up` says of itself in `runtime.json`, so that commands beside it use the same space and servers.

Knows nothing of Dagster, so that a command that needs none starts at once and stays small.

Add here: another fact that a command beside `up` needs. Keep out: starting anything (`up.py`).
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.processes import end_processes, runs, started
from resources.secret import Secret, reveal
from resources.settings import Settings


@dataclass(frozen=True)
class Runtime:
    """What a running `backlog-elt up` says of itself: its process, its UI, its service and its simulated space, if it has one."""

    pid: int
    started: float
    dagster_url: str
    service_url: str
    backlog_url: str
    backlog_api_key: str | None
    children: dict[int, float]

    @classmethod
    def read(cls, home: Path) -> "Runtime | None":
        """Return what the running `up` of this home wrote, None when none runs."""
        runtime = cls._written(home)
        return runtime if runtime and runs(runtime.pid, runtime.started) else None

    @classmethod
    def _written(cls, home: Path) -> "Runtime | None":
        try:
            fields = json.loads((home / "runtime.json").read_text())
            return cls(**{**fields, "children": {int(pid): born for pid, born in fields["children"].items()}})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    @classmethod
    def end_orphans(cls, home: Path) -> int:
        """End the processes that an `up` left behind when it was killed, and return how many there were."""
        runtime = cls._written(home)
        if runtime is None or runs(runtime.pid, runtime.started):
            return 0
        orphans = [pid for pid, born in runtime.children.items() if runs(pid, born)]
        end_processes(orphans)
        return len(orphans)

    @classmethod
    def of_this_process(
        cls, dagster_url: str, service_url: str, space: Settings, children: Iterable[int], *, simulated: bool
    ) -> "Runtime":
        """Return the runtime of an `up` that runs in this process, with the processes that it has started."""
        pid = os.getpid()
        born = {child: started(child) or 0.0 for child in children}
        # The key of a real space stays in the environment; that of a simulated one opens nothing but itself.
        api_key = reveal(space.backlog_api_key) if simulated else None
        return cls(pid, started(pid) or 0.0, dagster_url, service_url, space.backlog_url or "", api_key, born)

    def write(self, home: Path) -> None:
        """Note the runtime, whole or not at all, readable by its owner only."""
        draft = home / f"runtime.json.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(self.__dict__))
        draft.replace(home / "runtime.json")

    @staticmethod
    def remove(home: Path) -> None:
        """Forget the runtime when `up` ends."""
        (home / "runtime.json").unlink(missing_ok=True)

    def fill(self, settings: Settings) -> Settings:
        """Return settings with what is unset there and known here: where Dagster is, and the simulated space."""
        url = settings.dagster_url or self.dagster_url
        if settings.backlog_url is not None or self.backlog_api_key is None:
            return replace(settings, dagster_url=url)
        return replace(settings, dagster_url=url, backlog_url=self.backlog_url, backlog_api_key=Secret(self.backlog_api_key))
