"""The ops tables: what the program remembers about its own work."""

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

from resources.warehouse.spec import OPS, metadata

_SPACE = "Space it belongs to"

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
    CheckConstraint(
        "status IN ('in_progress', 'completed', 'failed')", name="sync_history_status_check"
    ),
    Index(None, "space_key", "sync_type", "started_at"),
    Index("sync_history_active_idx", "space_key", postgresql_where=text("status = 'in_progress'")),
    Index(None, "run_id"),
    Index("sync_history_run_key", "run_id", unique=True, postgresql_where=text("mode = 'run'")),
    schema=OPS,
    comment="Every sync: what, when, how it ended, what it cost; and every "
    "run that ended without one",
)

sync_state = Table(
    "sync_state",
    metadata,
    Column("space_key", Text, primary_key=True, comment=_SPACE),
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
    schema=OPS,
    comment="How far each scope and project is synced",
)

project_keys = Table(
    "project_keys",
    metadata,
    Column("space_key", Text, primary_key=True, comment=_SPACE),
    Column("project_key", Text, primary_key=True, comment="Key the project has or had"),
    Column("project_id", BigInteger, primary_key=True, autoincrement=False, comment="Project"),
    Column(
        "first_seen_at",
        DateTime(timezone=True),
        nullable=False,
        comment="When it was first seen with this key",
    ),
    Column(
        "last_seen_at",
        DateTime(timezone=True),
        nullable=False,
        comment="When it was last seen with this key",
    ),
    schema=OPS,
    comment="Keys of projects, with those they had before a rename",
)

unexpected_fields = Table(
    "unexpected_fields",
    metadata,
    Column("space_key", Text, primary_key=True, comment=_SPACE),
    Column("table_name", Text, primary_key=True, comment="Raw table"),
    Column(
        "field",
        Text,
        primary_key=True,
        comment="Top-level field of the record that no column knows",
    ),
    Column(
        "first_seen_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.now(),
        comment="First seen",
    ),
    Column("example", Text, nullable=False, comment="A value, as JSON, cut to 200 characters"),
    schema=OPS,
    comment="Fields that the source sends and the schema does not know; they are kept in `payload`",
)

rejected_records = Table(
    "rejected_records",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True,
        comment="Number of the entry"),
    Column("space_key", Text, nullable=False, comment=_SPACE),
    Column("table_name", Text, nullable=False, comment="Raw table the record was meant for"),
    Column("record_key", Text, nullable=False,
        comment="Key after space_key, parts joined by /; ?hash without an id"),
    Column("project_id", BigInteger, comment="Project, where it is known"),
    Column("payload", Text, nullable=False,
        comment="The record as received, as JSON in ASCII, so nothing is lost"),
    Column("reason", Text, nullable=False,
        comment="rejected: not loaded; characters_replaced: loaded without them"),
    Column("error", Text, nullable=False, comment="What was wrong"),
    Column("rejected_at", DateTime(timezone=True), nullable=False, server_default=func.now(),
        comment="First seen"),
    Column("run_id", Text, nullable=False, comment="Run that recorded this payload"),
    Column("resolved_at", DateTime(timezone=True),
        comment="When a good version was loaded; null while open"),
    CheckConstraint("reason IN ('rejected', 'characters_replaced')",
        name="rejected_records_reason_check"),
    Index(
        "rejected_records_open_key",
        "space_key", "table_name", "record_key", "reason",
        unique=True,
        postgresql_where=text("resolved_at IS NULL"),
    ),
    schema=OPS,
    comment="Quarantine: records that could not be loaded as they were",
)  # fmt: skip

