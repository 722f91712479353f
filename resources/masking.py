"""Replaces names and addresses of people in records by pseudonyms, before `sync/writer.py` merges
them, `service/webhooks.py` stores an event, and `sync/reconcile/` compares rows.

A pure function from JSON to JSON. It replaces each text of an object that is a user, wherever it is
nested, and the names of assignees in change logs. It keeps ids, roles, languages, times, and what
people write (summaries, descriptions, comments).
"""

import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import scrypt, sha256
from typing import Any

#: Fields of a user that identify nobody.
_KEPT = frozenset({"id", "roleType", "lang", "lastLoginTime"})
#: An object with a field of `_MARKS` is a user. A field of the second set holds a user even without
#: them.
_MARKS = frozenset({"userId", "mailAddress", "nulabAccount"})
_CASCADING_REFERENCES = frozenset(
    {"createdUser", "updatedUser", "assignee", "presenter", "user", "users", "members"}
)
_PREFIXES = {"name": "user", "userId": "login", "mailAddress": "mail"}
_ASSIGNEE = frozenset({"assigner", "assignee"})
_VALUES = ("originalValue", "newValue", "oldValue", "old_value", "new_value")
_DIGITS = re.compile("[0-9]+")
_TAG, _DIGEST = 4, 16
_FORGOTTEN = re.compile("forgotten-[0-9]+")
_REPLACED = re.compile(f"(?:user|login|mail|other)-[0-9a-f]{{{_TAG + _DIGEST}}}|forgotten-[0-9]+")


def _is_user(value: Mapping[str, Any], *, held: bool) -> bool:
    return not _MARKS.isdisjoint(value) or (held and "name" in value)


def _users(value: Any, *, held: bool = False) -> Iterator[Mapping[str, Any]]:
    """Yield the objects that are users, wherever they are nested."""
    if isinstance(value, list):
        for item in value:
            yield from _users(item, held=held)
    elif isinstance(value, dict):
        if _is_user(value, held=held):
            yield value
            return
        for name, item in value.items():
            if isinstance(item, dict | list):
                yield from _users(item, held=name in _CASCADING_REFERENCES)


def _texts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str) and value:
        yield name, value
    for inner, item in (
        value.items()
        if isinstance(value, dict)
        else ((name, item) for item in value)
        if isinstance(value, list)
        else ()
    ):
        yield from _texts(inner, item)


