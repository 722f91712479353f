"""Authentication: API keys and OAuth 2.0 (authorization code and refresh), by the simulator's
clock.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from simulator.errors import ApiError, unauthenticated
from simulator.params import Params
from simulator.world import World

CLIENT_ID = "simulated-client"


@dataclass
class _Token:
    user: int
    expires: float


class GrantError(Exception):
    """The token endpoint refuses; the message is the `error` of RFC 6749."""


class Keyring:
    """All keys, codes and tokens of a space. They are derived from the seed, so keys survive a
    restart.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.client_id = CLIENT_ID
        self.client_secret = self._secret("client", 0)
        self._keys: dict[str, int] = {}
        self._codes: dict[str, tuple[int, str]] = {}
        self._access: dict[str, _Token] = {}
        self._refresh: dict[str, int] = {}
        self._revoked: set[str] = set()
        self._made = 0

    @property
    def tokens(self) -> list[str]:
        """Every code and token that was ever issued."""
        return [
            self._secret(kind, number)
            for number in range(1, self._made + 1)
            for kind in ("code", "access", "refresh")
        ]

    def api_key(self, user: int) -> str:
        """Return the API key of a user."""
        return self._secret("key", user)

    def revoke(self, key: str) -> None:
        """Make an API key invalid."""
        self._revoked.add(key)

    def issue_code(self, user: int, redirect_uri: str) -> str:
        """Return an authorization code, valid for one exchange with the same redirect URI."""
        code = self._new("code")
        self._codes[code] = (user, redirect_uri)
        return code

    def expire_tokens(self) -> None:
        """Expire all access tokens now; refresh tokens stay valid."""
        for token in self._access.values():
            token.expires = self.world.clock.now()

    def revoke_grants(self, *, at_once: bool = True) -> None:
        """Revoke all grants: refresh tokens become invalid, and `at_once` access tokens, too."""
        self._refresh.clear()
        if at_once:
            self._access.clear()

    def grant(self, form: Params) -> dict[str, object]:
        """Answer a request to the token endpoint.

        Raises:
            GrantError: the grant is refused.
        """
        if (form.text("client_id", ""), form.text("client_secret", "")) != (
            self.client_id,
            self.client_secret,
        ):
            raise GrantError("invalid_client")
        kind = form.text("grant_type", "")
        if kind == "authorization_code":
            user, uri = self._codes.pop(form.text("code", ""), (0, ""))
            if not user or uri != form.text("redirect_uri", uri):
                raise GrantError("invalid_grant")
            refresh = self._new("refresh")
        elif kind == "refresh_token":
            refresh = form.text("refresh_token", "")
            if refresh not in self._refresh:
                raise GrantError("invalid_grant")
            user = self._refresh[refresh]
            if self.world.switches.rotate_refresh:
                del self._refresh[refresh]
                refresh = self._new("refresh")
        else:
            raise GrantError("unsupported_grant_type")
        self._refresh[refresh] = user
        access, left = self._access_token(user)
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": left,
            "refresh_token": refresh,
        }

    def caller(self, headers: Mapping[str, str], query: Params) -> int:
        """Return the id of the calling user; a key takes precedence over a token.

        Raises:
            ApiError: the space does not know the user.
        """
        key = headers.get("backlog-api-key") or query.text("apiKey", "")
        if key:
            return self._owner(key)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise unauthenticated()
        known = self._access.get(token.strip())
        if known is not None and known.expires > self.world.clock.now():
            return known.user
        if self.world.switches.bearer_refusal == "errors":
            raise unauthenticated()
        reason = "The access token is invalid" if known is None else "The access token expired"
        challenge = f'Bearer realm="backlog", error="invalid_token", error_description="{reason}"'
        raise ApiError(401, 0, "", {"WWW-Authenticate": challenge})

    def _owner(self, key: str) -> int:
        if key not in self._keys:
            self._keys = {self.api_key(user): user for user in self.world.users}
        owner = self._keys.get(key)
        if owner is None or key in self._revoked or self.world.users[owner].closed:
            raise unauthenticated()
        return owner

    def _access_token(self, user: int) -> tuple[str, int]:
        now = self.world.clock.now()
        if self.world.switches.reuse_token:
            for token, known in self._access.items():
                if known.user == user and known.expires > now:
                    return token, int(known.expires - now)
        token = self._new("access")
        life = self.world.switches.token_seconds
        self._access[token] = _Token(user, now + life)
        return token, life

    def _new(self, kind: str) -> str:
        self._made += 1
        return self._secret(kind, self._made)

    def _secret(self, kind: str, number: int) -> str:
        text = f"{self.world.spec.seed}/{kind}/{number}"
        return hashlib.sha256(text.encode()).hexdigest()[:48]
