"""OAuth 2.0 tokens, and the interface of their store.

The client gets and uses tokens, and the warehouse stores them. Both depend on this module, not on
each other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from resources.problems.causes import KnownError
from resources.secret import Secret

#: A token is renewed this long before it expires, or after nine tenths of its time if that is
#: later: a space may return the same token with the rest of its time, and would be asked at each
#: request.
MARGIN = timedelta(minutes=5)


class TokensUnreadableError(KnownError):
    """Tokens are stored, but no available key decrypts them. The message says what to do."""

    cause = "tokens_unreadable"


@dataclass(frozen=True)
class Tokens:
    """The tokens of one login; times are by the clock of the space."""

    access_token: Secret
    refresh_token: Secret
    obtained_at: datetime
    expires_at: datetime
    refused: str | None = None
    """Why the space does not renew them any more; None while it does."""

    @property
    def due_at(self) -> datetime:
        """When they should be renewed, some time before they expire."""
        return self.expires_at - min(
            MARGIN, max(self.expires_at - self.obtained_at, timedelta(0)) / 10
        )


@dataclass(frozen=True)
class TokenState:
    """The facts about stored tokens that may be shown."""

    expires_at: datetime
    refreshed_at: datetime
    refused_at: datetime | None
    refused_reason: str | None


class TokenStore(Protocol):
    """Stores the tokens of one application in one space, for all processes."""

    def read(self) -> Tokens | None:
        """Return the tokens, None when no user is logged in; raises TokensUnreadableError."""

    def state(self) -> TokenState | None:
        """Return what may be shown of them, without a key; None when no user is logged in."""

    def renew(self, held: Tokens, ask: Callable[[Tokens], Tokens]) -> Tokens | None:
        """Return the tokens that another process has stored in place of `held`, else ask for new
        ones and store them.

        One process asks at a time; the others wait and get what it has stored. None when no user is
        logged in any more.

        Raises:
            TokensUnreadableError: the stored tokens cannot be decrypted.
        """

    def save(self, tokens: Tokens, space_key: str) -> None:
        """Store the tokens of a new login, replacing any others."""

    def rotate(self) -> bool:
        """Encrypt the stored tokens with the first key.

        Returns False when no user is logged in. Raises TokensUnreadableError.
        """

    def forget(self) -> bool:
        """Delete the tokens; return False when there were none."""


class TokenVault(Protocol):
    """Stores tokens; implemented by the warehouse."""

    def tokens(self, host: str, client_id: str, keys: Secret) -> TokenStore:
        """Return the token store of an application in a space.

        Args:
            host: host of the space, with port and path if its URL has them.
            client_id: the application.
            keys: Fernet keys separated by commas; the first encrypts, each decrypts.
        """
