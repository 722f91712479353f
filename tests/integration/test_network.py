"""Behind the proxy of a company: this machine needs none, and Backlog is reached through it."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from resources.warehouse.server import embedded
from simulator import Simulator, SpaceSpec
from tests.integration.commands import Shell
from tests.integration.conftest import NewDatabase
from tests.network import forward_proxy

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

TINY = SpaceSpec(seed=3, users=4, projects=1, issues=10, history_days=40)
PASSWORD = "s3cr3t-of-the-proxy"


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
        loaded, verified = shell.succeed("--debug", "load"), shell.succeed("verify", "--deep")
        assert proxy.asked.keys() == {urlsplit(url).netloc}
        assert proxy.asked.total() > 20
        assert PASSWORD not in loaded.text + verified.text
    assert not embedded.stop(tmp_path / "home")
