"""OAuth tokens in `ops.oauth_tokens`: encrypted, and renewed by one process at a time.

A process that renews them holds the row's lock from reading the stored tokens until the new ones
are committed. A process that waited finds the new ones. So no refresh token is used twice, and none
is lost by a process that dies later.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Connection, Engine, Row, Select, and_, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from resources.secret import Secret
from resources.tokens import Tokens, TokenState, TokensUnreadableError
from resources.values import token_keys
from resources.variables import TOKEN_KEY
from resources.warehouse.state.schema_ops import oauth_tokens
from resources.warehouse.warehouse_errors import WarehouseError

#: A restarted server is back within this time. New tokens that cannot be stored are lost, and a
#: user must log in again.
SAVE_SECONDS = 60.0

_c = oauth_tokens.c


class StoredTokens:
    """The `TokenStore` of one application in one space. Its methods raise WarehouseError when the
    server cannot be used.
    """

    def __init__(self, engine: Engine, host: str, client_id: str, keys: str | Secret) -> None:
        """Raise SettingsError when `keys` are not Fernet keys separated by commas."""
        self._engine = engine
        self._key = {"host": host, "client_id": client_id}
        self._here = and_(_c.host == host, _c.client_id == client_id)
        given = token_keys(keys)
        self._fernet = MultiFernet([Fernet(key.reveal()) for key in given])
        self._key_ids = [_fingerprint(key) for key in given]

    def read(self) -> Tokens | None:
        """Return the tokens, None when no user is logged in.

        Raises:
            TokensUnreadableError: they are encrypted with another key, or damaged.
        """
        with self._engine.connect() as conn:
            row = conn.execute(self._select()).first()
        return None if row is None else self._opened(row)

    def state(self) -> TokenState | None:
        """Return what may be shown of them, without a key; None when no user is logged in."""
        query = select(_c.expires_at, _c.refreshed_at, _c.refused_at, _c.refused_reason).where(
            self._here
        )
        with self._engine.connect() as conn:
            row = conn.execute(query).first()
        return None if row is None else TokenState(*row)

    def renew(self, held: Tokens, ask: Callable[[Tokens], Tokens]) -> Tokens | None:
        """Return the tokens that another process has stored in place of `held`, else ask for new
        ones and store them.

        If `ask` raises, nothing changes. None when no user is logged in any more.

        Raises:
            TokensUnreadableError: the stored tokens cannot be decrypted.
        """
        row, given = None, None
        try:
            with self._engine.begin() as conn:
                row = self._locked(conn)
                if row is None:
                    return None
                stored = self._opened(row)
                if stored != held:
                    return stored
                given = ask(stored)
                if given != stored:
                    self._replace(conn, row, given)
        except WarehouseError:
            if row is None or given is None:
                raise
            self._save_later(row, given)
        return given

    def save(self, tokens: Tokens, space_key: str) -> None:
        """Store the tokens of a new login, replacing any others."""
        values = {
            **self._sealed(tokens),
            "space_key": space_key,
            "refused_at": None,
            "refused_reason": None,
        }
        statement = insert(oauth_tokens).values(**self._key, **values)
        with self._engine.begin() as conn:
            conn.execute(
                statement.on_conflict_do_update(index_elements=list(self._key), set_=values)
            )

    def rotate(self) -> bool:
        """Encrypt the stored tokens with the first key; False when no user is logged in.

        Raises:
            TokensUnreadableError: none of the keys decrypts them, or they are damaged.
        """
        with self._engine.begin() as conn:
            row = self._locked(conn)
            if row is None:
                return False
            conn.execute(
                update(oauth_tokens).where(self._here).values(**self._sealed(self._opened(row)))
            )
        return True

    def forget(self) -> bool:
        """Delete the tokens; return False when there were none."""
        with self._engine.begin() as conn:
            return conn.execute(delete(oauth_tokens).where(self._here)).rowcount > 0

    def _select(self) -> Select[Any]:
        return select(_c.tokens, _c.key_id, _c.refused_reason).where(self._here)

    def _locked(self, conn: Connection) -> Row[Any] | None:
        # The space is asked while the row is locked; a server that ends idle transactions would
        # lose its answer.
        conn.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        return conn.execute(self._select().with_for_update()).first()

    def _replace(self, conn: Connection, row: Row[Any], given: Tokens) -> None:
        refused_at = None if given.refused is None else func.coalesce(_c.refused_at, func.now())
        values = {**self._sealed(given), "refused_at": refused_at, "refused_reason": given.refused}
        # Only if the row is unchanged: a login since then stays.
        conn.execute(
            update(oauth_tokens).where(self._here, _c.tokens == row.tokens).values(**values)
        )

    def _save_later(self, row: Row[Any], given: Tokens) -> None:
        """Store tokens on a new connection after their transaction was lost: the space may accept
        only these.
        """
        for attempt in Retrying(
            retry=retry_if_exception_type(WarehouseError),
            wait=wait_fixed(1),
            stop=stop_after_delay(SAVE_SECONDS),
            reraise=True,
        ):
            with attempt, self._engine.begin() as conn:
                self._replace(conn, row, given)

    def _sealed(self, tokens: Tokens) -> Mapping[str, Any]:
        secret = {
            "access_token": tokens.access_token.reveal(),
            "refresh_token": tokens.refresh_token.reveal(),
        }
        times = {
            "obtained_at": tokens.obtained_at.isoformat(),
            "expires_at": tokens.expires_at.isoformat(),
        }
        return {
            "tokens": self._fernet.encrypt(json.dumps({**secret, **times}).encode()).decode(),
            "key_id": self._key_ids[0],
            "expires_at": tokens.expires_at,
            "refreshed_at": tokens.obtained_at,
        }

    def _opened(self, row: Row[Any]) -> Tokens:
        try:
            held = json.loads(self._fernet.decrypt(row.tokens))
        except InvalidToken:
            known = row.key_id in self._key_ids
            raise TokensUnreadableError(_DAMAGED if known else _OTHER_KEY) from None
        obtained, expires = (
            datetime.fromisoformat(held[name]) for name in ("obtained_at", "expires_at")
        )
        return Tokens(
            Secret(held["access_token"]),
            Secret(held["refresh_token"]),
            obtained,
            expires,
            row.refused_reason,
        )


_OTHER_KEY = (
    f"the tokens in ops.oauth_tokens are encrypted with a key that {TOKEN_KEY} lacks: add that "
    "key, after a comma if there "
    "is a new one, or run `backlog-elt login`"
)
_DAMAGED = "the tokens in ops.oauth_tokens are damaged; run `backlog-elt login`"


def _fingerprint(key: Secret) -> str:
    return hashlib.sha256(key.reveal().encode()).hexdigest()[:12]
