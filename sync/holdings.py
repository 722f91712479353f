"""How many issues the warehouse has of each project: in rows, and in quarantine."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, select, union_all

from resources.warehouse.raw.quarantine import place_to_retry
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.state.schema_ops_records import rejected_records


@dataclass(frozen=True)
class Refused:
    """A record in quarantine: the project that it says it is in, None where it says none, and why
    it was refused.
    """

    project_id: int | None
    error: str


@dataclass(frozen=True)
class Holdings:
    """What the warehouse has of each project: rows, and how many more are at the source that it has
    in quarantine.
    """

    rows: Counter[int]
    refused: Counter[int]
    quarantined: Counter[int]

    def total(self, project_ids: Collection[int]) -> int:
        """Return how many issues the source has of these projects if nothing has happened there."""
        return sum(self.rows[project] + self.refused[project] for project in project_ids)


def holdings(engine: Engine, space_key: str) -> Holdings:
    """Count what the warehouse has. An issue in quarantine counts once, where its refused version
    says that it is.

    Raises:
        WarehouseError: the warehouse cannot be read.
    """
    issues = SPECS["issues"].table.c
    present = (issues.space_key == space_key, issues.deleted_at.is_(None))
    with engine.connect() as connection:
        rows = Counter(
            {int(project): int(count) for project, count in connection.execute(_rows(space_key))}
        )
        held = projects_in_quarantine(quarantined(connection, space_key))
        stored = {}
        if held:
            ids = [int(key) for key in held if key.isdigit()]
            places = select(issues.id, issues.project_id).where(*present, issues.id.in_(ids))
            stored = {
                str(identifier): int(project) for identifier, project in connection.execute(places)
            }
            stored |= stored_by_key(connection, space_key, held)
    refused, named = Counter[int](), Counter[int]()
    for key, project in held.items():
        named[project] += 1
        if stored.get(key) != project:
            refused[project] += 1
            if key in stored:
                named[stored[key]] += 1
                refused[stored[key]] -= 1
    return Holdings(rows, refused, named)


def _rows(space_key: str) -> Select[Any]:
    """Select project and number of its rows: all without those marked deleted, two counts by
    indexes alone.
    """
    issues = SPECS["issues"].table.c
    mine = issues.space_key == space_key
    there = select(issues.project_id, func.count().label("rows")).where(mine)
    marked = select(issues.project_id, -func.count()).where(mine, issues.deleted_at.is_not(None))
    both = union_all(
        there.group_by(issues.project_id), marked.group_by(issues.project_id)
    ).subquery()
    return select(both.c.project_id, func.sum(both.c.rows)).group_by(both.c.project_id)


def stored_by_key(connection: Connection, space_key: str, held: Collection[str]) -> dict[str, int]:
    """Return the entries of issues without an id that have the key of a stored issue, each with the
    project of that.
    """
    issues = SPECS["issues"].table.c
    keys = {key: place for key in held if (place := place_to_retry(key))}
    if not keys:
        return {}
    query = select(issues.issue_key, issues.project_id).where(
        issues.space_key == space_key,
        issues.deleted_at.is_(None),
        issues.issue_key.in_(keys.values()),
    )
    projects = {str(key): int(project) for key, project in connection.execute(query)}
    return {key: projects[place] for key, place in keys.items() if place in projects}


def projects_in_quarantine(entries: Mapping[tuple[str, str], Refused]) -> dict[str, int]:
    """Return the project of each issue in quarantine that says it."""
    return {
        key: one.project_id
        for (table, key), one in entries.items()
        if table == "issues" and one.project_id is not None
    }


def quarantined(conn: Connection, space_key: str) -> dict[tuple[str, str], Refused]:
    """Return the records that the warehouse refuses, by table and `record_key`."""
    entry = rejected_records.c
    query = select(entry.table_name, entry.record_key, entry.project_id, entry.error).where(
        entry.space_key == space_key, entry.reason == "rejected", entry.resolved_at.is_(None)
    )
    return {
        (str(table), str(key)): Refused(project, str(error))
        for table, key, project, error in conn.execute(query)
    }
