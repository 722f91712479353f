"""Marks rows as deleted and logs it in `ops.deletions`.

One statement does both, so neither exists without the other. Rows are locked in the order of their
keys, as in the merge, so that a concurrent load waits and does not deadlock.
"""

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Text,
    cast,
    func,
    insert,
    literal,
    null,
    select,
    update,
)

from resources.warehouse.raw.spec import TableSpec
from resources.warehouse.state.schema_ops_records import deletions


@dataclass(frozen=True)
class Finding:
    """The values for each tombstone and each entry of the log."""

    space_key: str
    reason: str
    evidence: str
    run_id: str


def mark(
    conn: Connection, spec: TableSpec, conditions: list[ColumnElement[bool]], finding: Finding
) -> tuple[int, ...]:
    """Mark the rows of a table that meet all conditions and are not marked yet; return the last
    part of their keys.
    """
    return tuple(conn.execute(_marking(spec, conditions, finding, counted=False)).scalars())


def count_marked(
    conn: Connection, spec: TableSpec, conditions: list[ColumnElement[bool]], finding: Finding
) -> int:
    """Mark rows as `mark` does, and return their number."""
    return int(conn.execute(_marking(spec, conditions, finding, counted=True)).scalar_one())


def _marking(
    spec: TableSpec, conditions: list[ColumnElement[bool]], finding: Finding, *, counted: bool
) -> Select[tuple[int]]:
    """Return the statement that marks and logs rows, and returns the last part of their keys, or
    their number.

    `loaded_at` is set too, so that readers of recent writes see the tombstone.
    """
    table = spec.table
    now = func.statement_timestamp()
    key = [table.c[name] for name in spec.key]
    chosen = (
        select(*key)
        .where(table.c.space_key == finding.space_key, table.c.deleted_at.is_(None), *conditions)
        .order_by(*key)
        .with_for_update()
        .cte("chosen")
    )
    gone = (
        update(table)
        .where(
            table.c.space_key == finding.space_key,
            *(table.c[name] == chosen.c[name] for name in spec.key),
        )
        .values(deleted_at=now, deleted_reason=finding.reason, loaded_at=now, run_id=finding.run_id)
        .returning(*key, _project_of(spec).label("of_project"))
        .cte("gone")
    )
    logged = (
        insert(deletions)
        .from_select(
            [
                "space_key",
                "table_name",
                "record_key",
                "project_id",
                "found_at",
                "reason",
                "evidence",
                "run_id",
            ],
            select(
                literal(finding.space_key, Text()),
                literal(spec.name, Text()),
                func.concat_ws("/", *(gone.c[name] for name in spec.key)),
                gone.c.of_project,
                now,
                literal(finding.reason, Text()),
                literal(finding.evidence, Text()),
                literal(finding.run_id, Text()),
            ),
        )
        .cte("logged")
    )
    return (
        select(func.count() if counted else gone.c[spec.key[-1]]).select_from(gone).add_cte(logged)
    )


def _project_of(spec: TableSpec) -> ColumnElement[int]:
    if spec.name == "projects":
        return spec.table.c.id
    return spec.table.c.project_id if "project_id" in spec.table.c else cast(null(), BigInteger())
