"""Processes that die are started again, slower each time, and not for ever."""

import io
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from pipelines.hosting import children as hosted
from pipelines.hosting.children import MOST_DEATHS, Children, Deaths, UpError
from pipelines.hosting.log_file import open_log
from pipelines.hosting.ports import HOST, is_free
from pipelines.hosting.screen import Screen
from pipelines.stop_signals import StopSignals
from tests.ports import free_port
from tests.waiting import eventually

LISTENING = """
import pathlib, socket, time
with socket.socket() as mine:
    mine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    mine.bind(("127.0.0.1", {port}))
    mine.listen()
    while not pathlib.Path({ended!r}).exists():
        time.sleep(0.05)
"""
DYING = """
import sys
with open({starts!r}, "a") as file:
    file.write(".")
sys.exit(3)
"""


@pytest.mark.parametrize(
    ("pauses", "waits"),
    [
        ([0, 10, 10, 10, 10], [1, 2, 4, 8, None]),
        ([0, 200, 200, 200, 200, 200, 200, 200], [1, 2, 4, 8, 16, 32, 60, 60]),
        ([0, 10, 10, 601, 10], [1, 2, 4, 1, 2]),
        ([0, 10, 10, 10, 590, 10], [1, 2, 4, 8, 16, 32]),
    ],
    ids=["at once", "now and then", "after quiet minutes", "four, and more when they are old"],
)
def test_the_wait_doubles_and_five_deaths_in_ten_minutes_are_too_many(
    pauses: list[float], waits: list[float | None]
) -> None:
    deaths, now = Deaths(), 0.0
    for pause, wait in zip(pauses, waits, strict=True):
        now += pause
        assert deaths.wait(now) == wait


@pytest.fixture
def log(tmp_path: Path) -> Iterator[TextIO]:
    """Return the log of a home."""
    with open_log(tmp_path) as opened:
        yield opened


def test_one_that_dies_is_started_again_and_before_all_are_ready_it_is_the_end(
    tmp_path: Path, log: TextIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dying.py").write_text("import sys; print('why'); sys.exit(3)")
    monkeypatch.chdir(tmp_path)
    said = io.StringIO()
    with Children(log, Screen(said), StopSignals(), lambda: True) as children:
        children.keep("one", "dying")
        with pytest.raises(UpError, match=r"the one has ended \(exit code 3\): why; see "):
            children.wait_until(lambda: False, "nothing")
    with Children(log, Screen(said), StopSignals(), lambda: True) as children:
        children.ready = True
        children.keep("other", "dying")

        def again() -> bool:
            children.check()
            return "in 2 s" in said.getvalue()

        eventually(again, 60)
    first, second = said.getvalue().splitlines()
    for line, seconds in ((first, 1), (second, 2)):
        assert f"the other has ended (exit code 3): it is started again in {seconds} s" in line


def test_what_dies_while_the_database_is_away_waits_for_it_and_is_not_counted(
    tmp_path: Path, log: TextIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lost.py").write_text("import sys; sys.exit(1)")
    monkeypatch.chdir(tmp_path)
    said, is_there = io.StringIO(), threading.Event()
    with Children(log, Screen(said), StopSignals(), is_there.is_set) as children:
        children.ready = True
        children.keep("one", "lost")

        def shown(part: str) -> bool:
            children.check()
            return part in said.getvalue()

        eventually(lambda: shown("it waits for the database"), 60)
        assert not children.runs("one")
        is_there.set()
        eventually(lambda: shown("it is started again in 1 s"), 60)
    assert len(said.getvalue().splitlines()) == 2


def test_what_dies_while_another_has_its_port_waits_for_it_and_is_not_counted(
    tmp_path: Path, log: TextIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, ended = free_port(), tmp_path / "end"
    (tmp_path / "listening.py").write_text(LISTENING.format(port=port, ended=str(ended)))
    monkeypatch.chdir(tmp_path)
    said = io.StringIO()
    with Children(log, Screen(said), StopSignals(), lambda: True) as children:

        def shown(part: str) -> bool:
            children.check()
            return part in said.getvalue()

        children.keep("one", "listening", port=port)
        children.wait_until(lambda: not is_free(port), "it does not listen")
        children.ready = True
        ended.touch()
        eventually(lambda: shown("it is started again in 1 s"))
        with socket.socket() as thief:
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            thief.bind((HOST, port))
            thief.listen()
            taken = f"it waits for port {port}, which another program has"
            eventually(lambda: shown(taken))
            for _ in range(2 * MOST_DEATHS):
                children.check()
            assert not children.runs("one")
            ended.unlink()
        eventually(lambda: shown("the one is back"))
        assert not is_free(port)
    assert len(said.getvalue().splitlines()) == 3


def test_one_that_is_not_vital_may_die_for_ever(
    tmp_path: Path, log: TextIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = tmp_path / "starts"
    (tmp_path / "dying.py").write_text(DYING.format(starts=str(starts)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hosted, "LONGEST_WAIT_SECONDS", 0.0)
    said = io.StringIO()
    with Children(log, Screen(said), StopSignals(), lambda: True) as children:
        children.ready = True
        children.keep("one", "dying", vital=False)

        def goes_on() -> bool:
            children.check()
            return starts.exists() and starts.stat().st_size > 2 * MOST_DEATHS

        eventually(goes_on, 120)
    assert "the one has ended (exit code 3): it is started again in 0 s" in said.getvalue()


@pytest.mark.parametrize(
    ("loads", "said"),
    [
        (0, "stopping"),
        (1, "stopping: 1 load is interrupted and goes on at the next start"),
        (2, "stopping: 2 loads are interrupted and go on at the next start"),
    ],
)
def test_what_a_stop_interrupts_is_said(log: TextIO, loads: int, said: str) -> None:
    written, stop = io.StringIO(), StopSignals()
    with Children(log, Screen(written), stop, lambda: True) as children:
        children.loads_at_work = lambda: loads
        stop.first = signal.SIGINT
    assert written.getvalue().rstrip().endswith(said)