issue_sync_state = Table(
    "issue_sync_state",
    metadata,
    Column("space_key", Text, primary_key=True, comment=_SPACE),
    Column("issue_id", BigInteger, primary_key=True, autoincrement=False, comment="Issue"),
    Column("project_id", BigInteger, nullable=False, comment="Project of the issue"),
    Column(
        "updated_at",
        DateTime(timezone=True),
        comment="The issue's last change when its comments were read; null: never read",
    ),
    Column(
        "last_comment_id",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="Highest comment id read; 0: none yet",
    ),
    Column(
        "refetch_comments_from",
        BigInteger,
        comment="Comments from this id on are to be read again; 0: all; null: none",
    ),
    Column(
        "refetch_issue",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Whether the issue itself is to be read",
    ),
    Column("requested_by", Text, comment="What last requested a refetch"),
    Column(
        "refetch_requests",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="Number of refetch requests so far; an acknowledgement compares it",
    ),
    Column(
        "refreshed_at",
        DateTime(timezone=True),
        comment="When all its comments were last read; null: never",
    ),
    Index(
        "issue_sync_state_requested_idx",
        "space_key",
        "project_id",
        postgresql_where=text("refetch_issue OR refetch_comments_from IS NOT NULL"),
    ),
    schema=OPS,
    comment="How far the comments of each issue are read, and what is still to be read",
)

deletions = Table(
    "deletions",
    metadata,
    Column(
        "id", BigInteger, Identity(always=True), primary_key=True, comment="Number of the entry"
    ),
    Column("space_key", Text, nullable=False, comment=_SPACE),
    Column("table_name", Text, nullable=False, comment="Raw table"),
    Column("record_key", Text, nullable=False, comment="Key after space_key, parts joined by /"),
    Column("project_id", BigInteger, comment="Project, where the table has one"),
    Column(
        "found_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.now(),
        comment="When it was found gone",
    ),
    Column(
        "reason", Text, nullable=False, comment="Why the row is marked, as `deleted_reason` has it"
    ),
    Column(
        "evidence",
        Text,
        nullable=False,
        comment="How it was found, as activity feed, issue re-read or count reconciliation",
    ),
    Column("run_id", Text, nullable=False, comment="Run that found it"),
    Column(
        "restored_at", DateTime(timezone=True), comment="When it came back; null while it is gone"
    ),
    Index(
        "deletions_open_idx",
        "space_key",
        "table_name",
        "record_key",
        postgresql_where=text("restored_at IS NULL"),
    ),
    Index(None, "space_key", "project_id", "found_at"),
    schema=OPS,
    comment="Every row that was found gone from the source: when, why, by which evidence, "
    "and whether it came back",
)

observed_changes = Table(
    "observed_changes",
    metadata,
    Column(
        "id", BigInteger, Identity(always=True), primary_key=True, comment="Number of the entry"
    ),
    Column("space_key", Text, nullable=False, comment=_SPACE),
    Column("issue_id", BigInteger, nullable=False, comment="Issue"),
    Column(
        "field",
        Text,
        nullable=False,
        comment="Field as in raw.issue_changes; updated_at: the first version seen was replaced",
    ),
    Column(
        "old_value",
        Text,
        comment="Value of the version that was stored: id, list of ids, day, number or instant",
    ),
    Column("new_value", Text, comment="Value of the version that was written over it"),
    Column(
        "updated_before",
        DateTime(timezone=True),
        comment="updated_at of the version that was stored",
    ),
    Column(
        "updated_at",
        DateTime(timezone=True),
        comment="updated_at of the version that was written over it",
    ),
    Column(
        "changed_at",
        DateTime(timezone=True),
        nullable=False,
        comment="When it was changed, as far as the evidence shows",
    ),
    Column(
        "evidence",
        Text,
        nullable=False,
        comment="What dates it: an activity, a deletion that was found, or the sync that saw it",
    ),
    Column("run_id", Text, nullable=False, comment="Run that wrote the version"),
    Index(None, "space_key", "issue_id"),
    schema=OPS,
    comment="What loads have seen change between two versions of an issue; dates what no change "
    "log has, once and for all",
)

