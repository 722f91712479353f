"""The check `issue_counts_match_source`: the count reconciliation, and what the UI shows of each
project and of deletions.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import dagster as dg
from sqlalchemy import Connection, Engine, RowMapping, select

from assets.location import SETTINGS, raw_key
from assets.metadata import as_markdown, rows_table, zoned_moment
from resources.backlog.client import BacklogClient
from resources.warehouse.raw.deletion_log import Deletion, count_deletions, latest_deletions
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.state.reconciliations import Proof, latest
from sync.reconcile.count_reconciliation import doubtful_projects
from sync.reconcile.reconcile import reconcile_numbers
from sync.reconcile.verdict import TOO_FAST, ProjectReconciliation

ISSUES = raw_key("issues")
COUNTS = "issue_counts_match_source"
#: Deletions shown, newest first; the others are in `ops.deletions`.
DELETIONS_SHOWN = 50
EQUAL, DIFFERS, DELETED, NO_ACCESS, NOT_COUNTED = (
    "✓ equal",
    "✗ differs",
    "deleted",
    "no access",
    "not counted",
)

Row = dict[str, Any]

COUNTS_SPEC = dg.AssetCheckSpec(
    COUNTS,
    asset=ISSUES,
    description="Each project has as many issues in the warehouse as at the "
    "source. Issues that came or "
    "went at the source since "
    "the last load do not count as a difference, nor do those in quarantine. It costs one "
    "request a project, and a few more for "
    "one that differs. The nightly run counts all projects. A backfill counts those that it "
    "reads: together, which leaves the time "
    "of their last count as it was, and one by one where the sum differs or a project was not "
    "equal before. Every other run shows "
    "the last comparison of each project, without a request. A project that a row reconciliation "
    "found different is a warning "
    "until another one finds it equal.\n\n"
    "`projects` shows whether each project is equal, since when, and when that was proven: by "
    "number (`counted`) and by comparing "
    "each row (`row_by_row`: `backlog-elt verify --deep`). `what_was_deleted` shows the newest "
    "deletions: when, why, and by which "
    f"evidence. `ops.deletions` has all. Times are those of {SETTINGS.timezone}.",
)


def issue_counts_match_source(
    client: BacklogClient, engine: Engine, covered: Collection[str] | None = None
) -> dg.AssetCheckResult:
    """Count the issues of visible projects on both sides, keep the outcome, and show the status of
    each project.

    Projects that are not `covered` are shown as they were compared last, and are judged by that; so
    are those that were equal then, if all of them together still are.

    Raises:
        BacklogError: a project refuses to be counted.
        WarehouseError: the warehouse cannot be used.
    """
    space_key = str(client.space_info()["spaceKey"])
    if covered:
        covered = doubtful_projects(client, engine, space_key, covered)
    nothing = covered is not None and not covered
    counts = [] if nothing else reconcile_numbers(client, engine, covered).projects
    visible = {
        int(project["id"]): str(project["projectKey"]) for project in client.visible_projects()
    }
    with engine.connect() as connection:
        reconciliation_statuses = latest(connection, space_key)
        others = {
            project: key
            for project, key in visible.items()
            if covered is not None and key not in covered
        }
        projects = project_rows(connection, space_key, counts, reconciliation_statuses, others)
        deletions = deletion_rows(connection, space_key)
    inconclusive = [one.key for one in counts if not one.conclusive]
    unequal = [one.key for one in counts if one.status == "different"]
    known = {
        project for project, status in reconciliation_statuses.items() if status.differs_in_number
    }
    unequal += [key for project, key in others.items() if project in known]
    compared = {
        project: key for project, key in others.items() if project in reconciliation_statuses
    }
    keys = {**{one.id: one.key for one in counts}, **compared}
    doubted = [
        key
        for project, key in keys.items()
        if key not in unequal
        and project in reconciliation_statuses
        and not reconciliation_statuses[project].equal
    ]
    return dg.AssetCheckResult(
        check_name=COUNTS,
        asset_key=ISSUES,
        passed=not unequal and not inconclusive and not doubted,
        severity=dg.AssetCheckSeverity.ERROR
        if unequal or inconclusive
        else dg.AssetCheckSeverity.WARN,
        description=_summary(
            len(keys),
            unequal,
            inconclusive,
            doubted,
            sorted(set(others.values()) - set(compared.values())),
        ),
        metadata={
            "projects": rows_table(projects) if projects else "no project",
            # The UI sorts by name: the projects stand above what may be a long table.
            "what_was_deleted": rows_table(deletions) if deletions else "nothing was deleted",
            "unequal_projects": unequal,
            "inconclusive_projects": inconclusive,
            **_sums(projects),
        },
    )


def _sums(projects: list[dict[str, Any]]) -> dict[str, int]:
    """Return the issues of all projects that were ever compared, for the plot; none where there are
    none yet.
    """
    known = [row for row in projects if row["source"] is not None]
    if not known:
        return {}
    return {
        "issues_at_source": sum(row["source"] for row in known),
        "issues_in_warehouse": sum(row["warehouse"] for row in known),
    }


def _summary(
    projects: int,
    unequal: list[str],
    inconclusive: list[str],
    doubted: list[str],
    unknown: list[str],
) -> str:
    equal = projects - len(unequal) - len(inconclusive) - len(doubted)
    said = [f"{equal} of {projects} projects are equal"]
    if unknown:
        said.append(
            f"{', '.join(unknown)} were not compared yet, which the count reconciliation does"
        )
    if unequal:
        said.append(f"not {', '.join(unequal)}: backlog-elt verify --repair repairs them")
    if inconclusive:
        said.append(f"{', '.join(inconclusive)}: {TOO_FAST}")
    if doubted:
        said.append(
            f"{', '.join(doubted)} differed row by row, which a count cannot take back: "
            "backlog-elt verify --deep"
        )
    return as_markdown("; ".join(said))


def project_rows(
    conn: Connection,
    space_key: str,
    counts: Sequence[ProjectReconciliation],
    statuses: Mapping[int, Proof],
    others: Mapping[int, str],
) -> list[Row]:
    """Return one row a project that is or was in the warehouse, those that differ first.

    Columns, few enough for the width of a page: project, state, since, counted and row_by_row (when
    it was compared so last), source and warehouse (issues), remarks.

    Args:
        conn: a connection inside a transaction.
        space_key: the space.
        counts: what was counted just now.
        statuses: how each project stands, by id.
        others: id -> key of visible projects that were not to be counted now; they are shown as
            they were compared last.
    """
    columns = SPECS["projects"].table.c
    stored = conn.execute(
        select(SPECS["projects"].table).where(columns.space_key == space_key).order_by(columns.id)
    ).mappings()
    gone = {project: _gone(tables) for project, tables in count_deletions(conn, space_key).items()}
    rows = {one.id: _project_row(one, statuses.get(one.id), gone.get(one.id, "")) for one in counts}
    for project, key in others.items():
        if project in statuses:
            rows[project] = _compared_before(key, statuses[project], gone.get(project, ""))
    for row in stored:
        if row["id"] not in rows:
            rows[row["id"]] = _not_counted(row, statuses.get(row["id"]), gone.get(row["id"], ""))
    order = [DIFFERS, EQUAL, NOT_COUNTED, NO_ACCESS, DELETED]
    return sorted(rows.values(), key=lambda row: (order.index(row["state"]), row["project"]))


def deletion_rows(conn: Connection, space_key: str) -> list[Row]:
    """Return the newest open deletions, one row each: what, project, found (when), reason,
    evidence.
    """
    columns = SPECS["projects"].table.c
    keys = {
        int(row[0]): str(row[1])
        for row in conn.execute(
            select(columns.id, columns.project_key).where(columns.space_key == space_key)
        )
    }
    return [
        {
            "what": what(one),
            "project": ""
            if one.project_id is None
            else keys.get(one.project_id, str(one.project_id)),
            "found": zoned_moment(one.found_at),
            "reason": one.reason,
            "evidence": one.evidence,
        }
        for one in latest_deletions(conn, space_key, DELETIONS_SHOWN)
    ]


def what(deletion: Deletion) -> str:
    """Name a row as people do: `issues OPS-42 (90017)`."""
    return (
        f"{deletion.table} {deletion.label} ({deletion.key})"
        if deletion.label
        else f"{deletion.table} {deletion.key}"
    )


def _project_row(count: ProjectReconciliation, status: Proof | None, gone: str) -> Row:
    equal = status is not None and status.equal
    return {
        "project": count.key,
        "state": (EQUAL if equal else DIFFERS) if count.conclusive else NOT_COUNTED,
        **_proof_cells(status),
        "source": count.source,
        "warehouse": count.warehouse,
        "remarks": _remarks(_off(count.differences), _rows_differ(status), count.remark, gone),
    }


def _compared_before(project: str, status: Proof, gone: str) -> Row:
    off = _off(status.differences) if status.level == "count" else ""
    return {
        "project": project,
        "state": EQUAL if status.equal else DIFFERS,
        **_proof_cells(status),
        "source": status.source_rows,
        "warehouse": status.warehouse_rows,
        "remarks": _remarks(off, _rows_differ(status), status.note or "", gone),
    }


def _not_counted(project: RowMapping, status: Proof | None, gone: str) -> Row:
    state, since = NOT_COUNTED, status.since if status else None
    if project["deleted_at"]:
        state, since = DELETED, project["deleted_at"]
    elif project["deleted_reason"]:
        state, since = NO_ACCESS, project["loaded_at"]
    said = project["deleted_reason"] or (
        "its issues are not listed: it is archived" if project["archived"] else "not accessible yet"
    )
    return {
        "project": project["project_key"],
        "state": state,
        **_proof_cells(status),
        "since": zoned_moment(since) if since else "",
        "source": None,
        "warehouse": None,
        "remarks": _remarks(said, gone),
    }


def _proof_cells(status: Proof | None) -> Row:
    """Say since when a project stands as it does, and when that was compared; a row reconciliation
    counts too.
    """
    if status is None:
        return {"since": "", "counted": "never", "row_by_row": "never"}
    return {
        "since": zoned_moment(status.since),
        "counted": zoned_moment(status.checked_at),
        "row_by_row": zoned_moment(status.rows_compared_at) if status.rows_compared_at else "never",
    }


def _off(difference: int) -> str:
    return f"differs by {difference}" if difference else ""


def _rows_differ(status: Proof | None) -> str:
    return (
        f"row by row, {status.row_differences} differ" if status and status.row_differences else ""
    )


def _gone(deletions: Mapping[str, int]) -> str:
    """Say how much is gone of a project; what it was would take the width that the other columns
    need.
    """
    return f"{sum(deletions.values())} rows deleted"


def _remarks(*remarks: str) -> str:
    return "; ".join(remark for remark in remarks if remark)
