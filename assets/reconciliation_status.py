"""How each project stands, for people: equal or not, since when, how that was proven, and what was deleted and why."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from assets.location import SETTINGS
from resources.warehouse.deletion_log import Deletion, count_deletions, latest_deletions
from resources.warehouse.reconciliations import ReconciliationStatus
from resources.warehouse.schema import SPECS
from sync.reconcile.result import ProjectReconciliation

#: Deletions shown, newest first; the others are in `ops.deletions`.
DELETIONS_SHOWN = 50
EQUAL, DIFFERS, DELETED, NO_ACCESS, NOT_COUNTED = "✓ equal", "✗ differs", "deleted", "no access", "not counted"

Row = dict[str, Any]


def project_rows(
    conn: Connection,
    space_key: str,
    counts: Sequence[ProjectReconciliation],
    statuses: Mapping[int, ReconciliationStatus],
    others: Mapping[int, str],
) -> list[Row]:
    """Return one row a project that is or was in the warehouse, those that differ first.

    Columns, few enough for the width of a page: project, state, since, counted and row_by_row (when it was compared so last),
    source and warehouse (issues), remarks.

    Args:
        conn: a connection inside a transaction.
        space_key: the space.
        counts: what was counted just now.
        statuses: how each project stands, by id.
        others: id -> key of visible projects that were not to be counted now; they are shown as they were compared last.
    """
    columns = SPECS["projects"].table.c
    stored = conn.execute(select(SPECS["projects"].table).where(columns.space_key == space_key).order_by(columns.id)).mappings()
    gone = {project: _gone(tables) for project, tables in count_deletions(conn, space_key).items()}
    rows = {one.id: _counted(one, statuses.get(one.id), gone.get(one.id, "")) for one in counts}
    for project, key in others.items():
        if project in statuses:
            rows[project] = _compared_before(key, statuses[project], gone.get(project, ""))
    for row in stored:
        if row["id"] not in rows:
            rows[row["id"]] = _not_counted(row, statuses.get(row["id"]), gone.get(row["id"], ""))
    order = [DIFFERS, EQUAL, NOT_COUNTED, NO_ACCESS, DELETED]
    return sorted(rows.values(), key=lambda row: (order.index(row["state"]), row["project"]))


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
    """Write an instant in the zone of the schedules, which the table's description names."""
    return f"{value.astimezone(SETTINGS.zone):%Y-%m-%d %H:%M}"


def _counted(count: ProjectReconciliation, status: ReconciliationStatus | None, gone: str) -> Row:
    equal = not count.differences and (status is None or status.equal)
    return {
        "project": count.key,
        "state": (EQUAL if equal else DIFFERS) if count.conclusive else NOT_COUNTED,
        **_proven(status),
        "source": count.source,
        "warehouse": count.warehouse,
        "remarks": _remarks(_off(count.differences), _rows_differ(status), count.remark, gone),
    }


def _compared_before(project: str, status: ReconciliationStatus, gone: str) -> Row:
    off = _off(status.differences) if status.level == "count" else ""
    return {
        "project": project,
        "state": EQUAL if status.equal else DIFFERS,
        **_proven(status),
        "source": status.source_rows,
        "warehouse": status.warehouse_rows,
        "remarks": _remarks(off, _rows_differ(status), status.note or "", gone),
    }


def _not_counted(project: RowMapping, status: ReconciliationStatus | None, gone: str) -> Row:
    state, since = NOT_COUNTED, status.since if status else None
    if project["deleted_at"]:
        state, since = DELETED, project["deleted_at"]
    elif project["deleted_reason"]:
        state, since = NO_ACCESS, project["loaded_at"]
    said = project["deleted_reason"] or ("its issues are not listed: it is archived" if project["archived"] else "not in sight yet")
    return {
        "project": project["project_key"],
        "state": state,
        **_proven(status),
        "since": moment(since) if since else "",
        "source": None,
        "warehouse": None,
        "remarks": _remarks(said, gone),
    }


def _proven(status: ReconciliationStatus | None) -> Row:
    """Say since when a project stands as it does, and when that was compared; a row reconciliation counts too."""
    if status is None:
        return {"since": "", "counted": "never", "row_by_row": "never"}
    return {
        "since": moment(status.since),
        "counted": moment(status.checked_at),
        "row_by_row": moment(status.rows_compared_at) if status.rows_compared_at else "never",
    }


def _off(difference: int) -> str:
    return f"differs by {difference}" if difference else ""


def _rows_differ(status: ReconciliationStatus | None) -> str:
    return f"row by row, {status.row_differences} differ" if status and status.row_differences else ""


def _gone(deletions: Mapping[str, int]) -> str:
    """Say how much is gone of a project; what it was would take the width that the other columns need."""
    return f"{sum(deletions.values())} rows deleted"


def _remarks(*remarks: str) -> str:
    return "; ".join(remark for remark in remarks if remark)
