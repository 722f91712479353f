"""`backlog-elt login`, `logout` and loads with OAuth, as at a shell; the test plays the browser."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import text

from resources.warehouse.server.connect import engine
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


def test_a_user_logs_in_after_a_refusal_and_a_load_works(deployed: Deployed) -> None:
    process, url = deployed.begin()
    page = httpx.get(deployed.decide(url, "deny"), trust_env=False)
    denied = end(process)
    assert "Access was not allowed" in page.text
    assert (denied.code, denied.out) == (1, "")
    said = "access was denied (access_denied); run `backlog-elt login` to try again"
    assert said in denied.lines[-1]
    assert deployed.stored() == []
    process, url = deployed.begin()
    back = deployed.decide(url)
    assert httpx.get(back, trust_env=False).status_code == 200
    done, owner = end(process), deployed.sim.space.administrator
    assert done.code == 0, done.err
    assert done.out == f"Logged in to acme ({deployed.sim.url}) as {owner.name} (id {owner.id}).\n"
    load = deployed.shell.succeed("--debug", "load", "--json")
    [row] = deployed.stored()
    code = parse_qs(urlsplit(back).query)["code"][0]
    written = row + done.text + load.text
    assert not [secret for secret in (code, *deployed.secrets) if secret in written]


def test_a_key_is_rotated_and_a_logout_forgets(deployed: Deployed) -> None:
    before = deployed.stored()
    both = {"BACKLOG_TOKEN_KEY": f"{OTHER_TOKEN_KEY},{TOKEN_KEY}", "BACKLOG_TOKEN_KEY_FILE": ""}
    rotate = deployed.shell.run("--debug", "login", "--rotate-key", **both)
    assert (rotate.code, rotate.out[:29]) == (0, "The tokens are encrypted with"), rotate.err
    assert deployed.stored() != before
    logout = deployed.shell.succeed("logout")
    assert logout.out.startswith(f"Logged out of {deployed.sim.url}: the tokens are deleted.")
    assert deployed.stored() == []
