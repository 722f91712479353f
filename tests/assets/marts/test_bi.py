"""The queries of `docs/bi.md`, run as the role that BI tools get: each answers, and is served by
the indexes.
"""

import json
import re
from collections import defaultdict

import pytest
from sqlalchemy import Engine

from assets.marts.manifest import manifest
from pipelines.hosting.environment import PROJECT_ROOT

QUERY = re.compile(r"^### \d+\. (.+?)$.*?^```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)


#: Heading -> SQL of the page, in its order.
QUERIES: dict[str, str] = dict(QUERY.findall((PROJECT_ROOT / "docs" / "bi.md").read_text()))
#: Of a few lines, which people write: a test of dbt tells of a line that is there twice.
SEEDS = {file.stem for file in (PROJECT_ROOT / "assets" / "marts" / "seeds").glob("*.csv")}


@pytest.mark.parametrize("heading", QUERIES)
def test_a_query_of_the_page_has_an_answer(reader: Engine, heading: str) -> None:
    with reader.connect() as conn:
        found = conn.exec_driver_sql(QUERIES[heading], execution_options={"no_parameters": True})
        assert len(set(found.keys())) == len(list(found.keys())) > 1
        assert found.fetchall()


def parts(columns: str) -> frozenset[str]:
    """Return the columns of an index or a group in any order and without what the server adds to
    them.
    """
    return frozenset(re.sub(r"::text| without time zone|[()]", "", columns).split(", "))


def groups_made_anew() -> dict[str, set[frozenset[str]]]:
    """Return table -> groups of its rows that a build makes or adds up anew."""
    found: dict[str, set[frozenset[str]]] = defaultdict(set)
    for node in json.loads(manifest().read_bytes())["nodes"].values():
        for groups in node["config"].get("meta", {}).get("invalidates", {}).values():
            named = groups["groups"] if isinstance(groups, dict) else groups
            found[node["name"]] |= {parts(group) for group in named}
        if node["config"].get("incremental_strategy") == "by_issue":
            found[node["name"]].add(parts("space_key, issue_id"))
    return found


def test_every_mart_has_a_primary_key_and_every_other_index_serves_a_query(
    reader: Engine,
) -> None:
    with reader.connect() as conn:
        rows = conn.exec_driver_sql(
            "SELECT c.relname, x.relname, i.indisprimary, i.indisunique, "
            "substring(pg_get_indexdef(i.indexrelid) FROM 'USING btree [(](.*)[)]$') "
            "FROM pg_class AS c LEFT JOIN pg_index AS i ON i.indrelid = c.oid LEFT JOIN pg_class "
            "AS x ON x.oid = i.indexrelid "
            "WHERE c.relnamespace = 'mart'::regnamespace AND c.relkind = 'r'"
        ).all()
        conn.exec_driver_sql("SET enable_seqscan = off")
        plans = [
            str(line)
            for query in QUERIES.values()
            for line in conn.exec_driver_sql(
                f"EXPLAIN {query}", execution_options={"no_parameters": True}
            ).scalars()
        ]
    assert {table for table, *_ in rows} - {
        table for table, _, primary, *_ in rows if primary
    } == SEEDS
    others = {
        index: (table, columns) for table, index, _, unique, columns in rows if index and not unique
    }
    idle = {found for index, found in others.items() if not any(index in plan for plan in plans)}
    groups = groups_made_anew()
    assert {(table, columns) for table, columns in idle if parts(columns) not in groups[table]} == {
        # By it a build finds the issues whose status has another stage than before.
        ("issue_status_interval", "space_key, project_id, status, stage")
    }
