"""Reads the log of deletions: what was deleted in each project and in the space, when, why, and by
which evidence.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, tuple_

from resources.warehouse.raw.quarantine import key_text
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.tombstones import FOLLOWED
from resources.warehouse.state.schema_ops_records import deletions


@dataclass(frozen=True)
class Deletion:
    """A deleted row that has not come back; `label` is its name for people, or empty."""

    table: str
    key: str
    label: str
    project_id: int | None
    found_at: datetime
    reason: str
    evidence: str


def latest_deletions(conn: Connection, space_key: str, limit: int) -> list[Deletion]:
    """Return the newest open deletions, without rows deleted along with an issue, a comment or a
    project.
    """
    entry = deletions.c
    query = (
        select(
            entry.table_name,
            entry.record_key,
            entry.project_id,
            entry.found_at,
            entry.reason,
            entry.evidence,
        )
        .where(
            entry.space_key == space_key, entry.restored_at.is_(None), entry.reason.not_in(FOLLOWED)
        )
        .order_by(entry.id.desc())
        .limit(limit)
    )
    rows = conn.execute(query).all()
    keys: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        keys[row.table_name].append(row.record_key)
    labels = {
        (table, key): label
        for table, of_table in keys.items()
        for key, label in _labels(conn, table, of_table, space_key)
    }
    return [Deletion(row[0], row[1], labels.get((row[0], row[1]), ""), *row[2:]) for row in rows]


def count_deletions(conn: Connection, space_key: str) -> dict[int | None, dict[str, int]]:
    """Return project id -> table -> open deletions, including rows deleted along with others.

    The project id is None for tables without projects.
    """
    entry = deletions.c
    query = (
        select(entry.project_id, entry.table_name, func.count())
        .where(entry.space_key == space_key, entry.restored_at.is_(None))
        .group_by(entry.project_id, entry.table_name)
        .order_by(entry.table_name)
    )
    counts: dict[int | None, dict[str, int]] = defaultdict(dict)
    for project_id, table, count in conn.execute(query):
        counts[project_id][table] = int(count)
    return dict(counts)


def _labels(
    conn: Connection, table: str, keys: Sequence[str], space_key: str
) -> list[tuple[str, str]]:
    """Return (key, label) of rows: their own name; for a membership the user's, for a comment the
    issue's.
    """
    spec = SPECS.get(table)
    if spec is None:
        return []
    columns, issues, users = spec.table.c, SPECS["issues"].table, SPECS["users"].table
    key = [columns[name] for name in spec.key]
    query = select(*key)
    if spec.business_key:
        query = query.add_columns(columns[spec.business_key])
    elif "issue_id" in columns:
        same = (issues.c.space_key == columns.space_key) & (issues.c.id == columns.issue_id)
        query = query.add_columns(issues.c.issue_key).join_from(spec.table, issues, same)
    elif "user_id" in columns:
        same = (users.c.space_key == columns.space_key) & (users.c.id == columns.user_id)
        query = query.add_columns(users.c.name).join_from(spec.table, users, same)
    else:
        return []
    requested = [tuple(int(part) for part in text.split("/")) for text in keys]
    found = conn.execute(query.where(columns.space_key == space_key, tuple_(*key).in_(requested)))
    return [(key_text(tuple(parts)), str(label)) for *parts, label in found if label is not None]
