"""Behind the proxy of a company: this machine needs none, and Backlog is reached through it."""

import json
import signal
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from resources.warehouse import embedded
from simulator import Simulator, SpaceSpec
from tests.integration.commands import Shell, end
from tests.integration.compose import wait_until
from tests.integration.conftest import NewDatabase
from tests.network import CAPITAL, SMALL, forward_proxy
from tests.ports import free_port

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

TINY = SpaceSpec(seed=3, users=4, projects=1, issues=10, history_days=40)
PASSWORD = "s3cr3t-of-the-proxy"


def test_a_first_load_and_its_verification_need_no_proxy(
    shell: Shell, new_database: NewDatabase
) -> None:
    databases = {"WAREHOUSE_URL": new_database(), "DAGSTER_POSTGRES_URL": new_database()}
    variables = {
        **SMALL,
        **CAPITAL,
        **databases,
        "BACKLOG_URL": "simulated",
        "BACKLOG_HISTORY_START": "2026-04",
    }
    loaded = shell.run("load", "--json", "--no-progress", **variables)
    assert (loaded.code, json.loads(loaded.out)["status"]) == (0, "completed"), loaded.text
    assert shell.run("verify", **variables).code == 0
    status = json.loads(shell.run("status", "--json", **variables).out)
    assert (status["connected"], status["failing_projects"]) == (True, {})


def test_simulate_and_serve_answer_behind_dead_proxies(
    shell: Shell, new_database: NewDatabase
) -> None:
    simulating = shell.start("simulate", "--issues", "5", "--projects", "1", **SMALL, **CAPITAL)
    assert simulating.stdout is not None
    space = json.loads(simulating.stdout.readline())
    port = free_port()
    variables = {
        "BACKLOG_URL": space["url"],
        "BACKLOG_API_KEY": space["api_key"],
        "WAREHOUSE_URL": new_database(),
    }
    serving = shell.start("serve", "--port", str(port), **variables, **SMALL, **CAPITAL)
    api = f"http://127.0.0.1:{port}/api/v1/sync"

    def connected() -> bool:
        try:
            return bool(httpx.get(f"{api}/connection/status", timeout=60).json()["connected"])
        except httpx.TransportError:
            return False

    try:
        wait_until(connected, "the service does not reach the space")
    finally:
        for process in (serving, simulating):
            process.send_signal(signal.SIGTERM)
            assert end(process).code in {0, -signal.SIGTERM, 143}


def test_backlog_alone_goes_through_the_proxy_and_its_password_is_shown_nowhere(
    tmp_path: Path, new_database: NewDatabase
) -> None:
    with Simulator(TINY) as sim, forward_proxy(PASSWORD) as proxy:
        # A name that only the proxy knows.
        url = f"http://acme.test:{urlsplit(sim.url).port}"
        variables = {
            "BACKLOG_URL": url,
            "BACKLOG_API_KEY": sim.api_key,
            "BACKLOG_HISTORY_START": "2026-01",
            "BACKLOG_ELT_HOME": str(tmp_path / "home"),
            "WAREHOUSE_URL": new_database(),
            "DAGSTER_POSTGRES_URL": new_database(),
            "HTTP_PROXY": proxy.url,
        }
        shell = Shell(tmp_path, variables)
        loaded, verified = shell.run("--debug", "load"), shell.run("verify", "--deep")
        assert (loaded.code, verified.code) == (0, 0), loaded.text + verified.text
        assert proxy.asked.keys() == {urlsplit(url).netloc}
        assert proxy.asked.total() > 20
        assert PASSWORD not in loaded.text + verified.text
    assert not embedded.stop(tmp_path / "home")
