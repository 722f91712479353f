"""Who is who stays outside: names and addresses of people in records, replaced by pseudonyms before anything else sees them.

A pure step from JSON to JSON. What is replaced: each text of an object that is a user, wherever it is nested, and the names of
assignees in change logs. What is not: ids, roles, languages, times, and what people write (summaries, descriptions, comments).

Add here: another place in which the source names people. Keep out: where records come from and go to.
"""

import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import scrypt, sha256
from typing import Any

#: What of a user tells nobody who it is.
_KEPT = frozenset({"id", "roleType", "lang", "lastLoginTime"})
#: Fields by which an object is a user, and fields in which one stands even when it is shown with less.
_MARKS = frozenset({"userId", "mailAddress", "nulabAccount"})
_HOLDERS = frozenset({"createdUser", "updatedUser", "assignee", "presenter", "user", "users", "members"})
_PREFIXES = {"name": "user", "userId": "login", "mailAddress": "mail"}
_ASSIGNEE = frozenset({"assigner", "assignee"})
_VALUES = ("originalValue", "newValue", "oldValue", "old_value", "new_value")
_DIGITS = re.compile("[0-9]+")
_TAG, _DIGEST = 4, 16
_REPLACED = re.compile(f"(?:user|login|mail|other)-[0-9a-f]{{{_TAG + _DIGEST}}}|forgotten-[0-9]+")


def _is_user(value: Mapping[str, Any], *, held: bool) -> bool:
    return not _MARKS.isdisjoint(value) or (held and "name" in value)


def _users(value: Any, user_id: int, *, held: bool = False) -> Iterator[Mapping[str, Any]]:
    """Yield the objects that are a user of this id, wherever they are nested."""
    if isinstance(value, list):
        for item in value:
            yield from _users(item, user_id, held=held)
    elif isinstance(value, dict):
        if _is_user(value, held=held):
            if value.get("id") == user_id:
                yield value
            return
        for name, item in value.items():
            yield from _users(item, user_id, held=name in _HOLDERS)


def _texts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str) and value:
        yield name, value
    for inner, item in (
        value.items() if isinstance(value, dict) else ((name, item) for item in value) if isinstance(value, list) else ()
    ):
        yield from _texts(inner, item)


def told_of(record: Any, user_id: int) -> set[tuple[str, str]]:
    """Return field and text of all that a record tells of who a user is; the field of a name is `name`."""
    parts = ((name, item) for user in _users(record, user_id) for name, item in user.items() if name not in _KEPT)
    return {told for name, item in parts for told in _texts(name, item)}


@cache
def fingerprint(space_key: str, name: str) -> str:
    """Return what of a name is kept to know it again, once everything else of a person is erased; slow on purpose (10 ms)."""
    return scrypt(
        name.encode("utf-8", "surrogatepass"), salt=f"backlog-elt/{space_key}".encode(), n=2**12, r=8, p=1, dklen=16
    ).hex()


@dataclass(frozen=True)
class Forgotten:
    """The people of a space who are to be forgotten: their ids, and fingerprint -> id of the names that they had."""

    space_key: str = ""
    ids: frozenset[int] = frozenset()
    names: Mapping[str, int] = field(default_factory=dict)

    def who(self, name: str) -> int | None:
        """Return the id of the person who had a name, None when nobody who is forgotten had it."""
        return self.names.get(fingerprint(self.space_key, name)) if self.names else None


@dataclass(frozen=True)
class Mask:
    """Replaces people in JSON; without a key only those who are forgotten. The same again changes nothing.

    The same text gives the same pseudonym, so that what could be joined by it still can. Each pseudonym begins with the tag of
    its key, by which rows that were written under another one are found.
    """

    key: str = field(default="", repr=False)
    forgotten: Forgotten = Forgotten()

    @property
    def tag(self) -> str:
        """What all pseudonyms of this key have in common; empty without a key."""
        return self._digest("tag", "")[:_TAG] if self.key else ""

    @property
    def idle(self) -> bool:
        """Whether nothing at all is replaced."""
        return not self.key and not self.forgotten.ids

    def but(self, forgotten: Forgotten) -> "Mask":
        """Return the mask that replaces these people too."""
        return replace(self, forgotten=forgotten)

    def __call__(self, value: Any) -> Any:
        """Return the JSON value with people replaced; the value itself is not changed."""
        return value if self.idle else self._any(value, held=False)

    def _any(self, value: Any, *, held: bool) -> Any:
        if isinstance(value, list):
            return [self._any(item, held=held) for item in value]
        if not isinstance(value, dict):
            return value
        if _is_user(value, held=held):
            return self._user(value)
        names = _VALUES if self._is_assignment(value) else ()
        return {name: self._name(item) if name in names else self._any(item, held=name in _HOLDERS) for name, item in value.items()}

    def _user(self, user: dict[str, Any]) -> dict[str, Any]:
        identifier = user.get("id")
        gone = identifier if isinstance(identifier, int) and identifier in self.forgotten.ids else None
        return {name: item if name in _KEPT else self._part(name, item, gone) for name, item in user.items()}

    def _part(self, name: str, value: Any, gone: int | None) -> Any:
        """Replace every text of a user: those that nobody has documented too."""
        if isinstance(value, dict):
            return {inner: self._part(inner, item, gone) for inner, item in value.items()}
        if isinstance(value, list):
            return [self._part(name, item, gone) for item in value]
        if not isinstance(value, str) or not value:
            return value
        return self._text(name, value) if gone is None else f"forgotten-{gone}"

    @staticmethod
    def _is_assignment(item: dict[str, Any]) -> bool:
        """Whether an entry of a change log tells of an assignee; a custom field may have that name too."""
        named = item.get("field")
        return isinstance(named, str) and named in _ASSIGNEE and not item.get("attributeInfo") and item.get("type") != "custom"

    def _name(self, value: Any) -> Any:
        """Replace the name of a person; where an id stands, as in activities, it stays."""
        return self._text("name", value) if isinstance(value, str) and value and not _DIGITS.fullmatch(value) else value

    def _text(self, name: str, value: str) -> str:
        if _REPLACED.fullmatch(value):
            gone = self.forgotten.who(value)
            return value if gone is None else f"forgotten-{gone}"
        gone = self.forgotten.who(value) if name == "name" else None
        shown = value
        if gone is None and self.key:
            prefix = _PREFIXES.get(name, "other")
            shown = f"{prefix}-{self.tag}{self._digest(prefix, value)[:_DIGEST]}"
            gone = self.forgotten.who(shown) if name == "name" else None
        return shown if gone is None else f"forgotten-{gone}"

    def _digest(self, kind: str, value: str) -> str:
        return hmac.new(self.key.encode(), f"{kind}\0{value}".encode("utf-8", "surrogatepass"), sha256).hexdigest()
