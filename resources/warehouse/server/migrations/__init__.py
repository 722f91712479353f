"""Migrations of the warehouse, run by any process that needs it; safe when two processes start at
once.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from psycopg2.errors import UniqueViolation
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError

from resources.warehouse.raw.spec import OPS
from resources.warehouse.warehouse_errors import WarehouseError

if TYPE_CHECKING:
    from alembic.config import Config

#: The newest version, from the file names: 0001_….py is v1. A database at this version needs no
#: Alembic, which costs each process 8 MB and 80 ms.
HEAD = (
    f"v{max(int(path.name[:4]) for path in (Path(__file__).parent / 'versions').glob('[0-9]*.py'))}"
)
_VERSION_TABLE = "alembic_version"
#: Versions from development before the first release; their migrations were squashed into one.
_BEFORE_V1 = frozenset(f"{number:04}" for number in range(1, 13))
#: Locks held until the end of the migration. The table is as Alembic creates it; of two processes
#: that create it at once, one fails afterwards.
_ALONE = (
    f"CREATE SCHEMA IF NOT EXISTS {OPS}",
    (
        f"CREATE TABLE IF NOT EXISTS {OPS}.{_VERSION_TABLE} (version_num VARCHAR(32) CONSTRAINT "
        "alembic_version_pkc PRIMARY KEY)"
    ),
    f"LOCK TABLE {OPS}.{_VERSION_TABLE} IN SHARE ROW EXCLUSIVE MODE",
    # A reader of a view on our tables blocks their change, and all loads wait behind this
    # statement.
    "SET LOCAL lock_timeout = '1min'",
)


def upgrade(engine: Engine) -> None:
    """Migrate the database to the newest schema in one transaction, so that a killed migration
    leaves nothing behind.

    Raises:
        WarehouseError: the server cannot be used, the user may not create schemas, or a newer
            program has migrated the database.
    """
    current = version(engine)
    if current == HEAD:
        return
    if current in _BEFORE_V1:
        raise WarehouseError(
            f"The warehouse has version {current}, from before the first release, which "
            "this program does not read. "
            "Everything in it comes from Backlog: drop the schemas raw, ops, staging "
            "and mart, then load again.",
            cause="warehouse_version",
        )
    if current is not None and current not in versions():
        raise WarehouseError(
            f"The warehouse has version {current}, which this program does "
            f"not know (it has {HEAD}): "
            "start the newer program, or restore the backup of before the upgrade.",
            cause="warehouse_version",
        )
    try:
        _migrate(engine)
    except IntegrityError as error:
        if not isinstance(error.orig, UniqueViolation):
            raise
        # Another process has created the schema at the same time, and has ended by now.
        _migrate(engine)


def _migrate(engine: Engine) -> None:
    from alembic import command

    config = _config()
    with engine.begin() as conn:
        for statement in _ALONE:
            conn.execute(text(statement))
        config.attributes["connection"] = conn
        command.upgrade(config, "head")


def version(engine: Engine) -> str | None:
    """Return the version of the database, None if it has none.

    Raises:
        WarehouseError: the server cannot be used, or its table of versions has several.
    """
    with engine.connect() as conn:
        if not inspect(conn).has_table(_VERSION_TABLE, schema=OPS):
            return None
        named = f"SELECT DISTINCT version_num FROM {OPS}.{_VERSION_TABLE}"  # noqa: S608 - constants
        found = conn.execute(text(f"{named} ORDER BY version_num")).scalars().all()
    if len(found) > 1:
        known = [one for one in found if one in versions()]
        right = known[0] if len(known) == 1 else "that of the tables"
        raise WarehouseError(
            f"{OPS}.{_VERSION_TABLE} names several versions ({', '.join(found)}): "
            f"restore a backup, or delete the rows that are not {right}.",
            cause="warehouse_version",
        )
    return found[0] if found else None


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def versions() -> tuple[str, ...]:
    """Return all versions, newest first."""
    from alembic.script import ScriptDirectory

    return tuple(
        script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()
    )
