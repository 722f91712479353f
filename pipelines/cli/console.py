"""What a person at a terminal sees of a load: bars while it runs, a table at the end."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Never, TextIO

from tqdm import tqdm

from resources.conditions import WORDS
from resources.progress import UNITS, LogProgress, Progress
from resources.warehouse.connect import parse_url
from resources.warehouse.psql import psql_line


class BarProgress:
    """Progress as one bar a table, drawn on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bars: dict[str, tqdm[Never]] = {}

    def start(self, what: str, total: int | None) -> None:
        """Draw the bar of a table; one that has not moved yet is drawn again with the total that is known now."""
        bar = self._bars.get(what)
        if bar is not None and not bar.n:
            bar.reset(total)
            return
        self._close(what)
        unit = f" {UNITS.get(what, 'rows')}"
        self._bars[what] = tqdm(
            desc=f"{what:<24}", total=total, unit=unit, file=self._stream, dynamic_ncols=True, leave=True, mininterval=0.2
        )

    def advance(self, what: str, rows: int) -> None:
        """Move the bar on."""
        if what in self._bars:
            self._bars[what].set_postfix_str("")
            self._bars[what].update(rows)

    def wait(self, reason: str, seconds: float, until: datetime) -> None:
        """Say on the bar why nothing moves."""
        note = f"waiting up to {seconds:.0f} s for the {reason}, until {until.astimezone():%H:%M:%S}"
        for bar in self._bars.values():
            bar.set_postfix_str(note)
        if not self._bars:
            self._stream.write(note + "\n")

    def done(self, what: str, rows: Mapping[str, int], requests: Mapping[str, int]) -> None:
        """Leave the finished bar on the screen."""
        del rows, requests
        self._close(what)

    def _close(self, what: str) -> None:
        bar = self._bars.pop(what, None)
        if bar is not None:
            bar.close()


def progress_for(stream: TextIO = sys.stderr, *, requested: bool = True) -> Progress:
    """Return bars on a terminal, plain lines elsewhere, and only waits when `requested` is false."""
    if not requested:
        return LogProgress(write=lambda _line: None)
    if stream.isatty():
        return BarProgress(stream)
    return LogProgress(write=lambda line: print(line, file=stream, flush=True))


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
            _table(("table", *columns), rows),
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
    return f"{head}\n\n{_table(columns, rows)}" if rows else f"{head}\n\nnothing was loaded yet: backlog-elt load"


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


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    numbers = [bool(rows) and all(row[i].replace(",", "").isdigit() for row in rows) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        aligned = (
            cell.rjust(width) if number else cell.ljust(width) for cell, width, number in zip(cells, widths, numbers, strict=True)
        )
        return "  ".join(aligned).rstrip()

    return "\n".join(line(row) for row in (header, ["-" * width for width in widths], *rows))
