"""Typed columns that are not what `payload` gives: somebody has changed one of the two by hand."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, TextClause, text
from sqlalchemy.exc import DBAPIError

from resources.warehouse.raw.loader import blames_data
from resources.warehouse.raw.quarantine import key_text
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.spec import TableSpec
from resources.warehouse.raw.statements import typed
from sync.reconcile.verdict import COLUMN, Difference, short

Within = tuple[str, Sequence[int]]
"""A column of ids, and which of them."""


def wrong_columns(
    conn: Connection,
    spec: TableSpec,
    space_key: str,
    timezone: str,
    *,
    project_id: int | None = None,
    within: Within | None = None,
) -> Iterator[Difference]:
    """Yield the rows whose typed columns are not what `payload` gives: somebody has changed one of
    the two by hand.

    Args:
        conn: a connection inside a transaction.
        spec: the table.
        space_key: the space.
        timezone: IANA zone of the space.
        project_id: only rows of this project.
        within: only rows with these ids in this column.
    """
    column, ids = within or ("", ())
    parameters: dict[str, Any] = {"space_key": space_key, "timezone": timezone}
    parameters |= {"project_id": project_id} if project_id is not None else {}
    parameters |= {"ids": list(ids)} if column else {}
    yield from _wrong_rows(conn, spec, column, parameters)


def _wrong_rows(
    conn: Connection, spec: TableSpec, column: str, parameters: Mapping[str, Any]
) -> Iterator[Difference]:
    """Compare in one statement; a payload that PostgreSQL cannot type spoils it for all, so halve
    until that one is alone.
    """
    try:
        with conn.begin_nested():
            rows = conn.execute(
                _column_statement(spec.name, column, frozenset(parameters)), parameters
            ).all()
    except DBAPIError as error:
        if not blames_data(error):
            raise
        refused = str(error.orig).splitlines()[0]
    else:
        for *key, project, issue, wrong in rows:
            made, stored = (
                short(", ".join(f"{name}={values[side]}" for name, *values in wrong))
                for side in (0, 1)
            )
            yield Difference(spec.name, project, issue, key_text(tuple(key)), COLUMN, made, stored)
        return
    statement = (
        f"SELECT {_identity_columns(spec)} FROM {spec.table.fullname} AS t WHERE "  # noqa: S608
        f"{_row_conditions(spec, column, frozenset(parameters))}"
    )
    suspects = [tuple(row) for row in conn.execute(text(statement), parameters)]
    if len(suspects) <= 1:
        for *key, project, issue in suspects:
            yield Difference(
                spec.name,
                project,
                issue,
                key_text(tuple(key)),
                COLUMN,
                short(refused),
                "payload cannot be typed",
            )
        return
    middle = len(suspects) // 2
    for part in (suspects[:middle], suspects[middle:]):
        keys = {f"key_{number}": [row[number] for row in part] for number in range(len(spec.key))}
        yield from _wrong_rows(conn, spec, column, {**parameters, **keys})


def _identity_columns(spec: TableSpec) -> str:
    known = (
        f"t.{name}" if name in spec.table.c else f"0 AS {name}"
        for name in ("project_id", "issue_id")
    )
    return ", ".join((*(f"t.{name} AS key_{name}" for name in spec.key), *known))


def _row_conditions(spec: TableSpec, column: str, given: frozenset[str]) -> str:
    conditions = ["t.space_key = :space_key"]
    if spec.vanishes:
        conditions.append("t.deleted_at IS NULL")
    if "project_id" in given:
        conditions.append("t.project_id = :project_id")
    if "ids" in given:
        conditions.append(f"t.{column} = ANY(CAST(:ids AS bigint[]))")
    if "key_0" in given:
        arrays = ", ".join(f"CAST(:key_{number} AS bigint[])" for number in range(len(spec.key)))
        key = ", ".join(f"t.{name}" for name in spec.key)
        conditions.append(f"({key}) IN (SELECT * FROM unnest({arrays}))")  # noqa: S608
    return " AND ".join(conditions)


@cache
def _column_statement(table: str, column: str, given: frozenset[str]) -> TextClause:
    """Return the statement that compares each typed column of a table with what the merge would
    make of `payload`.

    It gives the key, project and issue of each row that differs, and a list of [column, value by
    payload, value].
    """
    spec = SPECS[table]
    unequal = {}
    for field in spec.fields:
        if field.path:
            made = f"({typed(field)})"
            # A record may lack the project or issue that it belongs to, which the merge was then
            # given.
            lacks = f"{made} IS NOT NULL AND " if field.name in {"project_id", "issue_id"} else ""
            unequal[field.name] = (f"{lacks}t.{field.name} IS DISTINCT FROM {made}", made)
    cases = (
        (
            f"CASE WHEN {condition} THEN jsonb_build_array('{name}', CAST({made} AS text), "
            f"CAST(t.{name} AS text)) END"
        )
        for name, (condition, made) in unequal.items()
    )
    lines = (
        (
            f"SELECT {_identity_columns(spec)}, "
            f"to_jsonb(array_remove(ARRAY[{', '.join(cases)}], NULL)) AS wrong"
        ),
        # OFFSET keeps the planner from typing the payload of rows that are not chosen.
        (
            f"FROM (SELECT * FROM {spec.table.fullname} AS t WHERE "  # noqa: S608
            f"{_row_conditions(spec, column, given)} OFFSET 0) AS t"
        ),
        "CROSS JOIN LATERAL (SELECT t.payload AS r) AS e",
        f"WHERE {' OR '.join(f'({condition})' for condition, _ in unequal.values())}",
    )
    return text("\n".join(lines))
