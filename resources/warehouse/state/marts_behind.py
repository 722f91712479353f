"""Whether the marts are behind the raw tables: when rows were last written, and which loads are
running.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Engine, func, not_, select, union_all

from resources.warehouse.history.run_kinds import BUILD, MARTS
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.state.builds import built_until
from resources.warehouse.state.living_loads import AT_WORK
from resources.warehouse.state.schema_ops import sync_history

#: Types of syncs that no mart reads. Loads write activities all the time.
_UNUSED = {"activities", MARTS, *(name for name, spec in SPECS.items() if spec.daily)}


@dataclass(frozen=True)
class News:
    """The ended syncs, as a text that changes with each one, and the running ones."""

    ended: str
    at_work: Sequence[str]
    """Their tables, if marts read them."""


def news(engine: Engine) -> News:
    """Return the state of syncs, by two index lookups.

    A sync has its number from its start, so a long one ends after others with higher numbers.
    """
    syncs = sync_history.c
    newest = select(func.coalesce(func.max(syncs.id), 0))
    active = select(syncs.id, syncs.sync_type).where(AT_WORK, syncs.sync_type.not_in(_UNUSED))
    # Both see the rows and the locks of one moment.
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        at_work = {
            int(number): str(table)
            for number, table in connection.execute(active.order_by(syncs.id))
        }
        # A build is a row, too, but not of a sync; so is the end of a run by an earlier version.
        of_syncs = syncs.mode.not_in([BUILD, "run"])
        ended = connection.execute(newest.where(not_(AT_WORK), of_syncs)).scalar_one()
    return News(
        f"up to {ended}" + (f" without {', '.join(map(str, at_work))}" if at_work else ""),
        [*at_work.values()],
    )


def newest_row(engine: Engine) -> str:
    """Return when a row that marts read was last written, marks of deletion included; empty without
    rows. Rows of times ahead, written while the clock was, hide no others.

    Reads `loaded_at` of every row: 0.1 s per million.
    """
    times = union_all(
        *(
            select(func.max(spec.table.c.loaded_at).label("at")).where(
                spec.table.c.loaded_at <= func.clock_timestamp()
            )
            for name, spec in SPECS.items()
            if name not in _UNUSED
        )
    ).subquery()
    with engine.connect() as connection:
        newest = connection.execute(select(func.max(times.c.at))).scalar_one()
    return newest.isoformat() if newest else ""


def marts_status(engine: Engine) -> Literal["missing", "older", "current"]:
    """Return whether the marts have all loaded rows, apart from tables that no mart reads."""
    built = built_until(engine)
    if built is None:
        return "missing"
    newest = newest_row(engine)
    return "older" if newest and datetime.fromisoformat(newest) >= built else "current"
