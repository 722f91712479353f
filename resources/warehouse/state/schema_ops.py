"""The ops tables about the work of the program, and the list of all ops tables."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from resources.warehouse.raw.spec import OPS, metadata
from resources.warehouse.state.schema_ops_records import (
    SPACE_COMMENT,
    check_marks,
    deletions,
    forgotten_users,
    issue_sync_state,
    mapping_lines,
    names,
    observed_changes,
    project_keys,
    rejected_records,
    row_counts,
    unexpected_fields,
    webhook_events,
)

sync_history = Table(
    "sync_history",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, comment="Number of the sync"),
    Column(
        "space_key",
        Text,
        nullable=False,
        comment="Space it belongs to; its address until a load has seen its key",
    ),
    Column(
        "sync_type",
        Text,
        nullable=False,
        comment="What was synced, as `issues` or `users`; of a run that is no "
        "sync its kind, as `marts`",
    ),
    Column(
        "mode",
        Text,
        nullable=False,
        comment="How it was read, as `backfill` or `incremental`; `run`: no "
        "sync, but how a run ended",
    ),
    Column("project_key", Text, comment="Project, null when the sync covers several or the space"),
    Column("status", Text, nullable=False, comment="in_progress, completed or failed"),
    Column(
        "started_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.now(),
        comment="Start",
    ),
    Column("ended_at", DateTime(timezone=True), comment="End, null while in progress"),
    Column(
        "items_synced",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="Records read and accepted",
    ),
    Column(
        "items_failed",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="Records quarantined",
    ),
    Column(
        "requests", BigInteger, nullable=False, server_default="0", comment="API requests it cost"
    ),
    Column("error", Text, comment="Why it failed, in one line"),
    Column("run_id", Text, nullable=False, comment="Run that did it"),
    Column("waiting_for", Text, comment="What it waits for, in words; null when it does not wait"),
    Column(
        "waiting_until", DateTime(timezone=True), comment="Until when it waits, where that is known"
    ),
    Column(
        "progress_done",
        BigInteger,
        comment="How far its load is while it works: rows, or issues whose comments are read",
    ),
    Column(
        "progress_total", BigInteger, comment="How many there will be of these, where that is known"
    ),
    Column(
        "projects",
        ARRAY(Text),
        comment="Projects that the sync covers, null when it covers the whole space",
    ),
    Column("cause", Text, comment="Code of the cause of error; null for a row of before codes"),
    Column(
        "noted_at",
        DateTime(timezone=True),
        comment="When its load last noted a wait or how far it is",
    ),
    CheckConstraint(
        "status IN ('in_progress', 'completed', 'failed')", name="sync_history_status_check"
    ),
    Index(None, "space_key", "sync_type", "started_at"),
    Index(None, "space_key", "started_at"),
    Index("sync_history_active_idx", "space_key", postgresql_where=text("status = 'in_progress'")),
    Index(None, "run_id"),
    Index("sync_history_run_key", "run_id", unique=True, postgresql_where=text("mode = 'run'")),
    schema=OPS,
    comment="Every sync and every build of the marts: what, when, how it ended, what it cost; one "
    "that was killed stays in_progress, and ops.sync_outcomes says so; a row of mode run is of an "
    "earlier version",
)

sync_state = Table(
    "sync_state",
    metadata,
    Column("space_key", Text, primary_key=True, comment=SPACE_COMMENT),
    Column("scope", Text, primary_key=True, comment="What is synced, as `issues`"),
    Column(
        "project_id",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="Project; 0: the whole space",
    ),
    Column(
        "watermark", DateTime(timezone=True), comment="All changes before it are in the warehouse"
    ),
    Column("last_success_at", DateTime(timezone=True), comment="When a sync last succeeded"),
    Column(
        "last_attempt_at", DateTime(timezone=True), comment="When a sync last ended, either way"
    ),
    Column("last_error", Text, comment="Why the last sync failed; null when it succeeded"),
    Column(
        "extra",
        JSONB,
        nullable=False,
        server_default=text("'{}'::jsonb"),
        comment="More state of the scope",
    ),
    Column("last_cause", Text, comment="Code of the cause of last_error"),
    schema=OPS,
    comment="How far each scope and project is synced",
)

reconciliations = Table(
    "reconciliations",
    metadata,
    Column(
        "id", BigInteger, Identity(always=True), primary_key=True, comment="Number of the entry"
    ),
    Column("space_key", Text, nullable=False, comment=SPACE_COMMENT),
    Column("project_id", BigInteger, nullable=False, comment="Project"),
    Column(
        "checked_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.now(),
        comment="When it was compared",
    ),
    Column(
        "how",
        Text,
        nullable=False,
        comment="count: by number of issues; rows: by id, time of change and content",
    ),
    Column("source_rows", BigInteger, nullable=False, comment="Issues at the source"),
    Column(
        "warehouse_rows",
        BigInteger,
        nullable=False,
        comment="Issues in the warehouse that are not marked deleted",
    ),
    Column("differences", BigInteger, nullable=False, comment="Issues that differ"),
    Column(
        "equal",
        Boolean,
        nullable=False,
        comment="Whether the project counts as equal; a count cannot take back what a "
        "comparison of rows has found",
    ),
    Column("note", Text, comment="More about it, in one line"),
    CheckConstraint("how IN ('count', 'rows')", name="reconciliations_how_check"),
    Index(None, "space_key", "project_id", "checked_at"),
    schema=OPS,
    comment="Every comparison of a project in the warehouse with the source, and how it came out",
)

spaces = Table(
    "spaces",
    metadata,
    Column("space_key", Text, primary_key=True, comment=SPACE_COMMENT),
    Column("url", Text, nullable=False, comment="Root of the space, without a slash at its end"),
    Column(
        "changed_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.now(),
        comment="Since when it is known",
    ),
    schema=OPS,
    comment="Where each space is found, for links to its issues",
)

mart_builds = Table(
    "mart_builds",
    metadata,
    Column(
        "id", BigInteger, Identity(always=True), primary_key=True, comment="Number of the build"
    ),
    Column(
        "began_at",
        DateTime(timezone=True),
        nullable=False,
        comment="Rows written before it were there when the build began",
    ),
    Column(
        "ended_at",
        DateTime(timezone=True),
        comment="When it had succeeded; null while it is at work, or where it has failed",
    ),
    Column(
        "since",
        DateTime(timezone=True),
        comment="Issues written since then are built anew; null: all",
    ),
    Column(
        "project",
        Text,
        nullable=False,
        comment="Digest of the dbt project; another project is built whole",
    ),
    Column("run_id", Text, nullable=False, comment="Run that did it"),
    schema=OPS,
    comment="Every build of all marts: up to which rows, and whether it has succeeded",
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column(
        "name",
        Text,
        primary_key=True,
        comment="Who gives the sign, as `alerts` with the address of the space",
    ),
    Column("beat_at", DateTime(timezone=True), nullable=False, comment="When it was given last"),
    Column("detail", JSONB, nullable=False, comment="Its detail"),
    schema=OPS,
    comment="The last sign of life of what works without being asked",
)

oauth_tokens = Table(
    "oauth_tokens",
    metadata,
    Column(
        "host",
        Text,
        primary_key=True,
        comment="Host of the space, with port and path where its URL has them",
    ),
    Column(
        "client_id",
        Text,
        primary_key=True,
        comment="Application that a user has allowed to read the space",
    ),
    Column("space_key", Text, nullable=False, comment=SPACE_COMMENT),
    Column("tokens", Text, nullable=False, comment="Access and refresh token, encrypted (Fernet)"),
    Column(
        "key_id", Text, nullable=False, comment="Fingerprint of the key by which they are encrypted"
    ),
    Column(
        "expires_at",
        DateTime(timezone=True),
        nullable=False,
        comment="End of the access token, by the clock of the space",
    ),
    Column(
        "refreshed_at",
        DateTime(timezone=True),
        nullable=False,
        comment="When the space gave these tokens",
    ),
    Column(
        "refused_at",
        DateTime(timezone=True),
        comment="Since when the space does not renew them; null: it may. Log in again",
    ),
    Column("refused_reason", Text, comment="What the space said to that"),
    schema=OPS,
    comment="Who is logged in by OAuth: one row for each space and application",
)

source_conditions = Table(
    "source_conditions",
    metadata,
    Column(
        "id", BigInteger, Identity(always=True), primary_key=True, comment="Number of the condition"
    ),
    Column("url", Text, nullable=False, comment="Root of the space, without a slash at its end"),
    Column(
        "kind",
        Text,
        nullable=False,
        comment="unreachable, refused or rate_limited (by other programs of the same user)",
    ),
    Column(
        "began_at", DateTime(timezone=True), nullable=False, comment="When a request first met it"
    ),
    Column(
        "last_seen_at",
        DateTime(timezone=True),
        nullable=False,
        comment="When a request last met it",
    ),
    Column("message", Text, nullable=False, comment="The error of that first request, in one line"),
    Column(
        "ended_at",
        DateTime(timezone=True),
        comment="When a request was answered again; null while it lasts",
    ),
    Column("cause", Text, comment="Code of the cause of message"),
    CheckConstraint(
        "kind IN ('unreachable', 'refused', 'rate_limited')", name="source_conditions_kind_check"
    ),
    Index(
        "source_conditions_open_key", "url", unique=True, postgresql_where=text("ended_at IS NULL")
    ),
    schema=OPS,
    comment="When the source as a whole could not be read, and why: one row for each time",
)

locks = Table(
    "locks",
    metadata,
    Column(
        "space_key",
        Text,
        primary_key=True,
        comment="Space it belongs to; `all spaces` of what they share",
    ),
    Column(
        "name",
        Text,
        primary_key=True,
        comment="What is locked, as `issues/300`, `marts`, or the life of a load",
    ),
    Column(
        "pid",
        BigInteger,
        nullable=False,
        comment="Session that has taken it, as in pg_stat_activity: when that ends, it is free",
    ),
    Column(
        "session_began_at",
        DateTime(timezone=True),
        nullable=False,
        comment="When that session began: its number is used again",
    ),
    Column("role_id", BigInteger, nullable=False, comment="Role of that session (oid)"),
    Column("holder", Text, nullable=False, comment="Who it is, in words: run, process and machine"),
    Column("taken_at", DateTime(timezone=True), nullable=False, comment="Since when"),
    schema=OPS,
    # Locks end with the server, so they need not be written to disk.
    prefixes=["UNLOGGED"],
    comment="Which load or build holds which lock; rows of sessions that are gone hold nothing",
)

OPS_TABLES: Final = (
    sync_history, sync_state, project_keys, unexpected_fields, rejected_records,
    issue_sync_state, deletions, observed_changes, reconciliations, webhook_events, names, spaces,
    mart_builds, mapping_lines, forgotten_users, check_marks, row_counts,
    oauth_tokens, heartbeats, source_conditions, locks,
)  # fmt: skip
"""Every ops table."""

SAID: Final = (
    unexpected_fields.c.example, rejected_records.c.error, webhook_events.c.outcome,
    sync_history.c.error, sync_state.c.last_error, reconciliations.c.note,
    source_conditions.c.message, heartbeats.c.detail,
)  # fmt: skip
"""Text columns that quote records or errors: people are replaced in them."""
