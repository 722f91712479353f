"""The tests `is_key` of the project, answered at once: a node of dbt for each of them would take a
sixth of a build.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from sqlalchemy import Connection, Engine, RowMapping, text

from assets.marts.failing_rows import ROWS, rows_shown
from assets.marts.people import shown_by
from assets.marts.project import beside
from assets.marts.translator import Translator

#: The name of the test.
IS_KEY = "is_key"

_HELD = text("""
    SELECT c.conrelid::regclass::text AS relation, array_agg(a.attname::text) AS columns,
           array_agg(a.attname::text) FILTER (WHERE a.attnum = ANY(c.conkey)) AS key
    FROM pg_constraint AS c
    JOIN pg_namespace AS n ON n.oid = c.connamespace AND n.nspname IN ('mart', 'staging')
    JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnotnull AND a.attnum > 0
    WHERE c.contype = 'p'
    GROUP BY c.oid, c.conrelid
""")


def answered(
    selected: Collection[dg.AssetCheckKey], manifest: Mapping[str, Any], engine: Engine
) -> Iterator[dg.AssetCheckResult]:
    """Yield the results of those tests that are selected.

    Where the server holds a table to its key, by a primary key and NOT NULL, its rows are not read.
    Of others, such as views, those that break it are shown in the metadata `rows`.
    """
    with beside(engine) as connection:
        held = {row.relation: ({*row.columns}, {*row.key}) for row in connection.execute(_HELD)}
        for key, test in _tests(manifest):
            if key in selected:
                columns, node = (
                    test["test_metadata"]["kwargs"]["columns"],
                    manifest["nodes"][test["attached_node"]],
                )
                relation = f"{node['schema']}.{node['alias']}"
                filled, primary = held.get(relation, (set(), set()))
                is_held = bool(primary) and primary <= {*columns} <= filled
                rows = (
                    ()
                    if is_held
                    else _breaking(connection, relation, columns, test["config"].get("where"))
                )
                shown = rows_shown(rows, shown_by(test, manifest["nodes"]))
                yield dg.AssetCheckResult(
                    passed=not rows,
                    asset_key=key.asset_key,
                    check_name=key.name,
                    metadata=shown,
                )


def _tests(manifest: Mapping[str, Any]) -> Iterator[tuple[dg.AssetCheckKey, Mapping[str, Any]]]:
    keys = Translator()
    for test in manifest["nodes"].values():
        if (test.get("test_metadata") or {}).get("name") == IS_KEY:
            yield (
                dg.AssetCheckKey(
                    keys.get_asset_key(manifest["nodes"][test["attached_node"]]), test["name"]
                ),
                test,
            )


def _breaking(
    connection: Connection, relation: str, columns: list[str], where: str | None
) -> Sequence[RowMapping]:
    names, empty = ", ".join(columns), " OR ".join(f"{column} IS NULL" for column in columns)
    # names of the project
    found = f"SELECT {names}, count(*) AS rows FROM {relation} WHERE {where or True}"  # noqa: S608
    query = f"{found} GROUP BY {names} HAVING count(*) > 1 OR {empty}"
    return connection.execute(text(query)).mappings().fetchmany(ROWS)
