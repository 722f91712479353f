"""`backlog-elt status`: the state of the deployment, as lines or as an object."""

import json
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import click

from pipelines.cli.group import examples, show
from resources.conditions import WORDS
from resources.progress import how_far
from resources.settings import Settings

#: What is unknown when a server does not answer.
_SILENT = {
    "warehouse": "what is stored and what fails is not known. Is its server overloaded or stopped?",
    "dagster": "runs that failed before their first step may be missing. Is the server of its "
    "storage overloaded or stopped?",
}


@click.command(
    "status", epilog=examples("backlog-elt status", "backlog-elt status --json | jq .last_syncs")
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status_command(as_json: bool) -> None:
    """Show how things stand.

    The connection, what runs, the last syncs, projects whose issues could not be read, the last 24
    hours, the rate limit, how many issues have their history stored, and how to reach the
    warehouse.
    """
    settings = Settings.of_this_process()
    from pipelines.cli.status_facts import status_object as read_status

    found = read_status(settings)
    show(
        json.dumps(found, ensure_ascii=False, default=datetime.isoformat)
        if as_json
        else status_table(found)
    )
    if "warehouse" in found["not_asked"]:
        sys.exit(1)


def status_table(found: Mapping[str, Any]) -> str:
    """Return the state of a deployment as lines for a terminal; `found` is the object of `status
    --json`.
    """
    from pipelines.cli.console import table
    from resources.warehouse.server.psql import psql_line

    limits = ", ".join(
        f"{name} {limit['remaining']}/{limit['limit']}"
        for name, limit in found["rate_limit"].items()
    )
    missing = found["not_asked"]
    lines = [
        ("space", f"{found['space'] or 'unknown'}{' (simulated)' if found['simulated'] else ''}"),
        ("connected", _connection_line(found)),
        ("access", _access_line(found["access"])),
        ("warehouse", _warehouse(found["warehouse"])),
        ("SQL", psql_line(found["warehouse"]["url"])),
        ("dagster", found["dagster"]["url"] or "not running: backlog-elt up starts it"),
        ("service", found["service"]["url"] or "not running"),
        ("rate limit", limits or "unknown"),
        *((f"{name}!", f"not asked: {why}; {_SILENT[name]}") for name, why in missing.items()),
    ]
    if "warehouse" in missing:
        return _head(lines)
    lines += [
        ("history", _history_line(found["history"])),
        *_failing(found["failing_projects"]),
        ("last 24 hours", _last_day(found["last_24h"])),
        ("alerts", _alerts(found["alerts"])),
        ("active", "; ".join(how_far(sync) for sync in found["active"]) or "nothing"),
    ]
    columns = (
        "sync_type",
        "mode",
        "status",
        "ended_at",
        "items_synced",
        "items_failed",
        "requests",
        "error",
    )
    rows = [tuple(_status_cell(sync[column]) for column in columns) for sync in found["last_syncs"]]
    rest = table(columns, rows) if rows else "nothing was loaded yet: backlog-elt load"
    return f"{_head(lines)}\n\n{rest}"


def _head(lines: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"{name:<14} {value}" for name, value in lines)


def _warehouse(warehouse: Mapping[str, Any]) -> str:
    """Return where the tables are, in few words; `status --json` has the URL for programs."""
    from resources.warehouse.server.connect import parse_url

    url = parse_url(warehouse["url"])
    if warehouse["embedded"]:
        # The folder of its socket: that of the data, unless its name is too long.
        folder = str(url.query.get("host", ""))
        return f"embedded, in {folder}" if folder.endswith("/postgres") else "embedded"
    port = f":{url.port}" if url.port else ""
    return (
        f"{url.database} on "
        f"{url.host or url.query.get('host', 'this machine')}{port}, as {url.username}"
    )


def _connection_line(found: Mapping[str, Any]) -> str:
    """Return whether the source can be read; if not, since when and why."""
    condition, said = found["condition"], "yes" if found["connected"] else "no"
    if condition:
        return (
            f"{said}: it {WORDS[condition['kind']]} since "
            f"{_status_cell(condition['since'])}: {condition['message']}"
        )
    return said if found["connected"] else f"{said}: {found['connection_error']}"


def _history_line(history: Mapping[str, Any]) -> str:
    """Return how many issues have their comments and changes stored, and the least time for the
    rest.
    """
    issues, complete, minutes = history["issues"], history["complete"], history["minutes_left"]
    if complete == issues:
        return f"all {issues:,} issues" if issues else "none"
    first = f"; {history['open_left']:,} open ones are next" if history["open_left"] else ""
    rest = "" if minutes is None else f"; at least {minutes:,} more minute{'s' * (minutes != 1)}"
    return f"{complete:,} of {issues:,} issues{first}{rest}"


def _failing(projects: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return a line with the projects whose issues could not be read, grouped by error; no line for
    none.
    """
    errors = {
        error: [key for key, its in projects.items() if its == error] for error in projects.values()
    }
    return (
        [("failing", "; ".join(f"{', '.join(keys)}: {error}" for error, keys in errors.items()))]
        if errors
        else []
    )


def _last_day(figures: Mapping[str, Any]) -> str:
    """Return the figures of the last 24 hours: runs and how they ended, then what their
    syncs did.
    """
    rate = figures["success_rate"]
    ended = f"{figures['completed']:,} completed, {figures['failed']:,} failed" + (
        "" if rate is None else f" ({rate:.1%} success)"
    )
    rest = ", ".join(f"{figures[name]:,} {name}" for name in ("syncs", "items", "requests"))
    return f"{figures['runs']:,} runs: {ended}; {rest}"


def _access_line(access: Mapping[str, Any]) -> str:
    """Return how requests are signed, and what an operator must do about it, if anything."""
    if access["kind"] == "api_key":
        return "API key"
    until = f", good until {_status_cell(access['expires_at'])}" if access["expires_at"] else ""
    return f"OAuth{until}" + (
        f"; not renewed: {access['refused']}; run backlog-elt login" if access["refused"] else ""
    )


def _alerts(alerts: Mapping[str, Any]) -> str:
    """Return whether the alerter works, its channels, and what is wrong now."""
    if alerts["alive"] is None:
        return "not running: backlog-elt up starts it"
    dead = "" if alerts["alive"] else "NO SIGN OF LIFE since then: is the daemon running? "
    channels = (
        f"sent by {', '.join(alerts['channels'])}"
        if alerts["channels"]
        else "no channel: set BACKLOG_ALERT_URLS or another"
    )
    wrong = (
        "; ".join(f"{one['asset']}: {one['cause']}" for one in alerts["open"]) or "nothing is wrong"
    )
    return f"{dead}{wrong} ({_status_cell(alerts['beat_at'])}, {channels})"


def _status_cell(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone():%Y-%m-%d %H:%M:%S}"
    return "" if value is None else str(value)
