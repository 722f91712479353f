"""What a started `up` does: a first load, then the marts, and a report of each build.

A first load that is broken off is started again after the pauses of all other loads, while Backlog
answers: here, since it is a command, and no sensor starts again what is one.
"""

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import IO, Any

from pipelines.hosting.following import loaded
from resources.cadences import PAUSES
from resources.problems.causes import cause_of

FIRST_LOAD, FIRST_MARTS, REPORT = "first load", "first build of the marts", "report"
#: So often the first build is launched while the code server does not answer.
MOST_LAUNCHES = 5


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
        self,
        children: Any,
        follower: Any,
        screen: Any,
        home: Path,
        summary: IO[str],
        pauses: Sequence[timedelta] = PAUSES,
    ) -> None:
        """`summary`: a file for the object of `load --json`. `pauses`: how long after each failure
        a load that was broken off is started again.
        """
        self._children, self._follower, self._screen = children, follower, screen
        self._summary = summary
        self._workspace, self._report = str(workspace_of(home)), str(home / "report.html")
        self._pauses = [*pauses]
        self._load_at: float | None = None
        self._reported: int | None = None
        self._said = False

    def load(self) -> None:
        """Start the first load, which goes on where one before was broken off."""
        self._follower.loading_since, self._load_at = time.monotonic(), None
        self._summary.seek(0)
        self._summary.truncate()
        words = ("pipelines", "load", "--json", "--no-progress", "--of-up")
        self._children.run(FIRST_LOAD, *words, then=self._loaded, output=self._summary)

    def _loaded(self, code: int) -> None:
        self._follower.loading_since = None
        summary: dict[str, Any] = {}
        with suppress(ValueError):
            summary = json.loads(written(self._summary))
        passes = all(cause_of(code).passes for code in summary.get("causes", ()))
        again = self._pauses.pop(0) if code and passes and self._pauses else None
        self._screen.say(loaded(code, summary, again))
        if again is not None:
            self._load_at = time.monotonic() + again.total_seconds()
        if not code:
            self._build(MOST_LAUNCHES)

    def _build(self, tries: int, code: int = 1) -> None:
        """Launch the first build of the marts, again while that fails; after that the sensor, which
        looks every two minutes, builds them as it builds the later ones.
        """
        if code and tries:
            launch = ("dagster", "job", "launch", "-j", "marts", "-w", self._workspace)
            self._children.run(FIRST_MARTS, *launch, then=partial(self._build, tries - 1))

    def look(self) -> None:
        """Start a load again that is due, and write a report of a build that is new."""
        due = self._load_at is not None and time.monotonic() >= self._load_at
        if due and not self._follower.disconnected:
            self.load()
        built = self._follower.built
        if built != self._reported and not self._children.runs(REPORT):
            self._reported = built
            words = ("pipelines", "report", "--out", self._report)
            self._children.run(REPORT, *words, then=self._written)

    def _written(self, code: int) -> None:
        if code:
            self._screen.say(f"the {REPORT} has failed: see the log")
        elif not self._said:
            self._said = True
            where = f"tables in schema mart, report in {self._report}"
            self._screen.say(f"the marts are built: {where}")
