"""What OAuth 2.0 tokens are, and what a store of them promises: the common ground of the client,
which gets and uses them, and the warehouse, which stores them, so that neither knows the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from resources.secret import Secret

#: So long before its end a token is renewed; at most a tenth of its life, since a space may give
#: the same token again with what is left of its life, and would be asked at each request otherwise.
MARGIN = timedelta(minutes=5)


class TokensUnreadableError(Exception):
    """Tokens are stored, but not by a key that is at hand; the message is one line, holds no secret
    and says what to do.
    """


@dataclass(frozen=True)
class Tokens:
    """The tokens of one login; times are by the clock of the space."""

    access_token: Secret
    refresh_token: Secret
    obtained_at: datetime
    expires_at: datetime
    refused: str | None = None
    """Why the space does not renew them any more; None as long as it may."""

    @property
    def due_at(self) -> datetime:
        """When they are to be renewed, a while before they end."""
        return self.expires_at - min(
            MARGIN, max(self.expires_at - self.obtained_at, timedelta(0)) / 10
        )


@dataclass(frozen=True)
class TokenState:
    """What may be shown of stored tokens."""

    expires_at: datetime
    refreshed_at: datetime
    refused_at: datetime | None
    refused_reason: str | None


class TokenStore(Protocol):
    """Keeps the tokens of one application in one space, for all processes."""

    def read(self) -> Tokens | None:
        """Return the tokens, None when nobody is logged in; raises TokensUnreadableError."""

    def state(self) -> TokenState | None:
        """Return what may be shown of them, which needs no key; None when nobody is logged in."""

    def renew(self, held: Tokens, ask: Callable[[Tokens], Tokens]) -> Tokens | None:
        """Return the tokens that others have stored in place of `held`; or else ask for new ones,
        and store these first.

        One process asks at a time, the others wait and get what it has stored. None when nobody is
        logged in any more.

        Raises:
            TokensUnreadableError: what is stored cannot be read.
        """

    def save(self, tokens: Tokens, space_key: str) -> None:
        """Store the tokens of a new login in place of any that there are."""

    def rotate(self) -> bool:
        """Encrypt what is stored by the first key; False when nobody is logged in. Raises
        TokensUnreadableError.
        """

    def forget(self) -> bool:
        """Forget the tokens; False when there were none."""


class TokenVault(Protocol):
    """Where tokens are kept: the warehouse."""

    def tokens(self, host: str, client_id: str, keys: Secret) -> TokenStore:
        """Return the store of an application in a space.

        Args:
            host: host of the space, with port and path where its URL has them.
            client_id: the application.
            keys: Fernet keys separated by commas; the first encrypts, each decrypts.
        """