def _identity_texts(user: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return (field, text) for everything in a user that identifies the person; the field of a name
    is `name`.
    """
    return {text for name, item in user.items() if name not in _KEPT for text in _texts(name, item)}


def identity_of(record: Any, user_id: int) -> set[tuple[str, str]]:
    """Return (field, text) for everything in a record that identifies a user; the field of a name
    is `name`.
    """
    return {
        text
        for user in _users(record)
        if user.get("id") == user_id
        for text in _identity_texts(user)
    }


@cache
def fingerprint(space_key: str, name: str) -> str:
    """Return a hash by which a name is recognised after the person was erased; slow on purpose (10
    ms).
    """
    return scrypt(
        name.encode("utf-8", "surrogatepass"),
        salt=f"backlog-elt/{space_key}".encode(),
        n=2**12,
        r=8,
        p=1,
        dklen=16,
    ).hex()


@dataclass(frozen=True)
class Forgotten:
    """The people of a space to forget: their ids, and fingerprint -> id of the names that they had.

    Change logs contain only names of people, and the source may show new names of a forgotten
    person.
    """

    space_key: str = ""
    ids: frozenset[int] = frozenset()
    names: Mapping[str, int] = field(default_factory=dict)

    def who(self, name: str) -> int | None:
        """Return the id of the forgotten person who had a name, or None."""
        return self.names.get(fingerprint(self.space_key, name))


@dataclass(frozen=True)
class Mask:
    """Replaces people in JSON; without a key only those who are forgotten. Repeating it changes
    nothing.

    The same text always gets the same pseudonym, so that joins still work. Each pseudonym begins
    with the tag of its key, by which rows written with another key are found.
    """

    key: str = field(default="", repr=False)
    forgotten: Forgotten = Forgotten()

    @property
    def tag(self) -> str:
        """The common first letters of all pseudonyms of this key; empty without a key."""
        return self._digest("tag", "")[:_TAG] if self.key else ""

    @property
    def idle(self) -> bool:
        """Whether nothing is replaced."""
        return not self.key and not self.forgotten.ids

    def but(self, forgotten: Forgotten) -> "Mask":
        """Return the mask with these forgotten people."""
        return replace(self, forgotten=forgotten)

    def __call__(self, value: Any) -> Any:
        """Return the JSON value with people replaced; the argument is not changed."""
        return value if self.idle else self._any(value, held=False)

    def new_names(self, value: Any) -> dict[str, int]:
        """Return the unknown names (name -> id) by which a JSON value shows people who are
        forgotten.
        """
        if not self.forgotten.ids:
            return {}
        return {
            name: user["id"]
            for user in _users(value)
            if isinstance(user.get("id"), int) and user["id"] in self.forgotten.ids
            for kind, name in _identity_texts(user)
            if kind == "name" and self._is_new(name)
        }

    def knowing(self, names: Mapping[str, int]) -> "Mask":
        """Return the mask with more names (name -> id) of forgotten people."""
        known = self.forgotten
        # With a key, fingerprints are of pseudonyms, so that names cannot be guessed from the
        # fingerprints alone.
        prints = {
            fingerprint(known.space_key, self.by_key(name)): user for name, user in names.items()
        }
        return self.but(replace(known, names={**known.names, **prints}))

    def by_key(self, name: str, kind: str = "name") -> str:
        """Return the pseudonym of a name, or of another text of a user, who is not forgotten."""
        if not self.key or _REPLACED.fullmatch(name):
            return name
        prefix = _PREFIXES.get(kind, "other")
        return f"{prefix}-{self.tag}{self._digest(prefix, name)[:_DIGEST]}"

    def _is_new(self, name: str) -> bool:
        return not _FORGOTTEN.fullmatch(name) and self._gone(name) is None

    def _gone(self, name: str) -> int | None:
        """Return the id of the forgotten person who had a name, or the pseudonym for it."""
        if not self.forgotten.names:
            return None
        gone, shown = self.forgotten.who(name), self.by_key(name)
        return self.forgotten.who(shown) if gone is None and shown != name else gone

    def _any(self, value: Any, *, held: bool) -> Any:
        if isinstance(value, list):
            return [self._any(item, held=held) for item in value]
        if not isinstance(value, dict):
            return value
        if _is_user(value, held=held):
            return self._user(value)
        names = _VALUES if self._is_assignment(value) else ()
        return {
            name: self._name(item)
            if name in names
            else self._any(item, held=name in _CASCADING_REFERENCES)
            for name, item in value.items()
        }

    def _user(self, user: dict[str, Any]) -> dict[str, Any]:
        identifier = user.get("id")
        gone = (
            identifier if isinstance(identifier, int) and identifier in self.forgotten.ids else None
        )
        return {
            name: item if name in _KEPT else self._part(name, item, gone)
            for name, item in user.items()
        }

    def _part(self, name: str, value: Any, gone: int | None) -> Any:
        """Replace every text of a user, including undocumented fields."""
        if isinstance(value, dict):
            return {inner: self._part(inner, item, gone) for inner, item in value.items()}
        if isinstance(value, list):
            return [self._part(name, item, gone) for item in value]
        if not isinstance(value, str) or not value:
            return value
        return self._text(name, value) if gone is None else f"forgotten-{gone}"

    @staticmethod
    def _is_assignment(item: dict[str, Any]) -> bool:
        """Whether an entry of a change log is about an assignee, and not a custom field of that
        name.
        """
        named = item.get("field")
        return (
            isinstance(named, str)
            and named in _ASSIGNEE
            and not item.get("attributeInfo")
            and item.get("type") != "custom"
        )

    def _name(self, value: Any) -> Any:
        """Replace the name of a person; an id in its place, as in activities, stays."""
        return (
            self._text("name", value)
            if isinstance(value, str) and value and not _DIGITS.fullmatch(value)
            else value
        )

    def _text(self, name: str, value: str) -> str:
        gone = self._gone(value) if name == "name" or _REPLACED.fullmatch(value) else None
        return self.by_key(value, name) if gone is None else f"forgotten-{gone}"

    def _digest(self, kind: str, value: str) -> str:
        return hmac.new(
            self.key.encode(), f"{kind}\0{value}".encode("utf-8", "surrogatepass"), sha256
        ).hexdigest()
