"""The one type of values that may hold a secret: it shows nothing of itself, and every log masks it
from its making on.

From the settings to what signs a request or opens a connection, a secret travels as this; only who
hands it to a library reveals it.
"""

from collections.abc import Iterator
from typing import Never
from urllib.parse import unquote

from resources.redact import MASK, mask_from_now_on


class Secret:
    """A text that is not shown, printed, formatted, pickled or written as JSON; true when there is
    one.
    """

    __slots__ = ("_held",)

    def __init__(self, held: "str | Secret") -> None:
        self._held: str = held.reveal() if isinstance(held, Secret) else held
        for part in (self._held, *_parts(self._held)):
            mask_from_now_on(part)
            mask_from_now_on(unquote(part))

    def reveal(self) -> str:
        """Return the text, for the library that signs, connects or encrypts with it."""
        return self._held

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._held)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._held == other._held

    def __hash__(self) -> int:
        return hash(self._held)

    def __reduce__(self) -> Never:
        raise TypeError("a secret is not pickled")


def reveal(secret: Secret | None) -> str:
    """Return the text of a secret, an empty one where there is none."""
    return secret.reveal() if secret else ""


def _parts(url: str) -> Iterator[str]:
    """Yield what of a URL is a secret by itself: its password, and of the address of a webhook what
    comes after the host.
    """
    # Not by a parser of URLs: this is also asked of what none of them takes.
    scheme, found, rest = url.partition("://")
    if found:
        user, at, host = rest.rpartition("@")
        yield user.partition(":")[2] if at else ""
        if scheme in {"http", "https"}:
            yield "/" + host.partition("/")[2]
