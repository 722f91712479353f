"""What a started `up` does: a first load, then the marts, and a report of each build."""

import json
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

from pipelines.hosting.following import loaded

FIRST_LOAD, FIRST_MARTS, REPORT = "first load", "first build of the marts", "report"


def workspace_of(home: Path) -> Path:
    """Return the file that says where the code server of a home is."""
    return home / "dagster" / "workspace.yaml"


def written(file: IO[str]) -> str:
    """Return what a process has written to a file of ours so far."""
    file.seek(0)
    return file.read()


class FirstSteps:
    """The first load, then the marts, and a report of each build."""

    def __init__(
        self, children: Any, follower: Any, screen: Any, home: Path, summary: IO[str]
    ) -> None:
        """`summary`: a file for the object of `load --json`."""
        self._children, self._follower, self._screen = children, follower, screen
        self._summary = summary
        self._workspace, self._report = str(workspace_of(home)), str(home / "report.html")
        self._reported: int | None = None
        self._said = False

    def load(self) -> None:
        """Start the first load."""
        self._follower.loading_since = time.monotonic()
        words = ("pipelines", "load", "--json", "--no-progress")
        self._children.run(FIRST_LOAD, *words, then=self._loaded, output=self._summary)

    def _loaded(self, code: int) -> None:
        self._follower.loading_since = None
        summary: dict[str, Any] = {}
        with suppress(ValueError):
            summary = json.loads(written(self._summary))
        self._screen.say(loaded(code, summary))
        if not code:
            # The sensor, which looks every two minutes, builds the later ones.
            launch = ("dagster", "job", "launch", "-j", "marts", "-w", self._workspace)
            self._children.run(FIRST_MARTS, *launch, then=partial(self._failed, FIRST_MARTS))

    def look(self) -> None:
        """Write a report of a build that is new."""
        built = self._follower.built
        if built != self._reported and not self._children.runs(REPORT):
            self._reported = built
            words = ("pipelines", "report", "--out", self._report)
            self._children.run(REPORT, *words, then=self._written)

    def _written(self, code: int) -> None:
        self._failed(REPORT, code)
        if not code and not self._said:
            self._said = True
            where = f"tables in schema mart, report in {self._report}"
            self._screen.say(f"the marts are built: {where}")

    def _failed(self, name: str, code: int) -> None:
        if code:
            self._screen.say(f"the {name} has failed: see the log")
