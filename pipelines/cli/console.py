"""What a person at a terminal sees of a load: bars while it runs, a table at the end."""

import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TextIO

from rich.box import Box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TaskID
from rich.progress import Progress as Bars
from rich.table import Column, Table
from rich.text import Text

from resources.conditions import WORDS
from resources.progress import UNITS, LogProgress, Progress
from resources.warehouse.connect import parse_url
from resources.warehouse.psql import psql_line

#: A line of dashes below the names of the columns.
_RULE = Box("    \n    \n -  \n    \n    \n -  \n    \n    \n", ascii=True)
#: Of a table that is written to a file or a pipe.
_WIDEST = 100_000


class BarProgress:
    """Progress as one bar a table, drawn on a terminal: those at work below, what is done above them."""

    def __init__(self, stream: TextIO) -> None:
        self._console = _Console(file=stream, highlight=False)
        whole = Column(no_wrap=True)
        columns = ("{task.description:<24}", BarColumn(24, table_column=whole), MofNCompleteColumn(table_column=whole))
        # What others write goes past the bars: standard output is for the result, and a command may have redirected it.
        self._bars = Bars(
            *columns, "{task.fields[unit]}", _Pace(), console=self._console, redirect_stdout=False, redirect_stderr=False,
            refresh_per_second=5, transient=True,
        )  # fmt: skip
        self._tasks: dict[str, TaskID] = {}

    def start(self, what: str, total: int | None) -> None:
        """Draw the bar of a table; one that is there begins again, with the total that is known now."""
        unit = UNITS.get(what, "rows")
        if what in self._tasks:
            self._bars.reset(self._tasks[what], total=total, unit=unit, note="")
            return
        self._tasks[what] = self._bars.add_task(what, total=total, unit=unit, note="")
        self._bars.start()

    def advance(self, what: str, rows: int) -> None:
        """Move the bar on."""
        if what in self._tasks:
            self._bars.update(self._tasks[what], advance=rows, note="")

    def wait(self, reason: str, seconds: float, until: datetime) -> None:
        """Say on the bar why nothing moves."""
        note = f"waiting up to {seconds:.0f} s for the {reason}, until {until.astimezone():%H:%M:%S}"
        for task in self._tasks.values():
            self._bars.update(task, note=note)
        if not self._tasks:
            self._console.print(note)

    def done(self, what: str, rows: Mapping[str, int], requests: Mapping[str, int]) -> None:
        """Leave the finished bar on the screen."""
        del rows, requests
        if what not in self._tasks:
            return
        number = self._tasks.pop(what)
        [task] = [one for one in self._bars.tasks if one.id == number]
        self._bars.update(number, total=task.completed, note="")
        self._console.print(self._bars.make_tasks_table([task]))
        self._bars.remove_task(number)
        if not self._tasks:
            self.close()

    def refresh(self) -> None:
        """Draw now what a thread draws five times a second."""
        self._bars.refresh()

    def close(self) -> None:
        """Take away what is still drawn, so that the next line begins on a line of its own."""
        self._bars.stop()


class _Console(Console):
    def show_cursor(self, show: bool = True) -> bool:
        """Leave the cursor: a process that is killed could not bring it back."""
        return False


class _Pace(ProgressColumn):
    """Why a bar does not move; else how long it has been drawn, how long it takes still, and how fast it is."""

    def __init__(self) -> None:
        super().__init__(Column(overflow="fold"))

    def render(self, task: Task) -> Text:
        took, left = timedelta(seconds=int(task.elapsed or 0)), task.time_remaining
        still = "" if task.finished or left is None else f", {timedelta(seconds=int(left))} left"
        return Text(task.fields["note"] or f"in {took}{still}, {task.completed / max(task.elapsed or 0, 0.1):,.0f}/s")


@contextmanager
def progress_for(stream: TextIO = sys.stderr, *, requested: bool = True) -> Iterator[Progress]:
    """Yield bars on a terminal, plain lines elsewhere, and only waits when `requested` is false; no bar is left at the end."""
    if not requested:
        yield LogProgress(write=lambda _line: None)
    elif stream.isatty() and os.environ.get("TERM") != "dumb":
        bars = BarProgress(stream)
        try:
            yield bars
        finally:
            bars.close()
    else:
        yield LogProgress(write=lambda line: print(line, file=stream, flush=True))


def summary_table(summary: Mapping[str, Any]) -> str:
    """Return what a load did, as lines for a terminal; `summary` is the object of `load --json`."""
    columns = ("read", "inserted", "updated", "unchanged", "deleted", "rejected")
    rows = [(name, *(f"{counts.get(column, 0):,}" for column in columns)) for name, counts in summary["tables"].items()]
    requests = summary["requests"]
    made = sum(count for name, count in requests.items() if name not in {"retries", "rate_limited"})
    by_bucket = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(requests.items()))
    of = ", from a simulated space" if summary.get("simulated") else ""
    return "\n".join(
        (
            table(("table", *columns), rows),
            "",
            f"{summary['status']} in {summary['seconds']:.1f} s with {made} requests ({by_bucket}){of}",
        )
    )


