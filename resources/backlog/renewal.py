"""Keeps an access token valid: renews it before it expires and when it is refused, in step with all
other processes.

Holds: when to renew, and what to do when that fails.
"""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from resources.backlog.errors import AuthenticationError, BacklogError, GrantRefused
from resources.backlog.oauth import OAuthApplication
from resources.secret import Secret
from resources.tokens import Tokens, TokenStore, TokensUnreadableError

#: After a failed renewal, the next attempt is made after this time, as long as the token is valid.
PAUSE = timedelta(seconds=30)

_log = logging.getLogger(__name__)


class RenewedTokens:
    """The `TokenSource` of one application in one space. Only one request at a time may use it."""

    def __init__(self, application: OAuthApplication, store: TokenStore) -> None:
        self._application = application
        self._store = store
        self._held: Tokens | None = None
        #: The space's clock minus ours, by the last renewal.
        self._ahead = timedelta(0)
        self._not_before = datetime.min.replace(tzinfo=UTC)

    def access_token(self) -> Secret:
        """Return the access token, renewed when it is due. A failed renewal matters only when the
        token has expired.

        Raises:
            AuthenticationError: no user is logged in, the tokens cannot be read, or the space does
                not renew them.
            BacklogError: the token has expired, and the token endpoint does not answer.
        """
        tokens = self._held or self._stored()
        now = self._now()
        if tokens.due_at <= now and (self._not_before <= now or tokens.expires_at <= now):
            try:
                tokens = self._renewed(tokens)
                self._check(tokens)
            except BacklogError as error:
                if self._held is None or self._held.expires_at <= self._now():
                    raise
                tokens, self._not_before = self._held, now + PAUSE
                _log.warning(
                    "the access token is good until %s, but was not renewed: %s",
                    tokens.expires_at,
                    error,
                )
        return tokens.access_token

    def renew(self, refused: Secret) -> Secret:
        """Return a new access token in place of one that the space refused.

        Raises:
            AuthenticationError: no user is logged in, the tokens cannot be read, or the space does
                not renew them.
            BacklogError: the token endpoint does not answer.
        """
        tokens = self._renewed(self._held or self._stored(), refused)
        self._check(tokens)
        return tokens.access_token

    def keep(self, ahead: timedelta) -> Tokens:
        """Renew the tokens now if they expire within `ahead`; return valid tokens.

        Raises:
            AuthenticationError: no user is logged in, the tokens cannot be read, or the space does
                not renew them.
            BacklogError: the token endpoint does not answer.
        """
        tokens = self._stored()
        if tokens.expires_at <= self._now() + ahead:
            tokens = self._renewed(tokens)
        self._check(tokens)
        return tokens

    def _renewed(self, held: Tokens, refused: Secret | None = None) -> Tokens:
        """Return the stored tokens if another process has renewed them, else renew them once."""
        asked = False

        def ask(stored: Tokens) -> Tokens:
            nonlocal asked
            asked = True
            if stored.refused:  # a refusal is final, so the space is not asked again
                return stored
            try:
                given = self._application.refresh(stored)
            except GrantRefused as error:
                return replace(stored, refused=error.reason)
            self._ahead = given.obtained_at - self._local()
            return given

        while True:
            try:
                found = self._store.renew(held, ask)
            except TokensUnreadableError as error:
                raise AuthenticationError(str(error), cause=error.cause) from None
            held = self._take(found)
            if asked or (held.due_at > self._now() and held.access_token != refused):
                return held

    def _stored(self) -> Tokens:
        try:
            return self._take(self._store.read())
        except TokensUnreadableError as error:
            raise AuthenticationError(str(error), cause=error.cause) from None

    def _take(self, found: Tokens | None) -> Tokens:
        self._held = found
        if found is None:
            raise AuthenticationError(
                f"nobody is logged in to {self._application.base_url}; run `backlog-elt login`",
                cause="login_ended",
            )
        return found

    def _check(self, tokens: Tokens) -> None:
        if tokens.refused:
            said = (
                f"{self._application.base_url} does not renew the access of this login "
                f"any more ({tokens.refused})"
            )
            raise AuthenticationError(f"{said}; run `backlog-elt login`", cause="login_ended")

    def _local(self) -> datetime:
        return datetime.fromtimestamp(self._application.clock(), UTC)

    def _now(self) -> datetime:
        """The space's clock."""
        return self._local() + self._ahead
