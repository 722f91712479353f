"""`backlog-elt login`, `logout` and loads with OAuth, as at a shell; the test plays the browser."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import text

from resources.backlog.oauth import OAuthApplication
from resources.warehouse.connect import engine
from resources.warehouse.migrations import upgrade
from resources.warehouse.token_store import StoredTokens
from simulator import Simulator, SpaceSpec
from tests.deployment import OTHER_TOKEN_KEY, TOKEN_KEY
from tests.integration.commands import Shell, end
from tests.integration.conftest import PASSWORD, NewDatabase
from tests.network import DEAD
from tests.ports import free_port

TINY = SpaceSpec(seed=3, users=4, projects=1, issues=10, history_days=40)


@dataclass(frozen=True)
class Deployed:
    """A space with OAuth, and a shell in which it is set; its secrets are in files."""

    sim: Simulator
    shell: Shell
    port: int
    warehouse_url: str

    @property
    def secrets(self) -> list[str]:
        """Return all that nobody may see: the secret of the application, the key, the password, and
        every token ever given.
        """
        keyring = self.sim.site.keyring
        return [keyring.client_secret, TOKEN_KEY, PASSWORD, *keyring.tokens]

    def begin(self, *options: str) -> tuple["subprocess.Popen[str]", str]:
        """Start to log in; return the process and the URL that it shows."""
        process = self.shell.start(
            "--debug", "login", "--no-browser", "--port", str(self.port), *options
        )
        assert process.stderr is not None
        shown = ""
        for line in process.stderr:
            if line.startswith("http"):
                return process, line.strip()
            shown += line
        raise AssertionError(shown)

    def decide(self, url: str, decision: str = "allow") -> str:
        """Answer the page of consent, and return where the browser is sent by it."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert "<form" in httpx.get(url, trust_env=False).text
        answer = httpx.post(
            url.split("?", 1)[0], data={**asked, "decision": decision}, trust_env=False
        )
        return answer.headers["Location"]

    def log_in(self) -> None:
        """Let the owner of the space log in, without a browser and a command."""
        made, keyring, uri = (
            engine(self.warehouse_url),
            self.sim.site.keyring,
            "http://127.0.0.1/callback",
        )
        upgrade(made)
        application = OAuthApplication(self.sim.url, keyring.client_id, keyring.client_secret)
        tokens = application.exchange(keyring.issue_code(self.sim.space.administrator.id, uri), uri)
        StoredTokens(made, urlsplit(self.sim.url).netloc, keyring.client_id, TOKEN_KEY).save(
            tokens, "acme"
        )
        made.dispose()

    def access(self, **variables: str) -> dict[str, object]:
        """Return what `status` says of the access."""
        found: dict[str, object] = json.loads(self.shell.run("status", "--json", **variables).out)[
            "access"
        ]
        return found

    def stored(self) -> list[str]:
        """Return the rows of ops.oauth_tokens as text."""
        made = engine(self.warehouse_url)
        with made.connect() as conn:
            rows = [
                str(row[0]) for row in conn.execute(text("SELECT t::text FROM ops.oauth_tokens t"))
            ]
        made.dispose()
        return rows


@pytest.fixture(scope="module")
def deployed(
    new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployed]:
    """Return a deployment with access by OAuth to which nobody is logged in."""
    folder = tmp_path_factory.mktemp("login")
    with Simulator(TINY) as sim:
        secrets = {
            "BACKLOG_OAUTH_CLIENT_SECRET": sim.site.keyring.client_secret,
            "BACKLOG_TOKEN_KEY": TOKEN_KEY,
            "WAREHOUSE_URL": new_database(),
            "DAGSTER_POSTGRES_URL": new_database(),
        }
        variables = {
            # The space and the callback are on this machine.
            **DEAD,
            "BACKLOG_URL": f"{sim.url}/api/v2/",
            "BACKLOG_OAUTH_CLIENT_ID": sim.site.keyring.client_id,
            "BACKLOG_ELT_HOME": str(folder / "home"),
            "BACKLOG_HISTORY_START": "2026-01",
        }
        for name, secret in secrets.items():
            (folder / name).write_text(secret + "\n")
            variables[f"{name}_FILE"] = str(folder / name)
        yield Deployed(sim, Shell(folder, variables), free_port(), secrets["WAREHOUSE_URL"])


def test_without_a_login_a_load_says_that_one_is_needed(deployed: Deployed) -> None:
    load = deployed.shell.run("load")
    assert (load.code, load.lines) == (
        1,
        [f"Error: nobody is logged in to {deployed.sim.url}; run `backlog-elt login`"],
    )