def status_table(found: Mapping[str, Any]) -> str:
    """Return the state of a deployment as lines for a terminal; `found` is the object of `status --json`."""
    limits = ", ".join(f"{name} {limit['remaining']}/{limit['limit']}" for name, limit in found["rate_limit"].items())
    lines = [
        ("space", f"{found['space'] or 'unknown'}{' (simulated)' if found['simulated'] else ''}"),
        ("connected", _connected(found)),
        ("access", _access(found["access"])),
        ("warehouse", _warehouse(found["warehouse"])),
        ("SQL", psql_line(found["warehouse"]["url"])),
        ("dagster", found["dagster"]["url"] or "not running: backlog-elt up starts it"),
        ("service", found["service"]["url"] or "not running"),
        ("rate limit", limits or "unknown"),
        ("last 24 hours", _last_day(found["last_24h"])),
        ("alerts", _alerts(found["alerts"])),
        ("active", "; ".join(_active(sync) for sync in found["active"]) or "nothing"),
    ]
    columns = ("sync_type", "mode", "status", "ended_at", "items_synced", "items_failed", "requests", "error")
    rows = [tuple(_cell(sync[column]) for column in columns) for sync in found["last_syncs"]]
    head = "\n".join(f"{name:<14} {value}" for name, value in lines)
    return f"{head}\n\n{table(columns, rows)}" if rows else f"{head}\n\nnothing was loaded yet: backlog-elt load"


def _warehouse(warehouse: Mapping[str, Any]) -> str:
    """Return where the tables are, in few words; the URL for programs is in `status --json`."""
    url = parse_url(warehouse["url"])
    if warehouse["embedded"]:
        folder = str(url.query.get("host", ""))  # of its socket: that of the data, but where its name is too long
        return f"embedded, in {folder}" if folder.endswith("/postgres") else "embedded"
    port = f":{url.port}" if url.port else ""
    return f"{url.database} on {url.host or url.query.get('host', 'this machine')}{port}, as {url.username}"


def _connected(found: Mapping[str, Any]) -> str:
    """Return whether the source can be read; if not, since when and why."""
    condition, said = found["condition"], "yes" if found["connected"] else "no"
    if condition:
        return f"{said}: it {WORDS[condition['kind']]} since {_cell(condition['since'])}: {condition['message']}"
    return said if found["connected"] else f"{said}: {found['connection_error']}"


def _last_day(figures: Mapping[str, Any]) -> str:
    """Return what the last 24 hours were: runs and how they ended first, then what their syncs did."""
    rate = figures["success_rate"]
    ended = f"{figures['completed']:,} completed, {figures['failed']:,} failed" + ("" if rate is None else f" ({rate:.1%} success)")
    rest = ", ".join(f"{figures[name]:,} {name}" for name in ("syncs", "items", "requests"))
    return f"{figures['runs']:,} runs: {ended}; {rest}"


def _access(access: Mapping[str, Any]) -> str:
    """Return how requests are signed, and what an operator must do about it, if anything."""
    if access["kind"] == "api_key":
        return "API key"
    until = f", good until {_cell(access['expires_at'])}" if access["expires_at"] else ""
    return f"OAuth{until}" + (f"; not renewed: {access['refused']}; run backlog-elt login" if access["refused"] else "")


def _alerts(alerts: Mapping[str, Any]) -> str:
    """Return whether somebody looks, whom it tells, and what is wrong now."""
    if alerts["alive"] is None:
        return "nobody looks: backlog-elt up starts it"
    dead = "" if alerts["alive"] else "NO SIGN OF LIFE since then: is the daemon running? "
    told = (
        f"sent by {', '.join(alerts['channels'])}" if alerts["channels"] else "no channel: set BACKLOG_ALERT_SLACK_URL or another"
    )
    wrong = "; ".join(f"{one['asset']}: {one['cause']}" for one in alerts["open"]) or "nothing is wrong"
    return f"{dead}{wrong} ({_cell(alerts['beat_at'])}, {told})"


def _active(sync: Mapping[str, Any]) -> str:
    """Return what runs, how far it is and, if it stands still, why and until when at the latest."""
    what = str(sync["sync_type"]) + (f" of {sync['project_key']}" if sync["project_key"] else "")
    done, total = sync["progress_done"], sync["progress_total"]
    if done is not None:
        what += f", {done:,}" + (f" of {total:,}" if total else "") + f" {UNITS.get(sync['sync_type'], 'rows')}"
    if not sync["waiting_for"]:
        return what
    until = sync["waiting_until"]
    return f"{what}: waiting for the {sync['waiting_for']}" + (f" until {until.astimezone():%H:%M:%S}" if until else "")


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone():%Y-%m-%d %H:%M:%S}"
    return "" if value is None else str(value)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as lines, numbers to the right; on a terminal no wider than that, long texts go on below."""
    made = Table(box=_RULE, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for number, name in enumerate(header):
        counts = bool(rows) and all(row[number].replace(",", "").isdigit() for row in rows)
        made.add_column(name, justify="right" if counts else "left", no_wrap=counts, overflow="fold")
    for row in rows:
        made.add_row(*map(Text, row))
    width = os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else _WIDEST
    console = Console(file=io.StringIO(), width=width or _WIDEST, color_system=None, force_terminal=False)
    with console.capture() as drawn:
        console.print(made)
    return "\n".join(line.rstrip() for line in drawn.get().splitlines())
