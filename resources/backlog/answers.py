"""The border: an answer becomes records here, and what is odd about one is found here and nowhere
else.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from resources.backlog.client_values import Record
from resources.records import AHEAD, MOST, Odd, Page, moment

#: Levels of lists and objects in a record. Backlog's have seven; the text of a document, as an
#: activity has it, some thirty.
DEEPEST = 100
_CONTAINERS = frozenset({dict, list})
_CUT = f"nested deeper than {DEEPEST} levels"
_MOST_DIGITS = 4_000
#: The most issues or comments that a count can be meant to say.
MOST_COUNTED = 2**31 - 1
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{\]}]', re.DOTALL)
_ISSUE_KEY = re.compile(r"[A-Z0-9_]{1,100}-[0-9]{1,18}")


@dataclass(frozen=True)
class Kind:
    """What the records of a list must have in addition to an id.

    `texts` are fields that are needed, `times` those that say when something happened: the first of
    them is needed, and none can be later than the source's own clock. `place` says where to look
    again for one that has no id.
    """

    texts: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    place: Callable[[Record], str] | None = None


def key_of_issue(record: Record) -> str:
    """Return the key by which an issue without an id can be asked for; empty when it has none."""
    key = record.get("issueKey")
    return key if isinstance(key, str) and _ISSUE_KEY.fullmatch(key) else ""


PLAIN, PROJECT = Kind(), Kind(texts=("projectKey",))
ISSUE = Kind(times=("created", "updated"), place=key_of_issue)
COMMENT, ACTIVITY = Kind(times=("created", "updated")), Kind(times=("created",))


def parse(content: bytes) -> tuple[Any, bool]:
    """Read JSON, and say whether it is nested too deeply for the rest of the program; what is
    deeper is then cut off.

    The standard parser, on purpose: it keeps lone surrogates, which faster ones refuse.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        value = json.loads(content)
    except (RecursionError, ValueError):
        # Too deep for the parser, or a number of more digits than Python takes: both can be read
        # around.
        text = content.decode(json.detect_encoding(content), "surrogatepass")
        value = json.loads(_without_depths(text), parse_int=_whole_number)
    deep = _depth(value) > DEEPEST + 1  # the list itself is a level
    return (_shallow(value, DEEPEST + 2) if deep else value), deep


def page_of(items: Sequence[Any], kind: Kind, *, deep: bool, now: datetime | None) -> Page:
    """Return the records of a list. Odd is what is no object, lacks what its kind must have, is
    nested too deeply, or has the id of another that came with it.

    `deep`: some are nested too deeply. `now` is the source's clock.
    """
    latest = None if now is None else now + AHEAD
    faults = [_fault(item, kind, latest, deep=deep) for item in items]
    if not any(faults) and len({item["id"] for item in items}) == len(items):
        return Page(items)
    for identifier in _contested(
        [item for item, fault in zip(items, faults, strict=True) if not fault]
    ):
        for number, item in enumerate(items):
            if not faults[number] and item["id"] == identifier:
                faults[number] = f"{identifier} is the id of another record of the same answer, too"
    good = [None if fault else item["id"] for item, fault in zip(items, faults, strict=True)]
    named: set[int] = set()
    odd = []
    for number, (item, fault) in enumerate(zip(items, faults, strict=True)):
        if fault:
            known = _identifier(item)
            if known in named:  # it can be only one of them
                known = None
            named |= set() if known is None else {known}
            found = kind.place(item) if kind.place and isinstance(item, dict) else ""
            before = next((one for one in reversed(good[:number]) if one is not None), None)
            behind = next((one for one in good[number:] if one is not None), None)
            odd.append(Odd(item, fault, known, found, (before, behind)))
    return Page([item for item, fault in zip(items, faults, strict=True) if not fault], odd)


def placed(page: Page, bound: int | None, *, ascending: bool) -> Page:
    """Return a page of a feed that says of records without an id next to which id they stand, as
    `>17` or `<17`.

    `bound`: the id behind which the page begins.
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
    """Say whether a value can be a number of records."""
    return type(value) is int and 0 <= value <= MOST_COUNTED


def _fault(item: object, kind: Kind, latest: datetime | None, *, deep: bool) -> str:
    """Say what is odd about a record; empty when nothing is."""
    if not isinstance(item, dict):
        return f"a JSON object is needed, got {type(item).__name__}"
    if _identifier(item) is None:
        return f"id is no whole number that fits a bigint: {str(item.get('id'))[:40]!r}"
    for name in kind.texts:
        if not isinstance(item.get(name), str) or not item[name]:
            return f"{name} is no text"
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


def _contested(records: Sequence[Record]) -> set[int]:
    """Return the ids that several different records have: an answer is one snapshot, so it cannot
    be known which is right.
    """
    twice = {
        identifier
        for identifier, number in Counter(record["id"] for record in records).items()
        if number > 1
    }
    first: dict[int, Record] = {}
    contested = set()
    for record in records:
        if record["id"] in twice and first.setdefault(record["id"], record) != record:
            contested.add(record["id"])
    return contested


def _depth(value: Any) -> int:
    """Count levels of lists and objects, one after the other, up to where it is too many."""
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
    """Return JSON text without what is nested so deeply that it is of no use; text that is no JSON
    stays so.
    """
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
