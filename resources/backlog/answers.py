"""Turns the JSON of an answer into records, and separates those that are malformed ("odd")."""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from resources.backlog.client_values import Record
from resources.records import AHEAD, MOST, Odd, Page, moment

#: The most levels of lists and objects in a record. Most records of Backlog have up to seven; the
#: text of a document in an activity has about thirty.
DEEPEST = 100
_CONTAINERS = frozenset({dict, list})
_CUT = f"nested deeper than {DEEPEST} levels"
_MOST_DIGITS = 4_000
#: The largest count of issues or comments that is plausible.
MOST_COUNTED = 2**31 - 1
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{\]}]', re.DOTALL)
_ISSUE_KEY = re.compile(r"[A-Z0-9_]{1,100}-[0-9]{1,18}")
#: What PostgreSQL can store and index, and Dagster takes as a key of a partition.
_USABLE = re.compile(r"(?!.*\.\.\.)[^\x00-\x1f\x7f-\x9f|\ud800-\udfff]{1,100}")


@dataclass(frozen=True)
class Kind:
    """What the records of a list must have in addition to an id.

    `texts` are required text fields that name the record: usable as a key, and of no other record
    of the list. `times` are time fields: the first is required, and none may
    be later than the source's clock. `place` returns where to find a record without an id again.
    """

    texts: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    place: Callable[[Record], str] | None = None


def key_of_issue(record: Record) -> str:
    """Return the key by which an issue without an id can be fetched; empty when it has none."""
    key = record.get("issueKey")
    return key if isinstance(key, str) and _ISSUE_KEY.fullmatch(key) else ""


PLAIN, PROJECT = Kind(), Kind(texts=("projectKey",))
ISSUE = Kind(times=("created", "updated"), place=key_of_issue)
COMMENT, ACTIVITY = Kind(times=("created", "updated")), Kind(times=("created",))


def parse(content: bytes) -> tuple[Any, bool]:
    """Read JSON. Also return whether it was nested too deeply; what is deeper is cut off.

    The standard parser is used because it keeps lone surrogates, which faster parsers reject.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        value = json.loads(content)
    except (RecursionError, ValueError):
        # Nested too deeply for the parser, or a number with more digits than Python accepts.
        text = content.decode(json.detect_encoding(content), "surrogatepass")
        value = json.loads(_without_depths(text), parse_int=_whole_number)
    deep = _depth(value) > DEEPEST + 1  # the list itself is a level
    return (_shallow(value, DEEPEST + 2) if deep else value), deep


def page_of(items: Sequence[Any], kind: Kind, *, deep: bool, now: datetime | None) -> Page:
    """Return the records of a list.

    A record is odd when it is not an object, lacks a field that its kind requires, is nested too
    deeply, or shares its id or name with a different record of the same list.

    Args:
        items: the list as parsed.
        kind: what a record must have.
        deep: some records are nested too deeply.
        now: the source's clock.
    """
    latest = None if now is None else now + AHEAD
    faults = [_fault(item, kind, latest, deep=deep) for item in items]
    names = ("id", *kind.texts)
    if not any(faults) and all(len({item[name] for item in items}) == len(items) for name in names):
        return Page(items)
    for name in names:
        for value in _contested(
            name, [item for item, fault in zip(items, faults, strict=True) if not fault]
        ):
            for number, item in enumerate(items):
                if not faults[number] and item[name] == value:
                    faults[number] = f"{value} is the {name} of another record of the answer, too"
    good = [None if fault else item["id"] for item, fault in zip(items, faults, strict=True)]
    named: set[int] = set()
    odd = []
    for number, (item, fault) in enumerate(zip(items, faults, strict=True)):
        if fault:
            known = _identifier(item)
            if known in named:  # only one odd record can have this id
                known = None
            named |= set() if known is None else {known}
            found = kind.place(item) if kind.place and isinstance(item, dict) else ""
            before = next((one for one in reversed(good[:number]) if one is not None), None)
            behind = next((one for one in good[number:] if one is not None), None)
            odd.append(Odd(item, fault, known, found, (before, behind)))
    return Page([item for item, fault in zip(items, faults, strict=True) if not fault], odd)


def placed(page: Page, bound: int | None, *, ascending: bool) -> Page:
    """Return a page of a feed in which records without an id say where they are, as `>17` or `<17`.

    `bound` is the id after which the page begins.
    """

    def between(one: Odd) -> str:
        before, behind = one.neighbours
        before = bound if before is None else before
        below, above = (before, behind) if ascending else (behind, before)
        return f">{below}" if below is not None else f"<{above}" if above is not None else ""

    return Page(
        page, [replace(one, place=between(one)) if one.id is None else one for one in page.odd]
    )


def is_count(value: object) -> bool:
    """Return whether a value is a plausible number of records."""
    return type(value) is int and 0 <= value <= MOST_COUNTED


def _fault(item: object, kind: Kind, latest: datetime | None, *, deep: bool) -> str:
    """Return what is odd about a record, or an empty string."""
    if not isinstance(item, dict):
        return f"a JSON object is needed, got {type(item).__name__}"
    if _identifier(item) is None:
        return f"id is not a whole number that fits a bigint: {str(item.get('id'))[:40]!r}"
    for name in kind.texts:
        if not isinstance(item.get(name), str) or not item[name]:
            return f"{name} is not text"
        if not _USABLE.fullmatch(item[name]):
            return f"{name} cannot be the key of a partition: {item[name][:40]!a}"
    for number, name in enumerate(kind.times):
        value = item.get(name)
        if value is None and number:
            continue
        found = moment(value)
        if found is None:
            return f"{name} is no time at which something can have happened: {str(value)[:40]!r}"
        if latest is not None and found > latest:
            return f"{name} is later than the clock of the source: {str(value)[:40]!r}"
    return _CUT if deep and _depth(item) > DEEPEST else ""


def _identifier(item: object) -> int | None:
    value = item.get("id") if isinstance(item, dict) else None
    return value if type(value) is int and 0 <= value < MOST else None


def _contested(name: str, records: Sequence[Record]) -> set[object]:
    """Return the ids, or other names, that several different records have: it is unknown which one
    is right.
    """
    twice = {
        value for value, number in Counter(record[name] for record in records).items() if number > 1
    }
    first: dict[object, Record] = {}
    contested = set()
    for record in records:
        if record[name] in twice and first.setdefault(record[name], record) != record:
            contested.add(record[name])
    return contested


def _depth(value: Any) -> int:
    """Count the levels of lists and objects, level by level, and stop when there are too many."""
    level, depth = [value] if type(value) in _CONTAINERS else [], 0
    while level and depth <= DEEPEST + 2:
        depth += 1
        level = [
            item
            for one in level
            for item in (one.values() if type(one) is dict else one)
            if type(item) in _CONTAINERS
        ]
    return depth


def _shallow(value: Any, levels: int) -> Any:
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        return _CUT
    if isinstance(value, list):
        return [_shallow(item, levels - 1) for item in value]
    return {name: _shallow(item, levels - 1) for name, item in value.items()}


def _without_depths(text: str) -> str:
    """Return JSON text without the parts that are nested too deeply; other text is unchanged."""
    parts: list[str] = []
    depth = kept = 0
    for token in _TOKEN.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth == DEEPEST + 4:
                parts += [text[kept : token.start()], "null"]
        elif token[0] in "]}":
            if depth == DEEPEST + 4:
                kept = token.end()
            depth -= 1
    return "".join([*parts, text[kept:]])


def _whole_number(digits: str) -> int | float:
    return int(digits) if len(digits) < _MOST_DIGITS else float("inf")
