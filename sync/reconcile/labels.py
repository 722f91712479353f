"""What people know a row by where its own record does not say it: a comment by the key of its issue."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Engine, select

from resources.warehouse.schema import SPECS
from sync.reconcile.differences import Difference
from sync.reconcile.sides import with_ids


def labelled(engine: Engine, space_key: str, found: Sequence[Difference]) -> list[Difference]:
    """Give comments and changes the key of their issue, where the warehouse has that."""
    issues = SPECS["issues"].table.c
    requested = {one.issue_id for one in found if one.issue_id and not one.label}
    query = select(issues.id, issues.issue_key).where(issues.space_key == space_key, with_ids(SPECS["issues"], sorted(requested)))
    with engine.connect() as connection:
        keys = {int(identifier): str(key) for identifier, key in connection.execute(query)}
    return [replace(one, label=one.label or keys.get(one.issue_id, "")) for one in found]
