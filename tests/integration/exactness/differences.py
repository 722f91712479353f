"""Differences between the warehouse and the source, one line each; none when all is equal.

Projects that the key does not see, and issues of archived projects where the source does not list
them, cannot be read: of them nothing is asked but that nothing is marked deleted.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from resources.warehouse.raw.schema import SPECS
from resources.warehouse.state.schema_ops_records import deletions
from tests.deployment import Deployment
from tests.integration.exactness import truth
from tests.integration.exactness.choices import Silence
from tests.integration.exactness.truth import Key, Row

#: Tables of which each row belongs to an issue.
HISTORY: Final = {
    "issues": truth.issues,
    "comments": truth.comments,
    "issue_changes": truth.changes,
}
#: Table -> what of a row stands in the payload only.
_CONTENT: Final[Mapping[str, Callable[[Mapping[str, Any]], Row]]] = {
    "issues": truth.issue_content,
    "comments": truth.comment_content,
}
_IDS: Final = ("old_ids", "new_ids")


@dataclass(frozen=True)
class Stored:
    """A row of the warehouse: the columns that are compared, and whether it is marked deleted."""

    row: Row
    deleted: bool
    payload: Mapping[str, Any]


def differences(
    deployment: Deployment, *, silence: Silence | None = None, masters: bool = True
) -> list[str]:
    """Return every difference; `silence` names what may differ, since nothing tells of its change
    and nobody has looked again.

    `masters`: compare the tables that are read whole, too.
    """
    quiet = silence or Silence()
    with deployment.sim.space.lock:
        return [
            *_history(deployment, quiet),
            *_activities(deployment),
            *(_masters(deployment) if masters else []),
            *_deletions(deployment),
        ]


def _history(deployment: Deployment, quiet: Silence) -> list[str]:
    world = deployment.sim.space
    listed = truth.listed_projects(world)
    hidden = [project for project in world.projects.values() if project not in listed]
    readable = {project.id for project in listed}
    found: list[str] = []
    homes: dict[int, int] = {}
    # Of a comment whose activity is stored, it is known in which project its issue was.
    unplaced = quiet.named - {
        one.row["comment_id"] for one in _stored(deployment, "activities", {"comment_id"}).values()
    }
    for table, read in HISTORY.items():
        expected, unreadable = read(world, listed), read(world, hidden)
        stored = _stored(deployment, table, next(iter(expected.values()), {}))
        silent = quiet.issues if table == "issues" else quiet.comments
        for key, row in sorted(expected.items()):
            if key[0] not in silent:
                unknown = {name: None for name in _IDS if name in row and key[0] in unplaced}
                found += _compare(table, key, row | unknown, stored.get(key))
        if table == "issues":
            homes = {key[0]: one.row["project_id"] for key, one in stored.items()}
        for key, one in stored.items():
            # What hangs on an issue can be read where the issue is, by what is known of it.
            project = (
                one.row["project_id"] if table == "issues" else homes.get(one.row["issue_id"], 0)
            )
            gone = (
                key not in expected
                and key not in unreadable
                and (project in readable or project not in world.projects)
            )
            # The feed tells of every issue that is deleted; of a comment nothing does.
            if gone and not one.deleted and (table == "issues" or key[0] not in silent):
                found.append(
                    f"{table}/{_text(key)}: not marked deleted, but gone from the "
                    f"source, as stored: {one.row}"
                )
            if one.deleted and key in unreadable and unreadable[key]["project_id"] == project:
                found.append(
                    f"{table}/{_text(key)}: marked deleted, but its project only cannot be read"
                )
    return found


def _compare(table: str, key: Key, expected: Row, stored: Stored | None) -> list[str]:
    name = f"{table}/{_text(key)}"
    if stored is None:
        return [f"{name}: missing"]
    if stored.deleted:
        return [f"{name}: marked deleted, but the source has it"]
    return [
        f"{name}: {column} is {stored.row[column]!r}, the source has {value!r}"
        for column, value in expected.items()
        if not (
            _ids_fit(stored.row[column], value) if column in _IDS else stored.row[column] == value
        )
    ]


def _ids_fit(stored: list[int] | None, true: list[int] | None) -> bool:
    """Ids that are resolved must be the true ones; that names could not be resolved is no error."""
    return stored is None or true is None or sorted(stored) == sorted(true)


def _activities(deployment: Deployment) -> list[str]:
    """Compare activities: all that are shown now must be stored; those that are not shown any more
    may be.
    """
    world = deployment.sim.space
    expected = truth.activities(world)
    stored = _stored(deployment, "activities", next(iter(expected.values()), {}))
    happened = {(one.id,) for one in world.activities}
    return [
        line
        for key, row in sorted(expected.items())
        for line in _compare("activities", key, row, stored.get(key))
    ] + [
        f"activities/{_text(key)}: never happened"
        for key, one in stored.items()
        if key not in happened and one.row.get("project_id") in world.projects
    ]


def _masters(deployment: Deployment) -> list[str]:
    found = []
    world = deployment.sim.space
    seen = {project.id for project in truth.seen_projects(world)}
    for table, expected in truth.masters(world).items():
        stored = _stored(deployment, table, next(iter(expected.values()), {}))
        for key, row in sorted(expected.items()):
            found += _compare(table, key, row, stored.get(key))
        for key, one in stored.items():
            project = (
                key[0]
                if table == "projects"
                else one.row.get("project_id", key[0] if len(key) > 1 else None)
            )
            # A project that the key cannot see, with all that is in it, is not gone.
            gone = key not in expected and (
                project is None or project in seen or project not in world.projects
            )
            if gone and not one.deleted:
                found.append(f"{table}/{_text(key)}: not marked deleted, but gone from the source")
    return found


def _deletions(deployment: Deployment) -> list[str]:
    """Compare the marks with `ops.deletions`: each mark has one open entry with its reason and
    evidence, nothing else has one.
    """
    marked = {
        (table, _text(key)): one.row["deleted_reason"]
        for table, spec in SPECS.items()
        if spec.vanishes
        for key, one in _stored(deployment, table, {"deleted_reason": None}).items()
        if one.deleted
    }
    columns = deletions.c
    query = select(columns.table_name, columns.record_key, columns.reason, columns.evidence).where(
        columns.restored_at.is_(None)
    )
    with deployment.engine.connect() as connection:
        rows = list(connection.execute(query))
    logged = {(row.table_name, row.record_key) for row in rows}
    return [
        *(
            f"{table}/{key}: marked deleted, but ops.deletions does not say why"
            for table, key in sorted(marked.keys() - logged)
        ),
        *(
            f"{table}/{key}: in ops.deletions, but not marked deleted"
            for table, key in sorted(logged - marked.keys())
        ),
        *(
            f"{row.table_name}/{row.record_key}: deleted with no reason or evidence"
            for row in rows
            if not row.reason or not row.evidence
        ),
        *(
            [f"ops.deletions: {len(rows) - len(logged)} rows are there twice"]
            if len(rows) > len(logged)
            else []
        ),
    ]


def _stored(deployment: Deployment, table: str, columns: Collection[str]) -> dict[Key, Stored]:
    """Return the rows of a table by key, with these columns (those that stand in the payload
    included).
    """
    spec = SPECS[table]
    content = _CONTENT.get(table)
    with deployment.engine.connect() as connection:
        rows = list(connection.execute(select(spec.table)).mappings())
    return {
        tuple(row[name] for name in spec.key): Stored(
            {name: row[name] for name in {*columns, "project_id", "issue_id"} if name in row}
            | (content(row["payload"]) if content else {}),
            spec.vanishes and row["deleted_at"] is not None,
            row["payload"],
        )
        for row in rows
    }


def _text(key: Key) -> str:
    return "/".join(map(str, key))
