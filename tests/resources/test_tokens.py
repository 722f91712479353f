"""Access that renews itself, on a real database and a simulated space: before its end, on 401, by
one process at a time.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from resources.backlog.auth import RenewedBearer
from resources.backlog.client import BacklogClient
from resources.backlog.errors import AuthenticationError, Unavailable
from resources.backlog.oauth import OAuthApplication
from resources.backlog.renewal import RenewedTokens
from resources.tokens import Tokens
from resources.warehouse.state.token_store import StoredTokens
from simulator import Fault, Simulator
from tests.deployment import OTHER_TOKEN_KEY, TOKEN_KEY
from tests.syncs import TINY

GRANT = "/oauth2/token"
URI = "http://127.0.0.1:8976/callback"


@dataclass
class Place:
    """A simulated space, a database, and as many processes on them as a test likes; all follow the
    clock of the space.
    """

    sim: Simulator
    warehouse: Engine

    def application(self, clock: Callable[[], float] | None = None) -> OAuthApplication:
        keyring = self.sim.site.keyring
        return OAuthApplication(
            self.sim.url,
            keyring.client_id,
            keyring.client_secret,
            sleep=lambda _seconds: None,
            clock=clock or self.sim.clock.now,
        )

    def store(self, made: Engine | None = None, keys: str = TOKEN_KEY) -> StoredTokens:
        return StoredTokens(
            made or self.warehouse,
            self.sim.url.split("://")[1],
            self.sim.site.keyring.client_id,
            keys,
        )

    def log_in(self) -> Tokens:
        code = self.sim.site.keyring.issue_code(self.sim.space.administrator.id, URI)
        tokens = self.application().exchange(code, URI)
        self.store().save(tokens, "acme")
        self.sim.requests.clear()
        return tokens

    def renewed(self, made: Engine | None = None, **options: Any) -> RenewedTokens:
        return RenewedTokens(self.application(**options), self.store(made))

    def client(self, tokens: RenewedTokens | None = None, **options: Any) -> BacklogClient:
        return BacklogClient(
            self.sim.url,
            RenewedBearer(tokens or self.renewed(**options)),
            sleep=lambda _seconds: None,
            max_wait=5,
        )

    @property
    def grants(self) -> int:
        """How often the token endpoint was asked."""
        return self.sim.requests.count(route=GRANT)

    @property
    def refused_at(self) -> datetime | None:
        """Since when the stored tokens are not renewed any more."""
        state = self.store().state()
        assert state is not None
        return state.refused_at


@pytest.fixture
def place(warehouse: Engine) -> Iterator[Place]:
    """Return a space to which the owner is logged in."""
    with Simulator(TINY) as sim:
        made = Place(sim, warehouse)
        made.log_in()
        yield made


def test_a_token_is_renewed_five_minutes_before_its_end_and_once(place: Place) -> None:
    with place.client() as client:
        place.sim.clock.advance(3_600 - 302)
        client.myself()
        assert place.grants == 0
        place.sim.clock.advance(3)
        client.myself()
        client.myself()
    assert place.grants == 1
    assert place.sim.requests.count(status=401) == 0


def test_new_tokens_are_stored_before_they_are_used(place: Place) -> None:
    """Whoever dies right before the request that uses the new token loses nothing: another process
    goes on with it.
    """
    stored: list[Tokens | None] = []

    def look(info: Any) -> None:
        if info.route == "/users/myself":
            stored.append(place.store().read())

    old = place.store().read()
    place.sim.before_request(look)
    place.sim.clock.advance(3_601)
    for grants in (1, 1):
        with place.client() as client:
            client.myself()
        assert place.grants == grants
    first, second = stored
    assert old is not None
    assert first is not None
    assert first.access_token != old.access_token
    assert second == first


@pytest.mark.parametrize("refusal", ["challenge", "errors"])
@pytest.mark.parametrize("rotates", [True, False])
@pytest.mark.parametrize("reuses", [True, False])
def test_a_token_that_is_refused_is_renewed_once_and_the_request_sent_again(
    place: Place, refusal: str, rotates: bool, reuses: bool
) -> None:
    place.sim.switch(bearer_refusal=refusal, rotate_refresh=rotates, reuse_token=reuses)
    with place.client() as client:
        client.myself()
        place.sim.site.keyring.expire_tokens()  # an hour before the clock would say so
        assert client.myself()["id"] == place.sim.space.administrator.id
        client.projects()
        assert client.stats.requests == {"read": 4}
    assert place.grants == 1
    assert place.sim.requests.count(status=401) == 1
    assert place.sim.requests.count(bucket="read") == 4


def test_a_space_that_returns_the_same_token_is_not_asked_again_with_each_request(
    place: Place,
) -> None:
    place.sim.switch(reuse_token=True)
    seconds, requests = 20, 0
    with place.client() as client:
        for _ in range(2 * 3_600 // seconds):
            place.sim.clock.advance(seconds)
            client.myself()
            requests += 1
    assert place.sim.requests.count(route="/users/myself", status=200) == requests
    assert place.grants < 14


def test_tokens_of_a_few_seconds_are_enough(place: Place) -> None:
    place.sim.switch(token_seconds=2)
    with place.client() as client:
        place.sim.clock.advance(3_600)
        for _ in range(20):
            place.sim.clock.advance(1)
            assert client.myself()["id"]
    assert place.grants <= 21


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_clock_that_is_hours_wrong_costs_one_renewal_and_one_refusal_at_most(
    place: Place, hours: int
) -> None:
    with place.client(clock=lambda: place.sim.clock.now() + hours * 3_600) as client:
        for _ in range(5):
            client.myself()
        place.sim.clock.advance(3_601)
        client.myself()
        client.myself()
    assert place.grants <= 2
    assert place.sim.requests.count(status=401) <= 1


def test_who_is_refused_with_a_token_that_others_have_renewed_uses_theirs(place: Place) -> None:
    with place.client() as late, place.client() as early:
        late.myself()
        place.sim.site.keyring.expire_tokens()
        early.myself()
        late.myself()
    assert place.grants == 1


def test_who_is_refused_with_a_token_that_others_were_given_again_asks_once_more(
    place: Place,
) -> None:
    place.sim.switch(reuse_token=True)
    with place.client() as client:
        client.myself()
        place.sim.clock.advance(60)
        place.renewed().keep(timedelta(minutes=70))
        place.sim.site.keyring.expire_tokens()
        client.myself()
    assert place.grants == 2


def test_a_refresh_token_that_is_refused_ends_the_work_says_what_to_do_and_is_noted(
    place: Place,
) -> None:
    place.sim.site.keyring.revoke_grants()
    with place.client() as client:
        for _ in range(3):
            with pytest.raises(
                AuthenticationError, match=r"does not renew.*invalid_grant.*run `backlog-elt login`"
            ) as refused:
                client.myself()
            assert refused.value.cause == "login_ended"
    assert place.grants == 1
    assert place.refused_at is not None
    with place.client() as another, pytest.raises(AuthenticationError, match="backlog-elt login"):
        another.myself()
    assert place.grants == 1
    place.log_in()
    assert place.refused_at is None
    with place.client() as again:
        again.myself()


def test_a_token_that_is_good_is_used_to_its_end_though_it_is_not_renewed(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.sim.site.keyring.revoke_grants(at_once=False)
    with place.client() as client:
        place.sim.clock.advance(3_400)
        client.myself()
        assert place.refused_at is not None
        assert "was not renewed" in caplog.text
        place.sim.clock.advance(150)
        client.myself()
        place.sim.clock.advance(60)
        with pytest.raises(AuthenticationError, match="backlog-elt login"):
            client.myself()
    assert place.grants == 1


def test_a_token_endpoint_that_is_down_holds_nothing_up_while_the_token_is_good(
    place: Place,
) -> None:
    place.sim.faults.add(Fault(status=503, path=GRANT, times=None))
    with pytest.raises(Unavailable):
        place.renewed().keep(timedelta(minutes=70))  # the hourly look says it all the same
    place.sim.requests.clear()
    with place.client() as client:
        place.sim.clock.advance(3_400)
        for _ in range(5):
            client.myself()
        assert place.grants == 4  # one renewal, with its attempts; the next is half a minute later
        place.sim.clock.advance(31)
        client.myself()
        assert place.grants == 8
        place.sim.clock.advance(200)
        with pytest.raises(Unavailable, match="POST /oauth2/token: 503"):
            client.myself()
        place.sim.faults.clear()
        client.myself()
    assert place.refused_at is None


def test_a_space_that_refuses_new_tokens_too_is_distinguished(place: Place) -> None:
    place.sim.faults.add(Fault(status=401, path="/users/myself", times=None))
    with (
        place.client() as client,
        pytest.raises(
            AuthenticationError, match=r"GET /users/myself: 401 .*just renewed.*backlog-elt login"
        ) as refused,
    ):
        client.myself()
    assert refused.value.cause == "login_ended"
    assert place.grants == 1
    assert place.sim.requests.count(route="/users/myself") == 2


def test_tokens_of_another_key_are_not_readable_and_not_renewed(place: Place) -> None:
    tokens = RenewedTokens(place.application(), place.store(keys=OTHER_TOKEN_KEY))
    for use in (tokens.access_token, lambda: tokens.keep(timedelta(0))):
        with pytest.raises(AuthenticationError, match="BACKLOG_TOKEN_KEY") as caught:
            use()
        assert caught.value.cause == "tokens_unreadable"
    assert place.grants == 0


def test_a_logout_ends_running_work_at_its_next_renewal(place: Place) -> None:
    with place.client() as client:
        client.myself()
        assert place.store().forget()
        client.myself()
        place.sim.clock.advance(3_400)
        with pytest.raises(
            AuthenticationError,
            match=rf"nobody is logged in to {place.sim.url}; run `backlog-elt login`",
        ) as refused:
            client.myself()
    assert refused.value.cause == "login_ended"
    assert place.grants == 0
