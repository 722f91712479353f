"""What a running `backlog-elt up` says of itself in `runtime.json`, so that other commands use the
same space and servers.

Knows nothing of Dagster, so that a command that needs none starts at once and stays small.
"""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.hosting.home_lock import is_held
from resources.secret import Secret, reveal
from resources.settings import Settings


@dataclass(frozen=True)
class Runtime:
    """What a running `backlog-elt up` says of itself: its process, its UI, its service and its
    simulated space, if it has one.
    """

    pid: int
    dagster_url: str
    service_url: str
    backlog_url: str
    backlog_api_key: str | None

    @classmethod
    def read(cls, home: Path) -> "Runtime | None":
        """Return what the running `up` of this home wrote, None when none runs, or one that has not
        come so far.
        """
        if not is_held(home):
            return None
        try:
            return cls(**json.loads((home / "runtime.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    @classmethod
    def of_this_process(
        cls, dagster_url: str, service_url: str, space: Settings, *, simulated: bool
    ) -> "Runtime":
        """Return the runtime of an `up` that runs in this process."""
        # The key of a real space stays in the environment; that of a simulated one opens nothing
        # but itself.
        api_key = reveal(space.backlog_api_key) if simulated else None
        return cls(os.getpid(), dagster_url, service_url, space.backlog_url or "", api_key)

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
        """Return settings with what is unset there and known here: where Dagster is, and the
        simulated space.
        """
        url = settings.dagster_url or self.dagster_url
        if settings.backlog_url is not None or self.backlog_api_key is None:
            return replace(settings, dagster_url=url)
        return replace(
            settings,
            dagster_url=url,
            backlog_url=self.backlog_url,
            backlog_api_key=Secret(self.backlog_api_key),
        )
