"""The type of all values that may hold a secret. It never shows its text, and every log masks the
text once it exists.

Secrets keep this type from the settings to the library that signs or connects; only the code that
calls the library reveals them.
"""

from collections.abc import Iterator
from typing import Never
from urllib.parse import unquote

from resources.redact import MASK, mask_from_now_on


class Secret:
    """A text that cannot be shown, printed, formatted, pickled or written as JSON; false when
    empty.
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
    """Return the text of a secret, an empty text for None."""
    return secret.reveal() if secret else ""


def _parts(url: str) -> Iterator[str]:
    """Yield the parts of a URL that are secret by themselves: its password, and for http the text
    after the host.
    """
    # Not with a URL parser: malformed URLs must be masked, too.
    scheme, found, rest = url.partition("://")
    if found:
        user, at, host = rest.rpartition("@")
        yield user.partition(":")[2] if at else ""
        if scheme in {"http", "https"}:
            yield "/" + host.partition("/")[2]
