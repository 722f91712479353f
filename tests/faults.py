"""Faults of a database, caused through the database itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, text

_FUNCTION = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
END $$
"""


@contextmanager
def full_disk(engine: Engine, table: str) -> Iterator[None]:
    """Let every write of rows to a table fail as on a full disk, until the block ends."""
    with engine.begin() as connection:
        connection.execute(text(_FUNCTION))
        connection.execute(
            text(
                f"CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON {table} "
                "EXECUTE FUNCTION full_disk()"
            )
        )
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP FUNCTION full_disk CASCADE"))
