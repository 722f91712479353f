"""The ops tables: what the program remembers about its own work.

Add here: a column or table of `ops`, then a migration. Keep out: replicated data (`schema.py`).
"""

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Identity, Index, Table, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB

from resources.warehouse.spec import OPS, metadata

_SPACE = "Space it belongs to"

sync_history = Table(
    "sync_history",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, comment="Number of the sync"),
    Column("space_key", Text, nullable=False, comment=_SPACE),
    Column("sync_type", Text, nullable=False, comment="What was synced, as `issues` or `users`"),
    Column("mode", Text, nullable=False, comment="How it was read, as `backfill` or `incremental`"),
    Column("project_key", Text, comment="Project, null when the sync covers the space"),
    Column("status", Text, nullable=False, comment="in_progress, completed or failed"),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.now(), comment="Start"),
    Column("ended_at", DateTime(timezone=True), comment="End, null while in progress"),
    Column("items_synced", BigInteger, nullable=False, server_default="0", comment="Records read and accepted"),
    Column("items_failed", BigInteger, nullable=False, server_default="0", comment="Records quarantined"),
    Column("requests", BigInteger, nullable=False, server_default="0", comment="API requests it cost"),
    Column("error", Text, comment="Why it failed, in one line"),
    Column("run_id", Text, nullable=False, comment="Run that did it"),
    CheckConstraint("status IN ('in_progress', 'completed', 'failed')", name="sync_history_status_check"),
    Index(None, "space_key", "sync_type", "started_at"),
    Index("sync_history_active_idx", "space_key", postgresql_where=text("status = 'in_progress'")),
    schema=OPS,
    comment="Every sync: what, when, how it ended, what it cost",
)

sync_state = Table(
    "sync_state",
    metadata,
    Column("space_key", Text, primary_key=True, comment=_SPACE),
    Column("scope", Text, primary_key=True, comment="What is synced, as `issues`"),
    Column("project_id", BigInteger, primary_key=True, autoincrement=False, comment="Project; 0: the whole space"),
    Column("watermark", DateTime(timezone=True), comment="All changes before it are in the warehouse"),
    Column("last_success_at", DateTime(timezone=True), comment="When a sync last succeeded"),
    Column("last_attempt_at", DateTime(timezone=True), comment="When a sync last ended, either way"),
    Column("last_error", Text, comment="Why the last sync failed; null when it succeeded"),
    Column("extra", JSONB, nullable=False, server_default=text("'{}'::jsonb"), comment="More state of the scope"),
    schema=OPS,
    comment="How far each scope and project is synced",
)

project_keys = Table(
    "project_keys",
    metadata,
    Column("space_key", Text, primary_key=True, comment=_SPACE),
    Column("project_key", Text, primary_key=True, comment="Key the project has or had"),
    Column("project_id", BigInteger, primary_key=True, autoincrement=False, comment="Project"),
    Column("first_seen_at", DateTime(timezone=True), nullable=False, comment="When it was first seen with this key"),
    Column("last_seen_at", DateTime(timezone=True), nullable=False, comment="When it was last seen with this key"),
    schema=OPS,
    comment="Keys of projects, with those they had before a rename",
)

unexpected_fields = Table(
    "unexpected_fields",
    metadata,
    Column("space_key", Text, primary_key=True, comment=_SPACE),
    Column("table_name", Text, primary_key=True, comment="Raw table"),
    Column("field", Text, primary_key=True, comment="Top-level field of the record that no column knows"),
    Column("first_seen_at", DateTime(timezone=True), nullable=False, server_default=func.now(), comment="First seen"),
    Column("example", Text, nullable=False, comment="A value, as JSON, cut to 200 characters"),
    schema=OPS,
    comment="Fields that the source sends and the schema does not know; they are kept in `payload`",
)

rejected_records = Table(
    "rejected_records",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, comment="Number of the entry"),
    Column("space_key", Text, nullable=False, comment=_SPACE),
    Column("table_name", Text, nullable=False, comment="Raw table the record was meant for"),
    Column("record_key", Text, nullable=False, comment="Key after space_key, parts joined by /; ?hash without an id"),
    Column("project_id", BigInteger, comment="Project, where it is known"),
    Column("payload", Text, nullable=False, comment="The record as received, as JSON in ASCII, so nothing is lost"),
    Column("reason", Text, nullable=False, comment="rejected: not loaded; characters_replaced: loaded without them"),
    Column("error", Text, nullable=False, comment="What was wrong"),
    Column("rejected_at", DateTime(timezone=True), nullable=False, server_default=func.now(), comment="First seen"),
    Column("run_id", Text, nullable=False, comment="Run that recorded this payload"),
    Column("resolved_at", DateTime(timezone=True), comment="When a good version was loaded; null while open"),
    CheckConstraint("reason IN ('rejected', 'characters_replaced')", name="rejected_records_reason_check"),
    Index(
        "rejected_records_open_key",
        "space_key", "table_name", "record_key", "reason",
        unique=True,
        postgresql_where=text("resolved_at IS NULL"),
    ),
    schema=OPS,
    comment="Quarantine: records that could not be loaded as they were",
)  # fmt: skip

OPS_TABLES: Final = (sync_history, sync_state, project_keys, unexpected_fields, rejected_records)
"""Every ops table."""
