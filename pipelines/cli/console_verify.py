"""A comparison for people at a terminal: a line for each project, and a table of rows
that differ.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import cell_len, set_cell_size

from pipelines.cli.console import table
from resources.redact import plain_line

#: Differences that the table shows; the line above it counts all.
SHOWN = 50
_NUMBERS = ("source", "warehouse", "differences", "behind", "quarantined")
_LISTED = ("table", "project", "row", "difference", "at source", "in warehouse")
#: The widest value, in columns of the terminal.
WIDEST = 60


def verified_table(found: Mapping[str, Any]) -> str:
    """Return a comparison as lines for a terminal; `found` is the object of `verify --json`."""
    projects = found["projects"]
    rows = [(one["project"], _status(one), *_numbers(one), _until(one)) for one in projects]
    parts = [table(("project", "status", *_NUMBERS, "loaded until"), rows)]
    if found["how"] == "rows":
        tables = [(name, *_numbers(one), _count_note(one)) for name, one in found["tables"].items()]
        parts.append(table(("table", *_NUMBERS, "note"), tables))
    repaired = sum(found["repaired"].values())
    if repaired:
        parts.append(
            _listed_rows(
                f"{repaired:,} {'row was' if repaired == 1 else 'rows were'} "
                "different and repaired",
                repaired,
                found["repaired_rows"],
            )
        )
    if found["differences"]:
        total = sum(one[name] for one in found["tables"].values() for name in _NUMBERS[2:])
        words = (
            f"{total:,} "
            f"{'row differs' if total == 1 else 'rows differ'}{' still' if repaired else ''}"
        )
        parts.append(_listed_rows(words, total, found["differences"]))
    parts.append(_last(found))
    return "\n\n".join(parts)


def _numbers(one: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{one[name]:,}" for name in _NUMBERS)


def _count_note(one: Mapping[str, Any]) -> str:
    """Return why the two numbers of a table differ although no row does."""
    if one["source"] == one["warehouse"] or any(one[name] for name in _NUMBERS[2:]):
        return ""
    if one["partial"]:
        return "the source did not show all of it"
    return "with the issues that are gone"


def _status(project: Mapping[str, Any]) -> str:
    """Return the status of a project; `equal` alone means the same rows on both sides."""
    if project["status"] != "equal":
        return str(project["status"])
    if not project["conclusive"]:
        return "not compared whole"
    return "equal but for quarantine" if project["quarantined"] else "equal"


def _listed_rows(head: str, total: int, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a heading with the first rows below it."""
    lines = [
        (
            one["table"],
            one["project"] or "",
            _plain_cell(f"{one['label']} ({one['key']})" if one["label"] else one["key"]),
            f"{one['kind']}, since the last load" if one["behind"] else one["kind"],
            _plain_cell(one["source"]),
            _plain_cell(one["warehouse"]),
        )
        for one in rows[:SHOWN]
    ]
    return (
        f"{head}{f', the first {SHOWN} of them' if total > SHOWN else ''}:\n{table(_LISTED, lines)}"
    )


def _last(found: Mapping[str, Any]) -> str:
    made = sum(
        count
        for name, count in found["requests"].items()
        if name not in {"retries", "rate_limited"}
    )
    words = {
        "equal": "equal",
        "behind": "behind: only changes since the last load differ; the next load brings them",
        "different": "different still"
        if found["repaired"]
        else "different: repair it with --repair",
    }[found["status"]]
    whole = not found["errors"] and all(one["conclusive"] for one in found["projects"])
    if found["status"] == "equal" and not whole:
        words = "equal as far as it could be compared"
    if refused := sum(one["quarantined"] for one in found["tables"].values()):
        words += f", but for {refused:,} in quarantine (ops.rejected_records)"
    return f"{words} ({found['how']}, {found['seconds']:.1f} s, {made} requests)"


def _until(project: Mapping[str, Any]) -> str:
    until = (project["loaded_until"] or "never fully loaded")[:19].replace("T", " ")
    return f"{until}; {project['note']}" if project["note"] else until


def _plain_cell(value: Any) -> str:
    text = plain_line("" if value is None else value)
    return text if cell_len(text) <= WIDEST else set_cell_size(text, WIDEST - 1).rstrip() + "…"
