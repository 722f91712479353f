"""What a person at a terminal sees: bars, plain lines, tables."""

import io
import os
import re
import sys
from datetime import UTC, datetime

import pytest
from rich.cells import cell_len

from pipelines.cli.console import BarProgress, progress_for, table
from pipelines.cli.load_command import summary_table
from resources.progress import LogProgress, Progress

UNTIL = datetime(2026, 7, 1, 3, 4, 5, tzinfo=UTC)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def play(progress: Progress) -> None:
    progress.start("issues", 200)
    progress.advance("issues", 50)
    progress.wait("search rate limit of Backlog", 12.4, UNTIL)
    if isinstance(progress, BarProgress):
        progress.refresh()
    progress.advance("issues", 150)
    progress.done("issues", {"read": 200}, {"search": 3})


def drawn(stream: Terminal) -> str:
    """Return what was drawn, without colours and movements of the cursor."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())


@pytest.fixture(autouse=True)
def window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "150")


def test_a_terminal_gets_a_bar_that_ends_full_and_says_why_it_waits() -> None:
    stream = Terminal()
    with progress_for(stream) as progress:
        progress.start("issues", None)  # it starts again with a known end
        play(progress)
        progress.advance("never started", 5)
        progress.done("never started", {}, {})
    shown = drawn(stream)
    assert re.search(
        r"issues .* 50/200 rows *waiting up to 12 s for the search rate limit of Backlog, until "
        f"{UNTIL.astimezone():%H:%M:%S}",
        shown,
    )
    assert re.search(r"issues .*━ 200/200 rows *in 0:00:0\d, [\d,]+/s *\n", shown)
    assert "waiting" not in shown.splitlines()[-1]


def test_a_wait_before_the_first_bar_is_a_line() -> None:
    stream = Terminal()
    with progress_for(stream) as progress:
        progress.wait("read rate limit of Backlog", 3, UNTIL)
    assert stream.getvalue().startswith("waiting up to 3 s for the read rate limit of Backlog")


def test_a_bar_is_taken_away_when_the_work_fails_and_the_cursor_is_always_there() -> None:
    stream = Terminal()

    def fail() -> None:
        with progress_for(stream) as progress:
            progress.start("issues", 200)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert stream.getvalue().endswith("\x1b[2K")
    assert "\x1b[?25l" not in stream.getvalue()


@pytest.mark.parametrize("kind", ["no terminal", "dumb", "turned off"])
def test_what_is_no_terminal_or_cannot_draw_gets_plain_lines(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO() if kind == "no terminal" else Terminal()
    if kind == "dumb":
        monkeypatch.setenv("TERM", "dumb")
    with progress_for(stream, requested=kind != "turned off") as progress:
        assert not isinstance(progress, BarProgress)
        play(progress)
    lines = [
        "waiting up to 12 s for the search rate limit of Backlog, until 03:04:05 UTC",
        "issues: 200 read",
    ]
    assert stream.getvalue().splitlines() == ([] if kind == "turned off" else lines)


def test_a_long_load_says_every_quarter_of_a_minute_how_far_it_is() -> None:
    lines: list[str] = []
    now = iter([0.0, 10.0, 16.0, 16.0, 20.0])
    progress = LogProgress(write=lines.append, clock=lambda: next(now))
    progress.start("issues", 40_000)
    for _ in range(3):
        progress.advance("issues", 1_000)
    assert lines == ["issues: 2,000 rows of 40,000"]


SUMMARY = {
    "status": "completed",
    "simulated": False,
    "tables": {
        "issues": {
            "read": 12_345,
            "inserted": 1,
            "updated": 0,
            "unchanged": 12_344,
            "deleted": 0,
            "rejected": 0,
        },
        "users": {"read": 7},
    },
    "requests": {"read": 2, "search": 125, "retries": 1, "rate_limited": 0},
    "seconds": 12.34,
}


def test_the_summary_lines_up_its_numbers_and_counts_its_requests() -> None:
    _, _, issues, users, *_, last = summary_table(SUMMARY).splitlines()
    assert issues.split() == ["issues", "12,345", "1", "0", "12,344", "0", "0"]
    assert users.split() == ["users", "7", "0", "0", "0", "0", "0"]
    assert issues.index("12,345") + 6 == users.index("7") + 1  # right-aligned
    assert {"completed", "12.3", "127"} <= {*last.split()}
    assert "simulated" in summary_table(SUMMARY | {"simulated": True})


def test_a_table_on_a_terminal_is_no_wider_than_it_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [("課題", "12,345", "[red]gone: " + "a-word " * 30), ("users", "7", "")]
    assert len(table(("table", "rows", "error"), rows).splitlines()) == 4
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys.stdout, "fileno", lambda: 1, raising=False)
    monkeypatch.setattr(os, "get_terminal_size", lambda _number: os.terminal_size((60, 20)))
    lines = table(("table", "rows", "error"), rows).splitlines()
    assert max(cell_len(line) for line in lines) <= 60
    assert lines[2].startswith("課題   12,345  [red]gone: a-word")
    assert " ".join(lines).count("a-word") == 30
    assert lines[-1] == "users       7"
