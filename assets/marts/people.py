"""Which columns of the marts say who somebody is, as the project declares them.

`config: {meta: {person: name}}` at a column names the field of Backlog's user that it holds:
`name`, `userId` or `mailAddress`; `where` beside it says in which rows, as SQL.
`tests/assets/marts/test_people_declared.py` finds columns that lack it.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from assets.marts.manifest import manifest
from resources.warehouse.people.people_columns import PeopleColumn


def people_columns() -> tuple[PeopleColumn, ...]:
    """Return the columns of staging and mart that say who somebody is."""
    nodes: Mapping[str, Mapping[str, Any]] = json.loads(manifest().read_bytes())["nodes"]
    return tuple(
        PeopleColumn(
            schema=node["schema"],
            table=node["alias"],
            column=name,
            field=meta["person"],
            where=meta.get("where", "true"),
            is_kept=node["resource_type"] == "snapshot",
        )
        for node in nodes.values()
        for name, meta in _declared(node)
    )


def project_tables() -> frozenset[str]:
    """Return the tables and views that the project makes, with their schemas."""
    nodes = json.loads(manifest().read_bytes())["nodes"].values()
    made = [node for node in nodes if node["resource_type"] != "test"]
    return frozenset(f"{node['schema']}.{node['alias']}" for node in made)


def shown_by(test: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """Return the names of the columns that say who somebody is in what a test of dbt reads."""
    read = (nodes[one] for one in test["depends_on"]["nodes"] if one in nodes)
    return frozenset(name for node in read for name, _ in _declared(node))


def _declared(node: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, column in node["columns"].items():
        if "person" in column["meta"]:
            yield name, column["meta"]