def test_a_user_logs_in_and_neither_a_refusal_nor_its_state_replayed_gets_in_the_way(
    deployed: Deployed,
) -> None:
    late = deployed.shell.start(
        "login", "--no-browser", "--port", str(free_port()), "--timeout", "1"
    )
    process, url = deployed.begin()
    page = httpx.get(deployed.decide(url, "deny"), trust_env=False)
    denied, unanswered = end(process), end(late)
    assert "Access was not allowed" in page.text
    assert (denied.code, denied.out) == (1, "")
    assert (
        "access was denied (access_denied); run `backlog-elt login` to try again"
        in denied.lines[-1]
    )
    assert (unanswered.code, unanswered.out) == (1, "")
    assert (
        unanswered.lines[-1]
        == "Error: access was not allowed within 1 s; run `backlog-elt login` again"
    )
    assert deployed.stored() == []
    replayed = deployed.decide(url)
    process, url = deployed.begin()
    page = httpx.get(replayed, trust_env=False)
    assert (page.status_code, "This is not an answer to the current login" in page.text) == (
        400,
        True,
    )
    back = deployed.decide(url)
    assert httpx.get(back, trust_env=False).status_code == 200
    done = end(process)
    owner = deployed.sim.space.administrator
    assert done.code == 0, done.err
    assert done.out == f"Logged in to acme ({deployed.sim.url}) as {owner.name} (id {owner.id}).\n"
    assert "a browser sent an answer that does not belong to this login" in done.err
    with pytest.raises(httpx.ConnectError):
        httpx.get(back, trust_env=False)
    [row] = deployed.stored()
    code = parse_qs(urlsplit(back).query)["code"][0]
    assert not [secret for secret in (code, *deployed.secrets) if secret in row + done.text]


def test_a_load_whose_tokens_end_again_and_again_in_the_middle_of_it_succeeds(
    deployed: Deployed,
) -> None:
    deployed.log_in()
    deployed.sim.requests.clear()
    deployed.sim.before_request(lambda _: deployed.sim.clock.advance(600))
    done = deployed.shell.run("--debug", "load", "--json")
    deployed.sim.site.before.clear()
    assert done.code == 0, done.err
    assert json.loads(done.out)["tables"]["issues"]["inserted"] == 10
    assert deployed.sim.requests.count(route="/oauth2/token") > 3
    assert not [secret for secret in deployed.secrets if secret in done.text]


def test_another_key_is_one_line_that_names_it_and_the_state_is_shown_all_the_same(
    deployed: Deployed,
) -> None:
    deployed.log_in()
    other = {"BACKLOG_TOKEN_KEY": OTHER_TOKEN_KEY, "BACKLOG_TOKEN_KEY_FILE": ""}
    load = deployed.shell.run("load", **other)
    assert load.code == 1
    [line] = load.lines
    assert "encrypted with a key that BACKLOG_TOKEN_KEY lacks: add that key" in line
    assert OTHER_TOKEN_KEY not in load.text
    access = deployed.access(**other)
    assert access["expires_at"]
    assert access["refused"] is None


def test_a_key_is_rotated_and_a_logout_forgets(deployed: Deployed) -> None:
    deployed.log_in()
    before = deployed.stored()
    both = {"BACKLOG_TOKEN_KEY": f"{OTHER_TOKEN_KEY},{TOKEN_KEY}", "BACKLOG_TOKEN_KEY_FILE": ""}
    rotate = deployed.shell.run("--debug", "login", "--rotate-key", **both)
    assert (rotate.code, rotate.out[:29]) == (0, "The tokens are encrypted with"), rotate.err
    assert deployed.stored() != before
    logout = deployed.shell.run("logout")
    assert logout.code == 0
    assert logout.out.startswith(f"Logged out of {deployed.sim.url}: the tokens are deleted.")
    assert deployed.stored() == []


def test_a_revoked_grant_is_one_line_in_a_load_and_shown_by_status(deployed: Deployed) -> None:
    deployed.log_in()
    deployed.sim.site.keyring.revoke_grants()
    load = deployed.shell.run("load")
    assert load.code == 1
    [line] = load.lines
    assert (
        "does not renew the access of this login any more (invalid_grant: The grant was "
        "refused); run `backlog-elt login`"
    ) in line
    assert deployed.access()["refused"] == "invalid_grant: The grant was refused"
