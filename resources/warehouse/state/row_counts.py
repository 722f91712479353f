"""How many rows a table has. Large tables are counted again only when it may have changed: a count
looks at each row.
"""

from datetime import timedelta

from sqlalchemy import Connection, Engine, exists, func, select
from sqlalchemy.dialects.postgresql import insert

from resources.warehouse.raw.spec import TableSpec
from resources.warehouse.raw.written_rows import all_there_before, written_since
from resources.warehouse.state.schema_ops_records import row_counts

_COUNT = row_counts.c
#: An older count is repeated, whatever was written: somebody may have changed rows by hand. So is
#: a count from the future: the clock was set back, and rows written since look older than it.
_STANDS_FOR = timedelta(days=1)


def row_count(engine: Engine, spec: TableSpec, space_key: str) -> int:
    """Return the rows of a space in a table, deleted ones left out.

    Raises:
        WarehouseError: the warehouse cannot be read or written.
    """
    with engine.begin() as connection:
        if not any("loaded_at" in index.columns for index in spec.table.indexes):
            return _counted(connection, spec, space_key)
        last = _last_count(connection, spec, space_key)
        if last is not None:
            return last
        until = all_there_before(connection)
        rows = _counted(connection, spec, space_key)
        noted = insert(row_counts).values(
            space_key=space_key, table_name=spec.name, rows=rows, counted_until=until
        )
        connection.execute(
            noted.on_conflict_do_update(
                index_elements=row_counts.primary_key,
                set_={"rows": noted.excluded.rows, "counted_until": noted.excluded.counted_until},
            )
        )
        return rows


def _last_count(connection: Connection, spec: TableSpec, space_key: str) -> int | None:
    """Return the last count if no row was written since, marks of deletion included."""
    written = exists().where(written_since(spec.table, space_key, _COUNT.counted_until))
    last: int | None = connection.execute(
        select(_COUNT.rows).where(
            _COUNT.space_key == space_key,
            _COUNT.table_name == spec.name,
            _COUNT.counted_until.between(
                func.clock_timestamp() - _STANDS_FOR, func.clock_timestamp()
            ),
            ~written,
        )
    ).scalar_one_or_none()
    return last


def _counted(connection: Connection, spec: TableSpec, space_key: str) -> int:
    """Count all rows and the deleted ones, by indexes alone: to read the rows of a large table
    costs ten times as much.
    """
    table = spec.table
    query = select(func.count()).select_from(table).where(table.c.space_key == space_key)
    if spec.vanishes:
        deleted = query.where(table.c.deleted_at.is_not(None))
        query = select(query.scalar_subquery() - deleted.scalar_subquery())
    return int(connection.execute(query).scalar_one())
