"""What `up` starts one after the other: the first load, the marts, a report of each build."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipelines.hosting import up
from pipelines.hosting.stop_signals import Stop


class Hosted:
    """All that `up` watches: processes that end in the next look, and nothing to follow."""

    def __init__(self, code: int, builds: Sequence[int] = (), *, loads: bool = False) -> None:
        """Processes end with `code`; each look finds the next of `builds`, the last one again."""
        self.code = code
        self.loading_since = 0.0 if loads else None
        self.built: int | None = None
        self._builds = [*builds]
        self.started: list[str] = []
        self.said: list[str] = []
        self._ending: dict[str, int] = {}

    def start(self, name: str, *_: Any, **__: Any) -> None:
        self.started.append(name)
        self._ending[name] = self.code

    def works(self, name: str) -> bool:
        return name in self._ending

    def check(self) -> dict[str, int]:
        if self._builds:
            self.built = self._builds.pop(0)
        elif not self._ending:
            raise Stop
        ended, self._ending = self._ending, {}
        return ended

    def say(self, line: str) -> None:
        self.said.append(line)

    def sleep(self, _: float) -> None: ...


@pytest.mark.parametrize(
    ("hosted", "started", "said"),
    [
        (Hosted(0, loads=True), [up.FIRST_LOAD, up.FIRST_MARTS], ""),
        (Hosted(1, loads=True), [up.FIRST_LOAD], "failed"),
        (Hosted(0, builds=(7, 7, 7, 8, 8)), [up.REPORT, up.REPORT], "report.html"),
        (Hosted(1, builds=(7, 7)), [up.REPORT], "report"),
    ],
    ids=["a load", "a load that fails", "two builds, of which one is shown", "no report"],
)
def test_marts_follow_the_first_load_and_a_report_each_build_in_one_line(
    tmp_path: Path, hosted: Any, started: list[str], said: str
) -> None:
    with pytest.raises(Stop):
        up.watch(hosted, hosted, hosted, hosted, tmp_path)
    assert hosted.started == started
    [line] = hosted.said
    assert said in line
    assert ("failed" in line) == (hosted.code == 1)
