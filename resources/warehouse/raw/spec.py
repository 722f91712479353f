"""The declaration of raw tables: a `Field` for each typed column, a `TableSpec` for each table, and
the columns that every raw table has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Index,
    MetaData,
    Numeric,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import TypeEngine

RAW = "raw"
OPS = "ops"

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)


#: Fields that change without a change of the record, in it or in nested snapshots. They are not
#: compared and do not touch `loaded_at`. A user's time of login is the only one in the API's
#: reference.
VOLATILE: Final = frozenset({"lastLoginTime"})


class Kind(Enum):
    """The types of typed columns; the value is PostgreSQL's name of the type."""

    BIGINT = "bigint"
    TEXT = "text"
    BOOLEAN = "boolean"
    NUMERIC = "numeric"
    TIMESTAMP = "timestamptz"
    DATE = "date"
    JSONB = "jsonb"
    IDS = "bigint[]"

    @property
    def sqltype(self) -> TypeEngine[Any]:
        """The SQLAlchemy type of a column of this kind."""
        types: dict[Kind, TypeEngine[Any]] = {
            Kind.BIGINT: BigInteger(),
            Kind.TEXT: Text(),
            Kind.BOOLEAN: Boolean(),
            Kind.NUMERIC: Numeric(),
            Kind.TIMESTAMP: DateTime(timezone=True),
            Kind.DATE: Date(),
            Kind.JSONB: JSONB(),
            Kind.IDS: ARRAY(BigInteger()),
        }
        return types[self]


class Owned(Enum):
    """Which part of a nested value belongs to the record, if not all of it."""

    REFERENCE = "the id of the object"
    REFERENCES = "the ids of the objects, sorted"
    NOTICES = (
        "the id and the user's id of each notification, sorted; who has read it is no part of it"
    )
    SORTED = "the plain values, sorted"
    FILES = "id, size and time of change of each file, sorted"
    ITEMS = "the objects, sorted by id"
    CUSTOM_FIELDS = "the values of custom fields by field id, list items as their ids"

    # Members are singletons. Enum would hash the name for each field of each record.
    __hash__ = object.__hash__


@dataclass(frozen=True)
class Field:
    """One typed column and the path of its value in the record.

    `path` is `updated`, `status.id` (inside an object), `category[].id` (of each object of a list)
    or `applicableIssueTypes[]` (a list of ids). With an empty path, the caller of the merge gives
    the value. The `comment` is in both languages, `Title / 件名`. A `lenient` id is null where the
    source has something other than digits, as documents have; a lenient list of ids is null where
    the source has no list. A column `of_person` identifies a person, and Dagster shows none of its
    values.
    """

    name: str
    kind: Kind
    path: str
    comment: str
    required: bool = False
    lenient: bool = False
    of_person: bool = False

    @property
    def top(self) -> str:
        """The top-level field of the record in the path."""
        return self.path.split(".")[0].removesuffix("[]")


#: The key of a table that keeps every version of its single record.
VERSION: Final = Field(
    "version",
    Kind.BIGINT,
    "",
    "Number of the version, 1 for the first seen; the highest holds now / "
    "版の番号(最初が 1、最大のものが現在の内容)",
)


@dataclass(frozen=True)
class Listing:
    """How a table is read whole from one endpoint, and the text about its asset.

    `seen_at` is the endpoint by which an ordinary key reads its part, per project, of a list for
    administrators only; `seen` is the name of that part. `paged`: a list of the space in pages by
    offset. `daily`: a single object about the space, such as the limits of its plan. It is read at
    most once a day; a space or key that refuses it loses nothing; it is not compared with the
    source, and no mart uses it.
    """

    about: str = ""
    seen_at: str | None = None
    seen: str = ""
    paged: bool = False
    daily: bool = False


