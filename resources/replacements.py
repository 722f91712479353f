"""Texts that identify people, found and replaced inside other texts, such as messages of errors."""

import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

#: A text that may be a word of a program, too: somebody may be called `run`.
_PLAIN = re.compile(r"[A-Za-z0-9_]+")
_QUOTES = "[\"'`|]"


def changed_texts(old: Any, new: Any) -> Iterator[tuple[str, str]]:
    """Yield old and new text wherever two JSON values of the same shape differ."""
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

    A text is replaced where it is the whole, and inside of another one where no letter or digit of
    ASCII continues it, also as JSON writes it. A plain word of ASCII has to stand in quotes there,
    or in a cell of a table.
    """

    def __init__(self, pairs: Mapping[str, str], *, plain: bool = True) -> None:
        """Replace each key of `pairs` by its value; without `plain` leave plain words alone."""
        self._whole = {old: new for old, new in pairs.items() if plain or not _PLAIN.fullmatch(old)}
        self._forms = {form: new for old, new in self._whole.items() for form in _forms(old)}
        parts = sorted((form for old in self._whole for form in _forms(old)), key=len, reverse=True)
        self._inside = re.compile("|".join(map(_found, dict.fromkeys(parts)))) if parts else None

    @property
    def texts(self) -> list[str]:
        """The texts that are replaced."""
        return list(self._whole)

    def __bool__(self) -> bool:
        """Whether anything is replaced."""
        return bool(self._whole)

    def __call__(self, text: str) -> str:
        """Return a text with what it shows replaced."""
        if self._inside is None or text in self._whole:
            return self._whole.get(text, text)
        return self._inside.sub(lambda found: self._forms[found[0]], text)

    def shown_in(self, text: str) -> bool:
        """Return whether a text shows one of those that are replaced, also in a picture."""
        drawn = html.unescape(unquote(text)) if "%" in text else text
        return self(text) != text or self(drawn) != drawn


def _forms(text: str) -> set[str]:
    return {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}


def _found(form: str) -> str:
    """Return where a form of a text is found inside of another text, as a regular expression."""
    if _PLAIN.fullmatch(form):
        return f"(?<={_QUOTES}){form}(?={_QUOTES})"
    before = r"(?<![A-Za-z0-9_])" if _PLAIN.fullmatch(form[0]) else ""
    after = r"(?![A-Za-z0-9_])" if _PLAIN.fullmatch(form[-1]) else ""
    return f"{before}{re.escape(form)}{after}"
