"""Stored tokens: encrypted, renewed by one process at a time, stored before they are used, and
readable by the right key only.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from resources.secret import Secret
from resources.tokens import Tokens, TokensUnreadableError
from resources.warehouse.server.connect import engine
from resources.warehouse.state.token_store import StoredTokens
from resources.warehouse.warehouse_errors import WarehouseError
from tests.databases import execute, one
from tests.deployment import OTHER_TOKEN_KEY, TOKEN_KEY

HOST, CLIENT = "acme.backlog.test", "client-1"
NOW = datetime(2026, 7, 1, 9, 0, tzinfo=UTC)
FIRST = Tokens(Secret("access-token-1"), Secret("refresh-token-1"), NOW, NOW + timedelta(hours=1))
SECOND = Tokens(
    Secret("access-token-2"),
    Secret("refresh-token-2"),
    NOW + timedelta(hours=1),
    NOW + timedelta(hours=2),
)

Store = Callable[..., StoredTokens]


def never(_stored: Tokens) -> Tokens:
    raise AssertionError("the space is not to be asked")


@pytest.fixture
def store(warehouse: Engine) -> Store:
    """Return a function that gives the store of one application, by default where the first tokens
    are.
    """

    def make(keys: str = TOKEN_KEY, made: Engine = warehouse, client: str = CLIENT) -> StoredTokens:
        return StoredTokens(made, HOST, client, keys)

    make().save(FIRST, "acme")
    return make


def test_tokens_are_read_as_they_were_saved_and_stand_encrypted(
    store: Store, warehouse: Engine
) -> None:
    assert store().read() == FIRST
    row = str(one(warehouse, "SELECT oauth_tokens::text FROM ops.oauth_tokens"))
    assert "acme" in row
    assert not [
        secret
        for secret in (FIRST.access_token.reveal(), FIRST.refresh_token.reveal(), TOKEN_KEY)
        if secret in row
    ]
    assert "token-1" not in repr(FIRST)


def test_each_application_and_space_has_its_own(store: Store, warehouse: Engine) -> None:
    other = store(client="client-2")
    assert (other.read(), other.state(), other.forget(), other.rotate()) == (
        None,
        None,
        False,
        False,
    )
    assert other.renew(FIRST, never) is None
    other.save(SECOND, "acme")
    assert (store().read(), other.read()) == (FIRST, SECOND)
    assert other.forget()
    assert (store().read(), other.read()) == (FIRST, None)


def refusal(store: StoredTokens) -> tuple[datetime | None, str | None]:
    """Return since when the stored tokens are refused, and why."""
    state = store.state()
    assert state is not None
    return state.refused_at, state.refused_reason


def test_who_holds_what_is_stored_asks_and_others_get_what_was_given_and_stored(
    store: Store,
) -> None:
    assert store().renew(FIRST, lambda stored: SECOND if stored == FIRST else stored) == SECOND
    assert store().read() == SECOND
    state = store().state()
    assert state is not None
    assert (state.expires_at, state.refreshed_at, state.refused_at) == (
        SECOND.expires_at,
        SECOND.obtained_at,
        None,
    )
    assert store().renew(FIRST, never) == SECOND


def test_a_space_that_does_not_answer_leaves_everything_as_it_is(store: Store) -> None:
    def ask(_stored: Tokens) -> Tokens:
        raise RuntimeError("no answer")

    with pytest.raises(RuntimeError):
        store().renew(FIRST, ask)
    assert store().read() == FIRST
    assert store().renew(FIRST, lambda _: SECOND) == SECOND


def lose_connections(warehouse: Engine) -> None:
    execute(
        warehouse,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
        "datname = current_database() AND pid <> pg_backend_pid()",
    )


def test_tokens_are_stored_though_the_connection_was_lost_while_the_space_was_asked(
    store: Store, warehouse: Engine
) -> None:
    def ask(_stored: Tokens) -> Tokens:
        lose_connections(warehouse)
        return SECOND

    assert store().renew(FIRST, ask) == SECOND
    assert store().read() == SECOND


def test_a_login_meanwhile_is_not_overwritten_by_tokens_that_were_stored_late(
    store: Store, warehouse: Engine
) -> None:
    login = replace(SECOND, access_token=Secret("access-token-of-a-login"))

    def ask(_stored: Tokens) -> Tokens:
        lose_connections(warehouse)
        store().save(login, "acme")
        return SECOND

    store().renew(FIRST, ask)
    assert store().read() == login


def test_a_server_that_is_gone_is_said_and_nobody_is_asked() -> None:
    nowhere = engine("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(WarehouseError):
        StoredTokens(nowhere, HOST, CLIENT, TOKEN_KEY).renew(FIRST, never)


def test_a_refusal_is_noted_with_its_first_time_until_somebody_logs_in(store: Store) -> None:
    refused = replace(FIRST, refused="invalid_grant: gone")
    assert store().renew(FIRST, lambda _: refused) == refused
    before = refusal(store())
    assert (before[0] is None, before[1]) == (False, "invalid_grant: gone")
    assert store().renew(refused, lambda stored: stored) == refused
    assert store().read() == refused
    assert refusal(store()) == before
    store().save(SECOND, "acme")
    assert refusal(store()) == (None, None)


def test_a_wrong_key_is_distinguished_from_damage_and_the_status_needs_no_key(
    store: Store, warehouse: Engine
) -> None:
    wrong = store(OTHER_TOKEN_KEY)
    for use in (wrong.read, lambda: wrong.renew(FIRST, never)):
        with pytest.raises(TokensUnreadableError, match="a key that BACKLOG_TOKEN_KEY") as caught:
            use()
        assert OTHER_TOKEN_KEY not in str(caught.value)
    assert refusal(wrong) == (None, None)
    assert store().read() == FIRST
    execute(warehouse, "UPDATE ops.oauth_tokens SET tokens = 'x' || tokens")
    with pytest.raises(TokensUnreadableError, match="damaged; run `backlog-elt login`"):
        store().read()


def test_a_key_is_rotated_by_putting_a_new_one_first(store: Store) -> None:
    both, old = store(f"{OTHER_TOKEN_KEY}, {TOKEN_KEY}"), store()
    assert both.read() == FIRST
    assert both.rotate()
    assert store(OTHER_TOKEN_KEY).read() == FIRST
    for use in (old.rotate, old.read):
        with pytest.raises(TokensUnreadableError, match="a key that BACKLOG_TOKEN_KEY lacks"):
            use()


def test_new_tokens_are_encrypted_by_the_first_key_anyway(store: Store) -> None:
    store(f"{OTHER_TOKEN_KEY},{TOKEN_KEY}").renew(FIRST, lambda _: SECOND)
    assert store(OTHER_TOKEN_KEY).read() == SECOND
