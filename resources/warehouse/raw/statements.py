"""The SQL of the merge, generated from the schema: it converts the record's JSON to each type of
column.
"""

from functools import cache
from itertools import count
from typing import Self

from sqlalchemy import TextClause, text

from resources.warehouse.raw.observed import COLUMNS, NOTED
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.spec import Field, Kind


def _elements(field: Field) -> str:
    """Return SQL for the sorted ids in a list. A null or absent list gives an empty array, a
    lenient one null.
    """
    item = "x.v ->> 'id'" if field.path.endswith(".id") else "x.v #>> '{}'"
    elements = f"jsonb_array_elements(NULLIF(e.r -> '{field.top}', 'null'))"
    array = (
        f"ARRAY(SELECT CAST({item} AS bigint) "  # noqa: S608 - names of the schema
        f"FROM {elements} AS x(v) ORDER BY 1)"
    )
    return (
        f"CASE WHEN jsonb_typeof(e.r -> '{field.top}') = 'array' THEN {array} END"
        if field.lenient
        else array
    )


#: PostgreSQL would also accept words, such as `yesterday`, and years that Python cannot represent.
_DAY, _TIME = (
    "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "([01][0-9]|2[0-3])(:?[0-5][0-9]){1,2}([.][0-9]+)?(Z|[-+][0-9:]+)?",
)
_INSTANT = f"^(?!0000|0001|9999-12-31T(?!00:00:00)){_DAY}(T{_TIME})?$"


def _instant(value: str) -> str:
    """Return SQL for an instant; a malformed one is changed so that PostgreSQL refuses it."""
    return (
        f"CAST(CASE WHEN {value} ~ '{_INSTANT}' THEN {value} ELSE 'no instant ' || "
        f"{value} END AS timestamptz)"
    )


def _date(value: str) -> str:
    """Return SQL for a date that comes as an instant: at 00:00:00 UTC the UTC date, else the date
    in the space's time zone.

    Both forms exist: `2026-08-01T00:00:00Z`, and `2026-07-31T15:00:00Z`, which is midnight in
    Tokyo.
    """
    utc = f"({_instant(value)} AT TIME ZONE 'UTC')"
    local = f"({_instant(value)} AT TIME ZONE :timezone)"
    return f"CAST(CASE WHEN CAST({utc} AS time) = '00:00' THEN {utc} ELSE {local} END AS date)"


def typed(field: Field) -> str:
    """Return the SQL expression for the column's value from the record `e.r`."""
    *objects, last = field.path.split(".")
    holder = "e.r" + "".join(f" -> '{name}'" for name in objects)
    value = f"({holder} ->> '{last}')"
    match field.kind:
        case Kind.IDS:
            return _elements(field)
        case Kind.JSONB:
            return f"NULLIF({holder} -> '{last}', 'null')"
        case Kind.TEXT:
            return value
        case Kind.DATE:
            return _date(value)
        case Kind.TIMESTAMP:
            return _instant(value)
        case Kind.BIGINT if field.lenient:
            return f"CAST(substring({value} FROM '^[0-9]{{1,18}}$') AS bigint)"
        case kind:
            return f"CAST({value} AS {kind.value})"


def _or_extra(field: Field, extra: frozenset[str]) -> str:
    if field.name not in extra:
        return typed(field)
    given = f"CAST(:extra_{field.name} AS {field.kind.value})"
    return f"COALESCE({typed(field)}, {given})" if field.path else given


#: The savepoint to which a transaction returns when PostgreSQL refuses the records of a merge. It
#: is never released: that would cost a round trip.
SAVEPOINT = "before_merge"


