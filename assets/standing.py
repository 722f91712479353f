"""How each project stands, for people: equal or not, since when, how that was proven, and what was deleted and why.

Add here: another column of these tables. Keep out: counting (`census.py`), what is kept of the counts
(`resources/warehouse/verifications.py`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from assets.census import ProjectCount
from assets.partitions import SETTINGS
from resources.warehouse.deletion_log import Deletion, count_deletions, latest_deletions
from resources.warehouse.schema import SPECS
from resources.warehouse.verifications import Standing

#: Deletions shown, newest first; the others are in `ops.deletions`.
DELETIONS_SHOWN = 50
EQUAL, DIFFERS, DELETED, NO_ACCESS, NOT_COUNTED = "✓ equal", "✗ differs", "deleted", "no access", "not counted"

Row = dict[str, Any]


def project_rows(
    conn: Connection,
    space_key: str,
    counts: Sequence[ProjectCount],
    standings: Mapping[int, Standing],
    others: Mapping[int, str],
) -> list[Row]:
    """Return one row a project that is or was in the warehouse, those that differ first.

    Columns: project, state, since, proven, at_source, in_warehouse, difference, explained, deletions (open ones, by table).

    Args:
        conn: a connection inside a transaction.
        space_key: the space.
        counts: what was counted just now.
        standings: how each project stands, by id.
        others: id -> key of visible projects that were not to be counted now; they are shown as they were compared last.
    """
    columns = SPECS["projects"].table.c
    stored = conn.execute(select(SPECS["projects"].table).where(columns.space_key == space_key).order_by(columns.id)).mappings()
    known = {int(row["id"]): row for row in stored}
    gone = count_deletions(conn, space_key)
    counted = {count.project_id: count for count in counts}
    rows = [_counted(count, standings.get(count.project_id)) | _gone(gone, project) for project, count in counted.items()]
    before = {project: key for project, key in others.items() if project in standings}
    rows += [_compared_before(key, standings[project]) | _gone(gone, project) for project, key in before.items()]
    rows += [
        _not_counted(row, standings.get(project)) | _gone(gone, project)
        for project, row in known.items()
        if project not in counted and project not in before
    ]
    order = [DIFFERS, EQUAL, NOT_COUNTED, NO_ACCESS, DELETED]
    return sorted(rows, key=lambda row: (order.index(row["state"]), row["project"]))


def deletion_rows(conn: Connection, space_key: str) -> list[Row]:
    """Return the newest open deletions, one row each: what, project, found (when), reason, evidence."""
    columns = SPECS["projects"].table.c
    keys = {
        int(row[0]): str(row[1])
        for row in conn.execute(select(columns.id, columns.project_key).where(columns.space_key == space_key))
    }
    return [
        {
            "what": what(one),
            "project": "" if one.project_id is None else keys.get(one.project_id, str(one.project_id)),
            "found": moment(one.found_at),
            "reason": one.reason,
            "evidence": one.evidence,
        }
        for one in latest_deletions(conn, space_key, DELETIONS_SHOWN)
    ]


def what(deletion: Deletion) -> str:
    """Name a row as people do: `issues OPS-42 (90017)`."""
    return f"{deletion.table} {deletion.label} ({deletion.key})" if deletion.label else f"{deletion.table} {deletion.key}"


def moment(value: datetime) -> str:
    """Write an instant in the zone of the schedules."""
    return f"{value.astimezone(SETTINGS.zone):%Y-%m-%d %H:%M %Z}"


def explained(count: ProjectCount) -> str:
    """Say which part of a difference is no fault: what has happened at the source since the last load."""
    parts = [f"{number} {name}" for name, number in (("created", count.created), ("deleted", count.deleted)) if number]
    return f"{', '.join(parts)} since the last load" if parts else ""


def _counted(count: ProjectCount, standing: Standing | None) -> Row:
    equal = not count.difference and (standing is None or standing.equal)
    return {
        "project": count.project,
        "state": EQUAL if equal else DIFFERS,
        "since": moment(standing.since) if standing else "",
        "proven": _proven(standing) if standing else "",
        "at_source": count.source,
        "in_warehouse": count.warehouse,
        "difference": count.difference,
        "explained": explained(count),
    }


def _compared_before(project: str, standing: Standing) -> Row:
    return {
        "project": project,
        "state": EQUAL if standing.equal else DIFFERS,
        "since": moment(standing.since),
        "proven": _proven(standing),
        "at_source": standing.source_rows,
        "in_warehouse": standing.warehouse_rows,
        "difference": standing.warehouse_rows - standing.source_rows if standing.differences else 0,
        "explained": standing.note or "",
    }


def _not_counted(project: RowMapping, standing: Standing | None) -> Row:
    state, since = NOT_COUNTED, standing.since if standing else None
    if project["deleted_at"]:
        state, since = DELETED, project["deleted_at"]
    elif project["deleted_reason"]:
        state, since = NO_ACCESS, project["loaded_at"]
    said = project["deleted_reason"] or ("its issues are not listed: it is archived" if project["archived"] else "not in sight yet")
    last = f"last compared: {_proven(standing)}" if standing else "never compared"
    return {
        "project": project["project_key"],
        "state": state,
        "since": moment(since) if since else "",
        "proven": f"{said}; {last}",
        "at_source": None,
        "in_warehouse": None,
        "difference": None,
        "explained": "",
    }


def _proven(standing: Standing) -> str:
    """Say by which comparisons it is known how a project stands."""
    census = f"census {moment(standing.checked_at)}" if standing.how == "census" else ""
    if standing.deep_at is None:
        return f"{census}; never compared row by row"
    rows = f": {standing.deep_differences} rows differ" if standing.deep_differences else ""
    return "; ".join(part for part in (census, f"row by row {moment(standing.deep_at)}{rows}") if part)


def _gone(counts: Mapping[int | None, Mapping[str, int]], project_id: int) -> Row:
    return {"deletions": ", ".join(f"{number} {table}" for table, number in counts.get(project_id, {}).items())}