@dataclass(frozen=True)
class TableSpec:
    """A raw table: its columns, its source, and what counts as a change of a record."""

    table: Table
    endpoint: str
    """As `GET /projects/:id/categories`; `:id` is the owner of the list."""
    label: tuple[str, str]
    """The table's name on the page, in English and in Japanese."""
    listing: Listing | None
    """How the table is read whole; None: its load reads changes."""
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    """The columns of the primary key after `space_key`; all bigint. Empty: one row per space."""
    business_key: str | None
    """The column by which people know a row, as `issue_key`; it may change, the key never does."""
    references: Mapping[str, str]
    """Column -> raw table whose id it holds (of the same space; with `project_id` if that is in the
    key).
    """
    known: frozenset[str]
    """Every top-level field that the source is known to send."""
    owned: Mapping[str, Owned]
    """Top-level field -> the part that belongs to the record; all of a field that is not listed."""
    owns_only: frozenset[str] | None
    """If set, the only top-level fields that belong to the record."""
    freshness: tuple[str, ...]
    """Columns of which the first non-null one dates a version of a record; empty: the last version
    read wins.
    """

    @property
    def name(self) -> str:
        """The table's name without the schema, as `issues`."""
        return self.table.name

    @property
    def path(self) -> str:
        """The path of the endpoint, as `/projects/:id/categories`."""
        return self.endpoint.removeprefix("GET ")

    @property
    def of_each_project(self) -> bool:
        """Whether the table is read whole from a list of each project."""
        return self.listing is not None and self.path.startswith("/projects/:id/")

    @property
    def daily(self) -> bool:
        """Whether the table holds a daily fact about the space."""
        return self.listing is not None and self.listing.daily

    @property
    def versioned(self) -> bool:
        """Whether each version of the record is a row, numbered from 1."""
        return self.key == (VERSION.name,)

    @property
    def vanishes(self) -> bool:
        """Whether rows can vanish from the source, so that the table has `deleted_at` and
        `deleted_reason`.
        """
        return "deleted_at" in self.table.c

    @property
    def of_people(self) -> frozenset[str]:
        """The columns that identify a person."""
        return frozenset(field.name for field in self.fields if field.of_person)

    @property
    def volatile(self) -> tuple[Field, ...]:
        """The typed columns that change without a change of the record."""
        return tuple(field for field in self.fields if field.path in VOLATILE)

    def field(self, column: str) -> Field:
        """Return the declaration of a typed column; KeyError when there is none."""
        return {field.name: field for field in self.fields}[column]


def _column(field: Field, *, key: bool) -> Column[Any]:
    return Column(
        field.name,
        field.kind.sqltype,
        primary_key=key,
        nullable=not (field.required or key),
        autoincrement=False,
        comment=f"{field.comment} (`{field.path}`)" if field.path else field.comment,
    )


def _bookkeeping(*, vanishes: bool) -> list[Column[Any]]:
    columns: list[Column[Any]] = [
        Column(
            "payload",
            JSONB(),
            nullable=False,
            comment="The record as received, nothing lost / 受け取ったままのレコード(欠落なし)",
        ),
        Column(
            "content_hash",
            Text(),
            nullable=False,
            comment="Hash of what the record itself owns, to notice a change / "
            "レコード自体の内容のハッシュ値(変更の検知用)",
        ),
        Column(
            "loaded_at",
            DateTime(timezone=True),
            nullable=False,
            comment="When the row was last written / この行を最後に書き込んだ日時",
        ),
        Column(
            "run_id",
            Text(),
            nullable=False,
            comment="Run that wrote the row last / この行を最後に書き込んだ実行のID",
        ),
    ]
    if vanishes:
        columns += [
            Column(
                "deleted_at",
                DateTime(timezone=True),
                comment="When the row was found gone from the source / "
                "Backlog から消えたと分かった日時",
            ),
            Column(
                "deleted_reason",
                Text(),
                comment="How it was found gone, or why it is inaccessible / "
                "消えたと分かった経緯、またはアクセスできない理由",
            ),
        ]
    return columns


def raw_table(
    name: str,
    comment: str,
    fields: list[Field],
    *,
    endpoint: str,
    label: tuple[str, str],
    listing: Listing | None = None,
    key: tuple[str, ...] = ("id",),
    business_key: str | None = None,
    references: Mapping[str, str] | None = None,
    also_known: tuple[str, ...] = (),
    owned: Mapping[str, Owned] | None = None,
    owns_only: frozenset[str] | None = None,
    freshness: tuple[str, ...] = (),
    vanishes: bool = True,
    indexes: tuple[tuple[str, ...], ...] = (),
) -> TableSpec:
    """Declare a raw table in `metadata` and return its spec.

    A path `x.id` or `x[].id` makes `x` a reference: only its ids belong to the record. `owned` adds
    to that or overrides it; `also_known` are fields of the record without a column.
    """
    table = Table(
        name,
        metadata,
        Column(
            "space_key", Text(), primary_key=True, comment="Space the row comes from / スペースキー"
        ),
        *(_column(field, key=field.name in key) for field in fields),
        *_bookkeeping(vanishes=vanishes),
        *(Index(None, "space_key", *columns) for columns in indexes),
        # Index for counts of large tables: all rows minus the marked ones.
        *(
            [
                Index(
                    f"{name}_deleted_idx",
                    "space_key",
                    "project_id",
                    postgresql_where=text("deleted_at IS NOT NULL"),
                )
            ]
            if indexes and vanishes
            else []
        ),
        schema=RAW,
        comment=comment,
    )
    by_path = {
        field.top: Owned.REFERENCES if field.kind is Kind.IDS else Owned.REFERENCE
        for field in fields
        if field.path.endswith(".id")
    } | {field.top: Owned.SORTED for field in fields if field.path.endswith("[]")}
    return TableSpec(
        table=table,
        endpoint=endpoint,
        label=label,
        listing=listing,
        fields=tuple(fields),
        key=key,
        business_key=business_key,
        references=references or {},
        known=frozenset({field.top for field in fields if field.path} | set(also_known)),
        owned=by_path | dict(owned or {}),
        owns_only=owns_only,
        freshness=freshness,
    )
