"""One space with marts, and the page that reports on it, for all tests of this folder
(`BUILT_ONCE`).
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest

from assets.marts.report import report
from resources.warehouse.server.connect import engine
from simulator import Simulator, SpaceSpec
from tests.browser import Chromium, Reader, reader
from tests.deployment import Deployment, quiet
from tests.integration.report.report_page import TOKYO, opened

SPACE = SpaceSpec(seed=11, users=8, projects=3, issues=150, history_days=200)


@pytest.fixture(scope="session")
def built(folder_warehouse_url: str) -> Iterator[Deployment]:
    """Return a deployment that is loaded and has its marts."""
    made = engine(folder_warehouse_url)
    with Simulator(SPACE) as sim, dg.DagsterInstance.ephemeral() as instance:
        # Everybody is in a team there: who has most issues leaves them; and an issue is of nobody.
        [(busiest, _)] = Counter(
            issue.assignee_id for issue in sim.space.issues.values() if issue.assignee_id
        ).most_common(1)
        for team in sim.space.teams.values():
            team.members[:] = [user for user in team.members if user != busiest]
        sim.space.create_issue("OPS", at=datetime(2026, 5, 1, tzinfo=TOKYO), due_date="2026-05-08")
        # A milestone that was given up, with what is left of it.
        old = sim.space.add_version("OPS", "前の計画", at=datetime(2026, 4, 1, tzinfo=TOKYO)).id
        sim.space.create_issue(
            "OPS",
            at=datetime(2026, 4, 2, tzinfo=TOKYO),
            milestone_ids=(old,),
            due_date="2026-05-29",
        )
        sim.space.archive_version("OPS", old)
        deployment = Deployment(sim, folder_warehouse_url, made, instance, sim.api_key, quiet())
        deployment.load().run("marts")
        yield deployment
    made.dispose()


@pytest.fixture(scope="session")
def file(built: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of all projects."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(report(built.engine, TOKYO), encoding="utf-8")
    return path


@pytest.fixture
def somebody(chromium: Chromium, file: Path) -> Iterator[Reader]:
    """Return a reader in front of the page of all projects."""
    with reader(chromium, width=1600) as who:
        opened(who, file)
        yield who
