"""Properties of a record that need no database: its key, text, content hash and unknown fields."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any

from resources.warehouse.raw.spec import VOLATILE, Owned, TableSpec

Record = dict[str, Any]
Key = tuple[int, ...]

REPLACEMENT = "\ufffd"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_DIGITS = re.compile("[0-9]{1,19}")
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_SORTED = json.JSONEncoder(sort_keys=True)


class BadRecordError(ValueError):
    """The record has no usable key, so it cannot become a row."""


def record_key(spec: TableSpec, record: object, extra: Mapping[str, Any]) -> Key:
    """Return the values of the key columns after `space_key`, from the record or else from `extra`.

    Raises:
        BadRecordError: it is not an object, or a key is missing or not an integer. Zero is a valid
            id.
    """
    if not isinstance(record, dict):
        raise BadRecordError(f"a JSON object is needed, got {type(record).__name__}")
    key = []
    for column in spec.key:
        path = spec.field(column).path
        value = record.get(path) if path else None
        if value is None:
            value = extra.get(column)
        if isinstance(value, str) and _DIGITS.fullmatch(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**63:
            raise BadRecordError(f"{path or column} is no 64-bit integer")
        key.append(value)
    return tuple(key)


def sanitise(value: Any) -> Any:
    """Return the JSON value with NUL and lone surrogates, which jsonb cannot hold, replaced by
    U+FFFD.
    """
    if isinstance(value, str):
        return _UNSTORABLE.sub(REPLACEMENT, value)
    if isinstance(value, dict):
        return {sanitise(name): sanitise(item) for name, item in value.items()}
    if isinstance(value, list):
        return [sanitise(item) for item in value]
    return value


def to_text(value: Any) -> str:
    """Return the value as compact JSON without escapes for non-ASCII characters."""
    return _COMPACT.encode(value)


def storable(text: str) -> bool:
    """Return whether JSON text of `to_text` can be stored as jsonb.

    It may return False for a harmless escaped backslash.
    """
    if "\\u0000" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _reference(value: Any) -> Any:
    return value.get("id", value) if isinstance(value, dict) else value


def _ordered(values: Iterable[Any]) -> list[Any]:
    """Sort JSON values: numbers, and lists that begin with one, as numbers; incomparable values by
    their text.
    """
    given = list(values)
    try:
        return sorted(given)
    except TypeError:
        return sorted(given, key=_sorted_text)


def _sorted_text(value: Any) -> str:
    return _SORTED.encode(value)


def _each(reduce: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function that reduces each element of a list and sorts them: the source's order has
    no meaning.
    """

    def reduced(value: Any) -> Any:
        return _ordered(map(reduce, value)) if isinstance(value, list) else value

    return reduced


def _file_identity(value: Any) -> Any:
    return (
        [value.get("id"), value.get("updated"), value.get("size")]
        if isinstance(value, dict)
        else value
    )


def _notice(value: Any) -> Any:
    return [value.get("id"), _reference(value.get("user"))] if isinstance(value, dict) else value


def _custom_field(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    chosen = value.get("value")
    owned = _ordered(map(_reference, chosen)) if isinstance(chosen, list) else _reference(chosen)
    return [value.get("id"), None if owned == [] else owned, value.get("otherValue")]


def _steady(value: Any) -> Any:
    """Return a JSON value without its volatile fields."""
    if isinstance(value, dict):
        return {name: _steady(item) for name, item in value.items() if name not in VOLATILE}
    return [_steady(item) for item in value] if isinstance(value, list) else value


_REDUCE: dict[Owned, Callable[[Any], Any]] = {
    Owned.REFERENCE: _reference,
    Owned.REFERENCES: _each(_reference),
    Owned.NOTICES: _each(_notice),
    Owned.SORTED: _each(lambda value: value),
    Owned.FILES: _each(_file_identity),
    Owned.ITEMS: _each(lambda value: value),
    Owned.CUSTOM_FIELDS: _each(_custom_field),
}


def owned_content(spec: TableSpec, record: Record) -> Record:
    """Return the record's own content: references as ids, lists in a fixed order, empty values
    removed.

    Nested objects are snapshots of other records, so a change in them is not a change of this
    record. Neither is a change of a volatile field. Fields that the schema does not know are kept,
    without volatile parts.
    """
    names = record.keys() if spec.owns_only is None else spec.owns_only & record.keys()
    owned = {}
    for name in names - VOLATILE:
        value = record[name]
        if value is None or value == []:
            continue
        rule = spec.owned.get(name)
        if rule is not None:
            value = _REDUCE[rule](value)
        elif name not in spec.known:
            value = _steady(value)
        if value is not None and value != []:
            owned[name] = value
    return owned


def content_hash(spec: TableSpec, record: Record) -> str:
    """Return 32 hex digits that change when, and only when, the record's own content changes."""
    return blake2b(_sorted_text(owned_content(spec, record)).encode(), digest_size=16).hexdigest()


def unexpected_fields(spec: TableSpec, record: Record) -> set[str]:
    """Return the top-level fields that the schema does not know."""
    return record.keys() - spec.known
