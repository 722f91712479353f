"""Migrations of the warehouse, run by whatever needs the warehouse; safe when two processes start at once.

Add here: `versions/NNNN_what.py` (and `.sql`) for each change of the schema. A new column of a raw table fills
itself from `payload` in its migration, since unchanged rows are not merged again.
Keep out: the schema as it should be (`schema.py`, `schema_ops.py`); a test holds the two together.
"""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text

from resources.warehouse.spec import OPS

_LOCK = 0x6261636B6C6F67  # "backlog"
_VERSION_TABLE = "alembic_version"


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest schema, in one transaction: a killed migration leaves nothing behind.

    Raises:
        WarehouseError: the server cannot be used, or the user may not create schemas.
    """
    with engine.connect() as conn:
        if _current(conn) == _head():
            return
    config = _config()
    with engine.begin() as conn:
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        conn.execute(text(f"CREATE SCHEMA IF NOT EXISTS {OPS}"))
        config.attributes["connection"] = conn
        command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


@cache
def _head() -> str | None:
    """Return the newest version; read once a process, since that loads every migration."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _current(conn: Connection) -> str | None:
    if not inspect(conn).has_table(_VERSION_TABLE, schema=OPS):
        return None
    return MigrationContext.configure(conn, opts={"version_table_schema": OPS}).get_current_revision()