reconciliations = Table(
    "reconciliations",
    metadata,
    Column(
        "id", BigInteger, Identity(always=True), primary_key=True, comment="Number of the entry"
    ),
    Column("space_key", Text, nullable=False, comment=_SPACE),
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

webhook_events = Table(
    "webhook_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True,
        comment="Number of the event"),
    Column("space_key", Text, nullable=False, comment=_SPACE),
    Column("activity_id", BigInteger,
        comment="Activity it reports; null when the payload names none"),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now(),
        comment="When it came in"),
    Column("payload", Text, nullable=False,
        comment="The body as received, as JSON in ASCII; a JSON string when it was no JSON"),
    Column("processed_at", DateTime(timezone=True),
        comment="When it was dealt with; null while open"),
    Column("outcome", Text, comment="What became of it"),
    Index(
        "webhook_events_activity_key", "space_key", "activity_id",
        unique=True, postgresql_where=text("activity_id IS NOT NULL"),
    ),
    Index("webhook_events_open_idx", "space_key", "id",
        postgresql_where=text("processed_at IS NULL")),
    schema=OPS,
    comment="The inbox: what webhooks have reported, once each",
)  # fmt: skip

names = Table(
    "names",
    metadata,
    Column("space_key", Text, primary_key=True, comment=_SPACE),
    Column(
        "kind",
        Text,
        primary_key=True,
        comment="statuses, issue_types, categories, versions, users, custom_field_items …",
    ),
    Column(
        "owner_id",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="Project or custom field; 0: the space",
    ),
    Column("id", BigInteger, primary_key=True, autoincrement=False, comment="What has the name"),
    Column(
        "seen_from",
        DateTime(timezone=True),
        primary_key=True,
        comment="First seen with it; -infinity: when first looked",
    ),
    Column("name", Text, nullable=False, comment="Name"),
    Column(
        "unseen_at",
        DateTime(timezone=True),
        comment="Looked last without finding it; null: seen when first looked",
    ),
    Column("seen_at", DateTime(timezone=True), nullable=False, comment="Last seen with it"),
    Column("seen_to", DateTime(timezone=True), comment="Found without it; null while it has it"),
    schema=OPS,
    comment="Which name meant which id at what time: the change log names things "
    "as they were called then",
)

spaces = Table(
    "spaces",
    metadata,
    Column("space_key", Text, primary_key=True, comment=_SPACE),
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

forgotten_users = Table(
    "forgotten_users",
    metadata,
    Column("space_key", Text, primary_key=True, comment=_SPACE),
    Column(
        "user_id",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="User who is erased, and never written again",
    ),
    Column(
        "forgotten_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=func.now(),
        comment="When the user was erased",
    ),
    Column(
        "fingerprints",
        ARRAY(Text),
        nullable=False,
        comment="Slow hashes of the names, since change logs have names without ids",
    ),
    schema=OPS,
    comment="Who is forgotten: all texts that identify the person are replaced by "
    "forgotten-<id>, also in later loads",
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
    Column("space_key", Text, nullable=False, comment=_SPACE),
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
    # Locks do not outlive the server, so that no load need wait for its disk.
    prefixes=["UNLOGGED"],
    comment="Which load or build holds which lock; rows of sessions that are gone hold nothing",
)

OPS_TABLES: Final = (
    sync_history, sync_state, project_keys, unexpected_fields, rejected_records,
    issue_sync_state, deletions, observed_changes, reconciliations, webhook_events, names, spaces,
    mart_builds, forgotten_users,
    oauth_tokens, heartbeats, source_conditions, locks,
)  # fmt: skip
"""Every ops table."""

SAID: Final = (
    unexpected_fields.c.example, rejected_records.c.error, webhook_events.c.outcome,
    sync_history.c.error, sync_state.c.last_error, reconciliations.c.note,
    source_conditions.c.message, heartbeats.c.detail,
)  # fmt: skip
"""Columns of text that quote records or what others have said: people are replaced in them."""
