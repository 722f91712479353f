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


def watch(hosted: Any, home: Path) -> None:
    with pytest.raises(Stop):
        up.watch(hosted, hosted, hosted, hosted, home)


@pytest.mark.parametrize(
    ("code", "started"), [(0, [up.FIRST_LOAD, up.FIRST_MARTS]), (1, [up.FIRST_LOAD])]
)
def test_the_marts_follow_a_first_load_that_has_ended_well(
    tmp_path: Path, code: int, started: list[str]
) -> None:
    hosted = Hosted(code, loads=True)
    watch(hosted, tmp_path)
    assert hosted.started == started
    [line] = hosted.said
    assert ("failed" in line) == (code == 1)


def test_a_report_follows_each_build_and_only_the_first_is_shown(tmp_path: Path) -> None:
    hosted = Hosted(0, builds=(7, 7, 7, 8, 8))
    watch(hosted, tmp_path)
    assert hosted.started == [up.REPORT, up.REPORT]
    [line] = hosted.said
    assert str(tmp_path / "report.html") in line


def test_a_report_that_fails_is_said(tmp_path: Path) -> None:
    hosted = Hosted(1, builds=(7, 7))
    watch(hosted, tmp_path)
    assert hosted.started == [up.REPORT]
    [line] = hosted.said
    assert "report" in line
