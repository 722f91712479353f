"""How each project compares with the source: every comparison is stored; the latest ones give the
present state.

A count reconciliation compares numbers, so it cannot revoke the result of a row reconciliation:
such a project counts as different (`equal` is false) until a row reconciliation finds it equal.
This is decided when a comparison is recorded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import Field
from sqlalchemy import Connection, insert, text

from resources.json_models import Model, Whole
from resources.warehouse.state.schema_ops import reconciliations

#: What is compared: the number of issues of each project, or each row. Stored in the column `how`.
Level = Literal["count", "rows"]


@dataclass(frozen=True)
class Reconciled:
    """The result of comparing one project: issues on both sides, and rows that differ without an
    explanation.
    """

    project_id: int
    source_rows: int
    warehouse_rows: int
    differences: int
    note: str | None = None


class Proof(Model):
    """How a project compares with the source, since when, and how that was found."""

    equal: bool
    since: datetime
    level: Level = Field(
        description="The last comparison: `count` of the number of issues, `rows` of every row"
    )
    checked_at: datetime
    source_rows: Whole
    warehouse_rows: Whole
    differences: Whole
    note: str | None
    rows_compared_at: datetime | None
    row_differences: Whole | None

    @property
    def differs_in_number(self) -> bool:
        """Whether the last comparison was a count that found another number of issues."""
        return self.level == "count" and bool(self.differences)


def record(conn: Connection, space_key: str, level: Level, projects: Sequence[Reconciled]) -> None:
    """Store the results of a comparison; all of one call have the same time."""
    rows_differ = (
        set(conn.execute(_ROWS_DIFFER, {"space_key": space_key}).scalars())
        if level == "count"
        else set()
    )
    rows = [
        {
            "space_key": space_key,
            "project_id": one.project_id,
            "how": level,
            "source_rows": one.source_rows,
            "warehouse_rows": one.warehouse_rows,
            "differences": one.differences,
            "equal": not one.differences and one.project_id not in rows_differ,
            "note": one.note,
        }
        for one in projects
    ]
    if rows:
        conn.execute(insert(reconciliations), rows)


#: The projects that the last row reconciliation found different.
_ROWS_DIFFER = text("""
SELECT project_id
FROM (
    SELECT DISTINCT ON (project_id) project_id, equal FROM ops.reconciliations
    WHERE space_key = :space_key AND how = 'rows' ORDER BY project_id, id DESC
) AS newest
WHERE NOT equal
""")

#: Per project: the last comparison (`last`), and the last that found the opposite (`change`).
_LATEST = text("""
WITH checks AS (
    SELECT v.*, max(id) FILTER (WHERE how = 'rows') OVER (PARTITION BY project_id
        ORDER BY id) AS rows_id
    FROM ops.reconciliations AS v
    WHERE space_key = :space_key
), states AS (
    SELECT c.*, d.checked_at AS rows_at, d.differences AS row_differences
    FROM checks AS c
    LEFT JOIN ops.reconciliations AS d ON d.id = c.rows_id
), last AS (
    SELECT DISTINCT ON (project_id) * FROM states ORDER BY project_id, id DESC
), change AS (
    SELECT s.project_id, max(s.id) AS id
    FROM states AS s
    JOIN last USING (project_id)
    WHERE s.equal <> last.equal
    GROUP BY s.project_id
)
SELECT last.project_id, last.equal,
       (SELECT min(s.checked_at) FROM states AS s WHERE s.project_id = last.project_id
           AND s.id > COALESCE(change.id, 0)) AS since,
       last.how AS level, last.checked_at, last.source_rows, last.warehouse_rows, last.differences,
       last.note, last.rows_at AS rows_compared_at, last.row_differences
FROM last
LEFT JOIN change USING (project_id)
""")


def latest(conn: Connection, space_key: str) -> dict[int, Proof]:
    """Return project id -> present state, for projects that were ever compared."""
    found = conn.execute(_LATEST, {"space_key": space_key})
    return {row.project_id: Proof.model_validate(row, from_attributes=True) for row in found}
