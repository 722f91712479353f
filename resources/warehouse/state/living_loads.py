"""How the rows of the history stand: which are of a load that is at work, and the view that says it
of each.

A load holds its lock from before its first row until after its last. When the lock is free, no
process will end the row.
"""

from typing import Final

from sqlalchemy import Boolean, DateTime, column, literal_column, table

from resources.warehouse.state.locks import free_condition
from resources.warehouse.state.schema_ops import sync_history

#: The condition on `ops.sync_history`. Use it once per transaction, as `locks.held_condition`.
AT_WORK: Final = literal_column(
    "(ops.sync_history.status = 'in_progress' AND NOT "
    + free_condition(
        "ops.sync_history.space_key",
        "'load/' || ops.sync_history.run_id || '/' || ops.sync_history.sync_type",
    )
    + ")",
    Boolean,
)
#: The view in which a migration says how each row stands; all readers of a status read this.
sync_outcomes: Final = table(
    "sync_outcomes",
    *(column(one.name, one.type) for one in sync_history.columns if one.name != "noted_at"),
    column("is_sync", Boolean),
    column("succeeded_at", DateTime(timezone=True)),
    schema=sync_history.schema,
)


def lock_of(run_id: str, sync_type: str) -> str:
    """Return the name of the lock that a load holds while it works."""
    return f"load/{run_id}/{sync_type}"
