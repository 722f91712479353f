"""The first marts of `up`: started when its load has ended well, and noted before, so that the
sensor does not start them too.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pytest

from pipelines.hosting import up
from pipelines.hosting.following import Follower
from pipelines.hosting.stop_signals import Stop
from pipelines.runs import marts_noted_at


class Hosted:
    """All that `up` watches: processes that end in the next look, and nothing to follow."""

    looks, ready = True, False

    def __init__(self, instance: dg.DagsterInstance, code: int, builds: Sequence[int] = ()) -> None:
        """Processes end with `code`; each look finds the next of `builds`, and the last one from
        then on.
        """
        self.instance, self.code = instance, code
        self.built: int | None = None
        self._builds = [*builds]
        self.started: list[str] = []
        self.noted: dict[str, bool] = {}
        self.said: list[str] = []
        self._ending: dict[str, int] = {}

    def start(self, name: str, *_: Any, **__: Any) -> None:
        self.started.append(name)
        self.noted[name] = marts_noted_at(self.instance) is not None
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
    def load_began(self) -> None: ...
    def load_ended(self, *_: Any) -> None: ...
    def keep_short(self) -> None: ...

    path = Path("up.log")


@pytest.mark.parametrize(
    ("code", "started"), [(0, [up.FIRST_LOAD, up.FIRST_MARTS]), (1, [up.FIRST_LOAD])]
)
def test_the_marts_follow_a_load_that_ended_well_and_are_noted_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int, started: list[str]
) -> None:
    instance = dg.DagsterInstance.ephemeral()

    @contextmanager
    def opened() -> Iterator[dg.DagsterInstance]:
        yield instance

    monkeypatch.setattr(up, "open_instance", opened)
    hosted: Any = Hosted(instance, code)
    began = datetime.now(UTC)
    with pytest.raises(Stop):
        up._watch(
            tmp_path,
            hosted,
            cast("Follower", hosted),
            hosted,
            hosted,
            hosted,
            "workspace.yaml",
            first_load=True,
        )
    assert hosted.started == started
    assert not hosted.noted[up.FIRST_LOAD]
    noted = marts_noted_at(instance)
    assert (noted is not None) == (code == 0)
    if noted:
        assert hosted.noted[up.FIRST_MARTS]
        assert began <= noted <= datetime.now(UTC)


def test_a_report_follows_each_build_and_only_the_first_is_said(tmp_path: Path) -> None:
    hosted: Any = Hosted(dg.DagsterInstance.ephemeral(), 0, builds=(7, 7, 7, 8, 8))
    with pytest.raises(Stop):
        up._watch(
            tmp_path,
            hosted,
            cast("Follower", hosted),
            hosted,
            hosted,
            hosted,
            "workspace.yaml",
            first_load=False,
        )
    assert hosted.started == [up.REPORT, up.REPORT]
    assert hosted.said == [f"the report is written: {tmp_path / 'report.html'}"]
