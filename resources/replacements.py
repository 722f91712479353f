"""Finds and replaces texts that identify people inside other texts, such as error messages."""

import html
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

#: A text that may also be a word of a program: a person may be called `run`.
_PLAIN = re.compile(r"[A-Za-z0-9_]+")
_QUOTES = "\"'`|"


def changed_texts(old: Any, new: Any) -> Iterator[tuple[str, str]]:
    """Yield (old text, new text) wherever two JSON values of the same shape differ."""
    if isinstance(old, dict):
        for name, item in old.items():
            yield from changed_texts(item, new[name])
    elif isinstance(old, list):
        for one, other in zip(old, new, strict=True):
            yield from changed_texts(one, other)
    elif old != new:
        yield old, new


class Replacements:
    """Replaces texts in other texts.

    A text is replaced when it is the whole text, or inside another one where no ASCII letter or
    digit continues it, also in the form that JSON writes. A plain ASCII word inside a text is
    replaced only in quotes or in a cell of a table.
    """

    def __init__(self, pairs: Mapping[str, str], *, plain: bool = True) -> None:
        """Replace each key of `pairs` by its value; without `plain`, plain words are kept."""
        self._whole = {old: new for old, new in pairs.items() if plain or not _PLAIN.fullmatch(old)}
        inside = [old for old in self._whole if len(old) > 1 and any(map(str.isalpha, old))]
        self._forms = {form: self._whole[old] for old in inside for form in _forms(old)}
        # The index by first characters makes the search fast for thousands of people.
        self._by_start: dict[str, list[str]] = defaultdict(list)
        for form in sorted(self._forms, key=len, reverse=True):
            self._by_start[form[:2]].append(form)
        first = "".join(sorted({form[0] for form in self._forms}))
        self._starts = re.compile(f"[{re.escape(first)}]") if first else None

    @property
    def texts(self) -> list[str]:
        """The texts that are replaced."""
        return list(self._whole)

    def __bool__(self) -> bool:
        """Whether anything is replaced."""
        return bool(self._whole)

    def __call__(self, text: str) -> str:
        """Return a text with all replacements made."""
        if self._starts is None or text in self._whole:
            return self._whole.get(text, text)
        parts, done = [], 0
        for start in self._starts.finditer(text):
            place = start.start()
            form = self._form_at(text, place) if place >= done else None
            if form:
                parts += [text[done:place], self._forms[form]]
                done = place + len(form)
        return "".join([*parts, text[done:]])

    def _form_at(self, text: str, place: int) -> str | None:
        """Return the longest form that stands alone at a place."""
        starts = (text[place : place + 2], text[place])
        forms = (form for start in dict.fromkeys(starts) for form in self._by_start.get(start, ()))
        return next(
            (one for one in forms if text.startswith(one, place) and _is_apart(text, place, one)),
            None,
        )

    def shown_in(self, text: str) -> bool:
        """Return whether a text contains one of the replaced texts, also in an embedded picture."""
        drawn = html.unescape(unquote(text)) if "%" in text else text
        return self(text) != text or self(drawn) != drawn


def _forms(text: str) -> set[str]:
    return {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}


def _is_apart(text: str, place: int, form: str) -> bool:
    """Whether a form at a place of a text is not part of a longer word."""
    before, after = (
        text[place - 1 : place] if place else "",
        text[place + len(form) : place + len(form) + 1],
    )
    if _PLAIN.fullmatch(form):
        return bool(before) and before in _QUOTES and bool(after) and after in _QUOTES
    starts_alone = not (_PLAIN.fullmatch(form[0]) and _PLAIN.fullmatch(before))
    return starts_alone and not (_PLAIN.fullmatch(form[-1]) and _PLAIN.fullmatch(after))
