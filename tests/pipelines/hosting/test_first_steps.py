"""What `up` starts one after the other: the first load, the marts, a report of each build."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipelines.hosting.first_steps import FIRST_LOAD, FIRST_MARTS, REPORT, FirstSteps


class Hosted:
    """All that the steps use: processes that end in the next look, and nothing to follow."""

    def __init__(self, code: int, builds: Sequence[int] = (), *, loads: bool = False) -> None:
        """Processes end with `code`; each look finds the next of `builds`."""
        self.code, self.builds, self.loads = code, builds, loads
        self.loading_since: float | None = None
        self.built: int | None = None
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
