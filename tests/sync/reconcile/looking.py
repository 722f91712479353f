"""What the tests of comparisons look at: what was found, and what is stored and was written."""

from typing import Any

from sqlalchemy import text

from resources.warehouse.raw.schema import SPECS
from sync.reconcile.verdict import EXTRA, QUARANTINED, Reconciliation
from sync.results.verify_json import verify_result
from tests.warehouse_view import WarehouseView

#: Everything of a row but when and by which run it was written.
_STORED = (
    "SELECT to_jsonb(t) - 'loaded_at' - 'run_id' - 'content_hash' AS row FROM "
    "raw.{table} t {where} ORDER BY 1"
)


def reported(found: Reconciliation, *, behind: bool = False) -> set[tuple[str, str]]:
    """Return the tables and kinds of the differences that are behind, or that are not."""
    return {
        (one.table, QUARANTINED if one.outcome == "quarantined" else one.kind)
        for one in found.differences
        if (one.outcome == "behind") is behind
    }


def contradictions(found: Reconciliation) -> list[str]:
    """Return the parts whose two numbers differ although nothing that is reported explains it."""
    shown = verify_result(found, {}, 0)
    parts: dict[str, Any] = {one["project"]: one for one in shown["projects"] if one["conclusive"]}
    if not any(one.table == "issues" and one.kind == EXTRA for one in found.differences):
        parts |= {table: one for table, one in shown["tables"].items() if not one["partial"]}
    outcomes = ("differences", "behind", "quarantined")
    return [
        f"{name}: {one}"
        for name, one in parts.items()
        if one["source"] != one["warehouse"] and not any(one[outcome] for outcome in outcomes)
    ]


def present(view: WarehouseView) -> dict[str, list[Any]]:
    """Return the rows of all tables that are not marked deleted, without when and by whom they were
    written.
    """
    return {
        table: [
            row["row"]
            for row in view.query(
                _STORED.format(
                    table=table, where="WHERE deleted_at IS NULL" if spec.vanishes else ""
                )
            )
        ]
        for table, spec in SPECS.items()
        if table != "activities"
    }


def written_since(view: WarehouseView, moment: Any) -> dict[str, int]:
    """Return table -> rows that were written after a moment, where there are any."""
    with view.engine.connect() as connection:
        counts = {
            table: connection.execute(
                text(f"SELECT count(*) FROM raw.{table} WHERE loaded_at > :at"), {"at": moment}
            ).scalar_one()
            for table in SPECS
            if table != "activities"
        }
    return {table: count for table, count in counts.items() if count}


def database_now(view: WarehouseView) -> Any:
    """Return the time by the database's clock."""
    return view.query("SELECT clock_timestamp() AS now")[0]["now"]
