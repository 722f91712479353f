"""JSON documents in text columns of Dagster's database: reads and rewrites them."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import Engine, text

from resources.warehouse.server.connect import opened_engine

_AT_ONCE = 500


def stored(url: str, columns: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Yield (table, value) for each document in some columns (table -> column); other texts are
    skipped.

    Raises:
        WarehouseError: the database cannot be used.
    """
    with opened_engine(url) as database:
        for table, _, _, value in _documents(database, columns):
            yield table, value


def change(url: str, columns: Mapping[str, str], changed: Callable[[Any], Any]) -> None:
    """Write back each document for which `changed` returns another value.

    A document that another process writes at the same moment keeps that process's value.

    Raises:
        WarehouseError: the database cannot be used; documents already written stay so.
    """
    with opened_engine(url) as database:
        for table, place, old, value in _documents(database, columns):
            new = changed(value)
            if new != value:
                here = f"WHERE ctid = CAST(:place AS tid) AND {columns[table]} = :old"
                statement = text(f"UPDATE {table} SET {columns[table]} = :new {here}")  # noqa: S608
                given = {"new": json.dumps(new), "place": place, "old": old}
                with database.begin() as connection:
                    connection.execute(statement, given)


def _documents(database: Engine, columns: Mapping[str, str]) -> Iterator[tuple[str, str, str, Any]]:
    """Yield (table, ctid, text, value) for each document."""
    for table, column in columns.items():
        shown = f"CAST(ctid AS text), {column}"
        query = text(f"SELECT {shown} FROM {table} WHERE {column} IS NOT NULL")  # noqa: S608
        with database.connect() as connection:
            for place, document in connection.execution_options(yield_per=_AT_ONCE).execute(query):
                try:
                    yield table, place, document, json.loads(document)
                except ValueError:
                    continue
