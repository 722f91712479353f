"""The parameters of a request, read and checked like in the API."""

import re
from collections.abc import Collection, Sequence
from datetime import date
from urllib.parse import parse_qsl

from simulator.errors import invalid

INDEX = re.compile(r"\[\d*\]$")


class Params:
    """The pairs of a query string or a form, in their order; `name[]` and `name[0]` are the same
    list.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self.pairs = pairs

    @classmethod
    def parse(cls, encoded: str) -> "Params":
        """Read `application/x-www-form-urlencoded` text."""
        return cls(parse_qsl(encoded, keep_blank_values=True))

    def names(self) -> set[str]:
        """Return the names of all parameters, lists as `name[]`."""
        return {INDEX.sub("[]", name) for name, _ in self.pairs}

    def has(self, name: str) -> bool:
        """Return whether a single-valued parameter was sent."""
        return any(one == name for one, _ in self.pairs)

    def text(self, name: str, default: str) -> str:
        """Return a single-valued parameter, the last one if sent more than once."""
        return next((value for one, value in reversed(self.pairs) if one == name), default)

    def texts(self, name: str) -> list[str]:
        """Return the values of a list."""
        return [value for one, value in self.pairs if one != name and INDEX.sub("", one) == name]

    def ints(self, name: str) -> list[int]:
        """Return the values of a list of numbers."""
        return [self.number(f"{name}[]", value) for value in self.texts(name)]

    def number(self, name: str, value: str) -> int:
        """Return a whole number.

        Raises:
            ApiError: it is not one.
        """
        try:
            return int(value)
        except ValueError:
            raise invalid(f"{name} must be a number: {value}") from None

    def integer(self, name: str, allowed: Collection[int]) -> int:
        """Return a whole number from `allowed`."""
        number = self.number(name, self.text(name, ""))
        if number not in allowed:
            raise invalid(f"{name} is out of range: {number}")
        return number

    def optional(self, name: str) -> int | None:
        """Return a whole number, or None when it was not sent."""
        return self.number(name, self.text(name, "")) if self.has(name) else None

    def flag(self, name: str) -> bool | None:
        """Return a boolean, or None when it was not sent."""
        if not self.has(name):
            return None
        value = self.text(name, "")
        if value not in ("true", "false"):
            raise invalid(f"{name} must be true or false: {value}")
        return value == "true"

    def day(self, name: str) -> date | None:
        """Return a date given as `yyyy-MM-dd`, or None when it was not sent."""
        if not self.has(name):
            return None
        value = self.text(name, "")
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = None
        if day is None or day.isoformat() != value:
            raise invalid(f"{name} must be a date as yyyy-MM-dd: {value}")
        return day

    def choice(self, name: str, allowed: Sequence[str], default: str) -> str:
        """Return one of the allowed words."""
        value = self.text(name, default)
        if value not in allowed:
            raise invalid(f"{name} is not one of the allowed values: {value}")
        return value

    def count(self, clamp: bool, most: int = 100) -> int:
        """Return `count`: 1 to `most`, 20 by default; a larger one is clamped or refused."""
        number = self.optional("count")
        if number is None:
            return min(20, most)
        if number > most and clamp:
            return most
        if not 1 <= number <= most:
            raise invalid(f"count must be between 1 and {most}: {number}")
        return number

    def offset(self) -> int:
        """Return `offset`: 0 or more, 0 when not sent."""
        number = self.optional("offset") or 0
        if number < 0:
            raise invalid(f"offset must be 0 or more: {number}")
        return number
