"""What `up` starts one after the other: the first load, the marts, a report of each build."""

import io
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.hosting.first_steps import (
    FIRST_LOAD,
    FIRST_MARTS,
    MOST_LAUNCHES,
    REPORT,
    FirstSteps,
)
from resources.cadences import PAUSES


class Hosted:
    """All that the steps use: processes that end in the next look, and nothing to follow."""

    def __init__(self, code: int, builds: Sequence[int] = (), *, loads: bool = False) -> None:
        """Processes end with `code`; each look finds the next of `builds`."""
        self.code, self.builds, self.loads = code, builds, loads
        self.loading_since: float | None = None
        self.built: int | None = None
        self.disconnected = False
        self.started: list[str] = []
        self.said: list[str] = []
        self._ending: dict[str, Callable[[int], None]] = {}

    def run(self, name: str, *_: Any, then: Callable[[int], None], **__: Any) -> None:
        self.started.append(name)
        self._ending[name] = then

    def runs(self, name: str) -> bool:
        return name in self._ending

    def check(self) -> None:
        ended, self._ending = self._ending, {}
        for then in ended.values():
            then(self.code)

    def say(self, line: str) -> None:
        self.said.append(line)


@pytest.mark.parametrize(
    ("hosted", "started", "said"),
    [
        (Hosted(0, loads=True), [FIRST_LOAD, FIRST_MARTS], ""),
        (Hosted(1, loads=True), [FIRST_LOAD], "failed"),
        (Hosted(0, builds=(7, 7, 7, 8, 8)), [REPORT, REPORT], "report.html"),
        (Hosted(1, builds=(7, 7)), [REPORT], "report"),
    ],
    ids=["a load", "a load that fails", "two builds, of which one is shown", "no report"],
)
def test_marts_follow_the_first_load_and_a_report_each_build_in_one_line(
    tmp_path: Path, hosted: Hosted, started: list[str], said: str
) -> None:
    steps = FirstSteps(hosted, hosted, hosted, tmp_path, io.StringIO())
    if hosted.loads:
        steps.load()
    last = hosted.builds[-1] if hosted.builds else None
    for built in (*hosted.builds, last, last):
        hosted.built = built
        hosted.check()
        steps.look()
    assert hosted.started == started
    [line] = hosted.said
    assert said in line
    assert ("failed" in line) == (hosted.code == 1)
    assert hosted.loading_since is None


@pytest.mark.parametrize(
    ("causes", "pauses", "loads"),
    [
        (["database_busy"], len(PAUSES), 1 + len(PAUSES)),
        ([], len(PAUSES), 1 + len(PAUSES)),
        (["database_busy", "not_allowed"], len(PAUSES), 1),
        (["database_busy"], 0, 1),
    ],
    ids=["its cause passes", "killed", "a person has to", "often enough"],
)
def test_a_first_load_that_is_broken_off_is_said_and_started_again_three_times(
    tmp_path: Path, causes: list[str], pauses: int, loads: int
) -> None:
    hosted = Hosted(1)
    at_once = [timedelta(microseconds=1)] * pauses
    summary = io.StringIO()
    steps = FirstSteps(hosted, hosted, hosted, tmp_path, summary, at_once)
    steps.load()
    for _ in range(9):
        if causes and hosted.runs(FIRST_LOAD):
            json.dump({"errors": ["no"] * len(causes), "causes": causes}, summary)
        hosted.check()
        steps.look()
    assert hosted.started == [FIRST_LOAD] * loads
    *again, last = hosted.said
    assert all("; it goes on in " in line for line in again)
    assert last.endswith("; the schedules try again")
    assert len(hosted.said) == loads
    assert hosted.loading_since is None


def test_a_first_load_is_not_started_again_while_backlog_cannot_be_read(tmp_path: Path) -> None:
    hosted = Hosted(1)
    at_once = [timedelta(microseconds=1)]
    steps = FirstSteps(hosted, hosted, hosted, tmp_path, io.StringIO(), at_once)
    steps.load()
    hosted.disconnected = True
    for _ in range(3):
        hosted.check()
        steps.look()
    assert hosted.started == [FIRST_LOAD]
    hosted.disconnected = False
    steps.look()
    assert hosted.started == [FIRST_LOAD] * 2


def test_the_first_build_is_launched_again_and_then_left_to_the_sensor(tmp_path: Path) -> None:
    hosted = Hosted(0)
    steps = FirstSteps(hosted, hosted, hosted, tmp_path, io.StringIO())
    steps.load()
    hosted.check()
    hosted.code = 1
    for _ in range(9):
        hosted.check()
    assert hosted.started == [FIRST_LOAD] + [FIRST_MARTS] * MOST_LAUNCHES
    [line] = hosted.said
    assert "failed" not in line
