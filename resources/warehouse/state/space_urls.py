"""The URLs of the spaces in a warehouse, readable before any migration or load."""

from sqlalchemy import select, text

from resources.warehouse.server.connect import engine
from resources.warehouse.state.schema_ops import spaces


def urls_of_spaces(url: str) -> set[str]:
    """Return the URLs of the spaces in a database; none if nothing was ever loaded.

    Raises:
        WarehouseError: the server cannot be used.
    """
    with engine(url, pool_size=0).connect() as connection:
        if connection.execute(text("SELECT to_regclass('ops.spaces')")).scalar() is None:
            return set()
        return set(connection.execute(select(spaces.c.url)).scalars())
