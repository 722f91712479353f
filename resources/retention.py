"""How long the program's own records are kept, such as the log of syncs and of webhooks. Replicated
data is never deleted.

`assets/dagster_internals.py` has the rules for Dagster's events and runs. Rows are deleted in
batches, each in its own transaction that waits for no lock, so that nothing is blocked.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, text

from resources.warehouse.state.locks import held_condition

BATCH = 2_000


@dataclass(frozen=True)
class Rule:
    """Rows of a table to delete: a condition on `t`, in which `:days` is the least number of days
    that rows are kept.
    """

    table: str
    days: int
    condition: str


#: Rules of the warehouse. `ops.deletions`, `ops.names` and `ops.observed_changes` are replicated
#: data.
WAREHOUSE = (
    Rule(
        "ops.sync_history",
        400,
        "coalesce(t.ended_at, t.noted_at, t.started_at) < now() - make_interval(days => :days)",
    ),
    Rule("ops.webhook_events", 30, "t.processed_at < now() - make_interval(days => :days)"),
    Rule("ops.rejected_records", 180, "t.resolved_at < now() - make_interval(days => :days)"),
    Rule(
        "ops.reconciliations",
        400,
        "t.checked_at < now() - make_interval(days => :days) AND EXISTS (SELECT FROM "
        "ops.reconciliations AS n WHERE n.id > t.id "
        "AND n.space_key = t.space_key AND n.project_id = t.project_id AND n.how = "
        "t.how AND n.equal = t.equal)",
    ),
    Rule(
        "ops.mart_builds",
        90,
        "t.began_at < now() - make_interval(days => :days) "
        "AND EXISTS (SELECT FROM ops.mart_builds AS n WHERE n.id > t.id "
        "AND n.ended_at IS NOT NULL)",
    ),
    Rule(
        "ops.source_conditions",
        400,
        "coalesce(t.ended_at, t.last_seen_at) < now() - make_interval(days => :days)",
    ),
    Rule("ops.heartbeats", 90, "t.beat_at < now() - make_interval(days => :days)"),
    # Locks of killed processes. A row that a process takes over at this moment has a new
    # `taken_at`.
    Rule(
        "ops.locks",
        1,
        f"t.taken_at < now() - make_interval(days => :days) AND NOT {held_condition('t')}",
    ),
)


def delete_old_rows(
    engine: Engine, rules: tuple[Rule, ...], days: int | None = None, batch: int = BATCH
) -> Mapping[str, int]:
    """Delete old rows; return table -> deleted rows.

    Args:
        engine: the database with the tables.
        rules: which rows to delete.
        days: keep rows for at most so many days, even if a rule has more.
        batch: rows in one transaction.

    Raises:
        WarehouseError: the server refused; rows already deleted stay deleted.
    """
    gone: Counter[str] = Counter()
    for rule in rules:
        gone[rule.table] += _in_batches(engine, rule, min(days or rule.days, rule.days), batch)
    return gone


def _in_batches(engine: Engine, rule: Rule, days: int, batch: int) -> int:
    # Locked rows are skipped and deleted next time.
    statement = text(
        f"DELETE FROM {rule.table} WHERE ctid IN "  # noqa: S608 - constants of the rules
        f"(SELECT t.ctid FROM {rule.table} AS t WHERE {rule.condition} LIMIT :batch FOR "
        "UPDATE OF t SKIP LOCKED)"
    )
    deleted = 0
    while True:
        with engine.begin() as connection:
            gone = connection.execute(statement, {"days": days, "batch": batch}).rowcount
        deleted += gone
        if gone < batch:
            return deleted
