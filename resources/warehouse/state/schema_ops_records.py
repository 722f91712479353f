"""The ops tables about the source's content: keys, records, issues and people, changes, deletions,
mappings of its values, and pending reads.
"""

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

SPACE_COMMENT = "Space it belongs to"

project_keys = Table(
    "project_keys",
    metadata,
    Column("space_key", Text, primary_key=True, comment=SPACE_COMMENT),
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
    Column("space_key", Text, primary_key=True, comment=SPACE_COMMENT),
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
    Column("space_key", Text, nullable=False, comment=SPACE_COMMENT),
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
    Column("space_key", Text, primary_key=True, comment=SPACE_COMMENT),
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
    Column("space_key", Text, nullable=False, comment=SPACE_COMMENT),
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
    Column("space_key", Text, nullable=False, comment=SPACE_COMMENT),
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

webhook_events = Table(
    "webhook_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True,
        comment="Number of the event"),
    Column("space_key", Text, nullable=False, comment=SPACE_COMMENT),
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
    Column("space_key", Text, primary_key=True, comment=SPACE_COMMENT),
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

forgotten_users = Table(
    "forgotten_users",
    metadata,
    Column("space_key", Text, primary_key=True, comment=SPACE_COMMENT),
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

mapping_lines = Table(
    "mapping_lines",
    metadata,
    Column("file", Text, primary_key=True, comment="Name of the file"),
    Column(
        "line", BigInteger, primary_key=True, comment="Number of the line; 0: the file as a whole"
    ),
    Column(
        "cells", JSONB(none_as_null=True), comment="Its cells by column; null: it does not count"
    ),
    Column("problem", Text, comment="Why it does not count; null: it does"),
    schema=OPS,
    comment="Lines of the mappings that people edit, as the last build of marts has read them",
)

check_marks = Table(
    "check_marks",
    metadata,
    Column("space_key", Text, primary_key=True, comment=SPACE_COMMENT),
    Column("table_name", Text, primary_key=True, comment="Raw table"),
    Column("check_name", Text, primary_key=True, comment="Check of the table"),
    Column(
        "right_until",
        DateTime(timezone=True),
        nullable=False,
        comment="Rows written before it were looked at, and the check held",
    ),
    Column(
        "all_until",
        DateTime(timezone=True),
        comment="The same when all rows were last looked at: after a day they are looked at again",
    ),
    schema=OPS,
    comment="Which rows of the large tables each check has found right: a load looks only at those "
    "written since",
)

row_counts = Table(
    "row_counts",
    metadata,
    Column("space_key", Text, primary_key=True, comment=SPACE_COMMENT),
    Column("table_name", Text, primary_key=True, comment="Raw table"),
    Column("rows", BigInteger, nullable=False, comment="Rows without the deleted ones"),
    Column(
        "counted_until",
        DateTime(timezone=True),
        nullable=False,
        comment="Rows written before it were counted",
    ),
    schema=OPS,
    comment="How many rows the large tables had when they were last counted: they are counted "
    "again when rows were written since, or after a day",
)
