"""How each project compares with the source: every comparison is kept, and the latest say how it stands, since when and how proven.

A count reconciliation compares numbers, so it cannot take back what a row reconciliation found: such a project counts as
different until a row reconciliation finds it equal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, insert, text

from resources.warehouse.schema_ops import reconciliations

#: What is compared: the number of issues of each project, or each row. The column `how` has it.
Level = Literal["count", "rows"]


@dataclass(frozen=True)
class Reconciled:
    """How one project came out of a comparison: issues on both sides, and how many rows differ without an explanation."""

    project_id: int
    source_rows: int
    warehouse_rows: int
    differences: int
    note: str | None = None


@dataclass(frozen=True)
class ReconciliationStatus:
    """How a project stands by all comparisons so far; times are UTC."""

    equal: bool
    since: datetime
    """The first comparison of the unbroken run of those that say so."""
    level: Level
    checked_at: datetime
    """The last comparison, of whichever kind."""
    source_rows: int
    warehouse_rows: int
    differences: int
    note: str | None
    rows_compared_at: datetime | None
    """The last row reconciliation."""
    row_differences: int | None


def record(conn: Connection, space_key: str, level: Level, projects: Sequence[Reconciled]) -> None:
    """Keep how projects came out of a comparison; all of one call have the same time."""
    rows = [
        {
            "space_key": space_key,
            "project_id": one.project_id,
            "how": level,
            "source_rows": one.source_rows,
            "warehouse_rows": one.warehouse_rows,
            "differences": one.differences,
            "equal": not one.differences,
            "note": one.note,
        }
        for one in projects
    ]
    if rows:
        conn.execute(insert(reconciliations), rows)


#: Per project: what each comparison leaves (`state`), the last one (`last`), and the last that left something else (`change`).
_LATEST = text("""
WITH checks AS (
    SELECT v.*, max(id) FILTER (WHERE how = 'rows') OVER (PARTITION BY project_id ORDER BY id) AS rows_id
    FROM ops.reconciliations AS v
    WHERE space_key = :space_key
), states AS (
    SELECT c.*, c.equal AND COALESCE(d.equal, true) AS state, d.checked_at AS rows_at, d.differences AS row_differences
    FROM checks AS c
    LEFT JOIN ops.reconciliations AS d ON d.id = c.rows_id
), last AS (
    SELECT DISTINCT ON (project_id) * FROM states ORDER BY project_id, id DESC
), change AS (
    SELECT s.project_id, max(s.id) AS id
    FROM states AS s
    JOIN last USING (project_id)
    WHERE s.state <> last.state
    GROUP BY s.project_id
)
SELECT last.project_id, last.state,
       (SELECT min(s.checked_at) FROM states AS s WHERE s.project_id = last.project_id AND s.id > COALESCE(change.id, 0)),
       last.how, last.checked_at, last.source_rows, last.warehouse_rows, last.differences, last.note, last.rows_at,
       last.row_differences
FROM last
LEFT JOIN change USING (project_id)
""")


def latest(conn: Connection, space_key: str) -> dict[int, ReconciliationStatus]:
    """Return how each project stands that was ever compared, by id."""
    return {int(row[0]): ReconciliationStatus(*row[1:]) for row in conn.execute(_LATEST, {"space_key": space_key})}