class DollarQuoted:
    """A long text as a parameter of a statement. Dollar quoting saves the escaping on
    both sides.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    def __conform__(self, protocol: object) -> Self:
        """Tell the driver that this object makes its own literal."""
        return self

    def getquoted(self) -> bytes:
        """Return the literal in UTF-8, the encoding of every connection."""
        # The appended dollar sign covers a text that ends in the start of a tag.
        tag = next(tag for number in count() if (tag := f"$t{number}$") not in f"{self._text}$")
        return f"{tag}{self._text}{tag}".encode()


@cache
def stored_statement(table: str) -> TextClause:
    """Return the query for the keys of records that are stored unchanged and not marked deleted.

    Parameters: `space_key`, `key_0`, `key_1` and so on (the values of each key column) and `hashes`
    (the content hashes).
    """
    spec = SPECS[table]
    arrays = ", ".join(f"CAST(:key_{number} AS bigint[])" for number in range(len(spec.key)))
    found = [f"t.{name} = e.{name}" for name in spec.key] + (
        ["t.deleted_at IS NULL"] if spec.vanishes else []
    )
    lines = (
        f"SELECT {', '.join(f'e.{name}' for name in spec.key)}",
        f"FROM unnest({arrays}, CAST(:hashes AS text[])) AS e({', '.join(spec.key)}, hash)",
        # LIMIT prevents a join: without statistics, as in a first load, it would read the whole
        # table.
        f"CROSS JOIN LATERAL (SELECT t.content_hash FROM {spec.table.fullname} AS t",  # noqa: S608
        f"WHERE t.space_key = :space_key AND {' AND '.join(found)} LIMIT 1) AS t",
        "WHERE t.content_hash = e.hash",
    )
    return text("\n".join(lines))


@cache
def merge_statement(table: str, extra: frozenset[str]) -> TextClause:
    """Return the merge of a raw table.

    Parameters: `batch` (JSON array of records), `hashes` (their content hashes), `space_key`,
    `run_id`, `timezone`, `extra_<column>` for each name in `extra`, and, if versions have a time,
    `latest` (the latest plausible one, or null).

    Returns, for each row written, the key columns, `inserted`, `unresolved` (whether quarantine has
    an open entry of the table) and, if the table has volatile columns, `changed`. The savepoint
    `SAVEPOINT` is set first, in the same round trip.

    A row is written when it is new, or when it is not older than the stored one and either differs
    from it or comes back. A stored `content_hash` of '' requests that any version is written. A row
    in which only a volatile column differs gets the new value, but keeps its `loaded_at` and
    `run_id`: the record has not changed.
    """
    spec = SPECS[table]
    values = {
        "space_key": ":space_key",
        **{field.name: _or_extra(field, extra) for field in spec.fields},
        "payload": "e.r",
        "content_hash": "e.h",
        "loaded_at": "statement_timestamp()",
        "run_id": ":run_id",
    }
    key = ("space_key", *spec.key)
    updates = [f"{name} = excluded.{name}" for name in values if name not in key]
    changed = "t.content_hash <> excluded.content_hash"
    if spec.vanishes:
        updates += ["deleted_at = NULL", "deleted_reason = NULL"]
        changed = f"({changed} OR t.deleted_at IS NOT NULL)"
    if spec.freshness:
        new, old = (
            "COALESCE(" + ", ".join(f"{row}.{name}" for name in spec.freshness) + ", '-infinity')"
            for row in ("excluded", "t")
        )
        changed += f" AND ({new} >= {old} OR {old} > CAST(:latest AS timestamptz))"
    changed = written = f"t.content_hash = '' OR ({changed})"
    unresolved = (
        "EXISTS (SELECT FROM ops.rejected_records AS j WHERE j.space_key = :space_key "
        f"AND j.table_name = '{table}' AND j.resolved_at IS NULL)"
    )
    returned = [
        *(f"t.{name}" for name in spec.key),
        "(t.xmax = 0) AS inserted",
        f"{unresolved} AS unresolved",
    ]
    if spec.volatile:
        moved = " OR ".join(
            f"t.{field.name} IS DISTINCT FROM excluded.{field.name}" for field in spec.volatile
        )
        written = f"{changed} OR {moved}"
        for name in ("loaded_at", "run_id"):
            updates[updates.index(f"{name} = excluded.{name}")] = (
                f"{name} = CASE WHEN {changed} THEN excluded.{name} ELSE t.{name} END"
            )
        returned.append("(t.loaded_at = statement_timestamp()) AS changed")
    lines = (
        f"INSERT INTO {spec.table.fullname} AS t ({', '.join(values)})",
        f"SELECT {', '.join(values.values())}",
        (
            "FROM ROWS FROM (jsonb_array_elements(CAST(:batch AS jsonb)), "
            "unnest(CAST(:hashes AS text[]))) AS e(r, h)"
        ),
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {', '.join(updates)}",
        f"WHERE {written}",
        f"RETURNING {', '.join(returned)}",
    )
    merge = "\n".join(lines)
    if table == "issues":
        # Changes that the marts follow are recorded here: only this statement sees both versions.
        seen = ", ".join(f"t.{name}" for name in COLUMNS)
        merge = (
            f"WITH merged AS ({merge}, {seen}), noted AS ({NOTED}) "  # noqa: S608
            "SELECT id, inserted, unresolved FROM merged"
        )
    return text(f"SAVEPOINT {SAVEPOINT};\n{merge}")
