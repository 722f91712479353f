"""Whether the disk of PostgreSQL is full, by a trial that leaves nothing behind."""

from sqlalchemy import Engine, text

from resources.warehouse.warehouse_errors import WarehouseError

#: Why nothing is started that a full disk has ended.
FULL = "the disk of PostgreSQL is full: what it has ended is started when there is space"
#: 16 MB, as much as PostgreSQL takes at once for its log of writes: a load that begins with less
#: ends at once. A temporary table is not logged; it is put where the other tables are. Its pages
#: are written to the disk when it grows. Rows of 1 kB are neither compressed nor moved out.
_TRIAL = text(
    "SET LOCAL temp_tablespaces = ''; "
    "CREATE TEMPORARY TABLE free_space ON COMMIT DROP AS "
    "SELECT repeat('x', 1000) FROM generate_series(1, 16000)"
)


def has_room(engine: Engine) -> bool:
    """Return whether PostgreSQL can write 16 MB; they are rolled back.

    Raises:
        WarehouseError: it cannot be used for another reason.
    """
    try:
        with engine.connect() as connection:
            connection.execute(_TRIAL)
    except WarehouseError as error:
        if getattr(error.__cause__, "pgcode", None) != "53100":
            raise
        return False
    return True
