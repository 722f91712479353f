"""Access by OAuth where real processes share it: one of them renews, and what its death during the
renewal leaves behind.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import Engine, text

from resources.backlog.errors import AuthenticationError
from simulator import Fault, Simulator
from tests.databases import execute
from tests.deployment import TOKEN_KEY
from tests.resources.test_tokens import GRANT, Place
from tests.syncs import TINY
from tests.waiting import eventually

PATIENCE_SECONDS = 60.0
#: Asks the space who it is, as soon as standard input says so.
WORK = """
import os, sys, time
from resources.backlog.auth import RenewedBearer
from resources.backlog.client import BacklogClient
from resources.backlog.oauth import OAuthApplication
from resources.backlog.renewal import RenewedTokens
from resources.warehouse.server.connect import engine
from resources.warehouse.state.token_store import StoredTokens
url, warehouse_url, client_id, ahead = sys.argv[1:]
application = OAuthApplication(
    url, client_id, os.environ["SECRET"], clock=lambda: time.time() + float(ahead)
)
store = StoredTokens(engine(warehouse_url), url.split("://")[1], client_id, os.environ["KEY"])
with BacklogClient(url, RenewedBearer(RenewedTokens(application, store)), max_wait=5) as client:
    print("ready", flush=True)
    sys.stdin.readline()
    print(client.myself()["id"], flush=True)
"""
SLOW = """
CREATE FUNCTION ops.slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(2);
    RETURN new; END $$;
CREATE TRIGGER slow BEFORE UPDATE ON ops.oauth_tokens FOR EACH ROW EXECUTE FUNCTION ops.slowly();
"""


@pytest.fixture
def place(warehouse: Engine) -> Iterator[Place]:
    """Return a space to which the owner was logged in an hour ago: the access token has ended."""
    with Simulator(TINY) as sim:
        made = Place(sim, warehouse)
        made.log_in()
        sim.clock.advance(3_601)
        yield made


@contextmanager
def process(place: Place, warehouse_url: str) -> Iterator["subprocess.Popen[str]"]:
    """Start a process that is ready to ask the space."""
    keyring = place.sim.site.keyring
    arguments = [
        place.sim.url,
        warehouse_url,
        keyring.client_id,
        str(place.sim.clock.now() - time.time()),
    ]
    started = subprocess.Popen(
        [sys.executable, "-c", WORK, *arguments],
        env={**os.environ, "SECRET": keyring.client_secret, "KEY": TOKEN_KEY},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with started:
        try:
            yield started
        finally:  # one that hangs would hold up the end of the test for ever
            started.kill()


def go(one: "subprocess.Popen[str]") -> None:
    assert one.stdin
    one.stdin.write("go\n")
    one.stdin.flush()


def wait_until_ready(one: "subprocess.Popen[str]") -> None:
    assert one.stdout
    assert one.stdout.readline() == "ready\n"


def test_of_three_processes_whose_token_has_ended_one_asks_for_another_and_all_go_on(
    place: Place, warehouse_url: str
) -> None:
    place.sim.faults.add(Fault("slow", path=GRANT, seconds=0.5))
    with ExitStack() as stack:
        processes = [stack.enter_context(process(place, warehouse_url)) for _ in range(3)]
        for one in processes:
            wait_until_ready(one)
        for one in processes:
            go(one)
        said = [one.communicate(timeout=PATIENCE_SECONDS) for one in processes]
    assert said == [(f"{place.sim.space.administrator.id}\n", "")] * 3
    assert place.grants == 1
    assert place.sim.requests.count(route="/users/myself", status=200) == 3
    assert place.sim.requests.count(status=401) == 0


@pytest.mark.parametrize("rotates", [False, True])
def test_a_process_killed_with_unsaved_tokens_leaves_a_state_with_advice(
    place: Place, warehouse_url: str, rotates: bool
) -> None:
    """The space has given new tokens, and they are not committed yet.

    Where the space still takes the old refresh token, the next process renews with it; where it
    does not, the login is lost, which is noted (so that it is reported) and repaired by logging in.
    """
    place.sim.switch(rotate_refresh=rotates)
    before = place.store().read()
    execute(place.warehouse, SLOW)
    with process(place, warehouse_url) as one:
        wait_until_ready(one)
        go(one)
        wait_until_storing(place)
        one.send_signal(signal.SIGKILL)
        assert one.wait() == -signal.SIGKILL
    # It waits until the server has noticed that the other is gone.
    execute(place.warehouse, "DROP FUNCTION ops.slowly CASCADE")
    assert place.grants == 1
    assert place.store().read() == before
    with place.client() as client:
        if rotates:
            with pytest.raises(
                AuthenticationError, match=r"does not renew.*invalid_grant.*run `backlog-elt login`"
            ):
                client.myself()
            assert place.refused_at is not None
            place.log_in()
    with place.client() as client:
        assert client.myself()["id"] == place.sim.space.administrator.id
    assert place.refused_at is None
    assert place.grants == (0 if rotates else 2), "those since the new login"


def wait_until_storing(place: Place) -> None:
    """Wait until a process writes tokens that the space has given."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND wait_event = 'PgSleep'"
    )

    def sleeps() -> bool:
        with place.warehouse.connect() as conn:
            return bool(conn.execute(query).scalar_one())

    eventually(sleeps)
