"""A load that waits for a rate limit shows it, with its end: on its progress, in `status`, and in
metadata of partitions.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from resources.warehouse import history
from simulator import Fault
from tests.deployment import Deployment, failures, recorded
from tests.integration.commands import Done, Shell


@dataclass
class Watcher:
    """A progress that notes the waits, and does something at each."""

    at_wait: Callable[[], object]
    waits: list[str] = field(default_factory=list)

    def start(self, what: str, total: int | None) -> None:
        pass

    def advance(self, what: str, rows: int) -> None:
        pass

    def wait(self, reason: str, seconds: float, until: datetime) -> None:
        self.waits.append(reason)
        self.at_wait()

    def done(self, what: str, rows: Mapping[str, int], requests: Mapping[str, int]) -> None:
        pass


def test_a_wait_for_a_limit_is_in_progress_status_and_metadata(
    deployment: Deployment, tmp_path: Path
) -> None:
    variables = {
        "BACKLOG_URL": deployment.sim.url,
        "BACKLOG_API_KEY": deployment.api_key,
        "BACKLOG_ELT_HOME": str(tmp_path),
    }
    storage = {
        "WAREHOUSE_URL": deployment.warehouse_url,
        "DAGSTER_POSTGRES_URL": deployment.warehouse_url,
    }
    shell, said = Shell(tmp_path, variables | storage), list[Done]()
    watcher = Watcher(at_wait=lambda: said.append(shell.run("status")))
    deployment.sim.faults.add(Fault(status=429, path="/issues", reset_in=25.0))
    run = deployment.with_progress(watcher).run_issues()
    assert run.success, failures(run)
    assert watcher.waits == ["search rate limit of Backlog"]
    assert (said[0].code, said[0].err) == (0, "")
    assert re.search(
        r"^active +issues.*: waiting for the search rate limit of Backlog until \d\d:\d\d:\d\d$",
        said[0].out,
        re.M,
    )
    assert 20 < max(facts["load/rate_limit_wait_seconds"] for facts in recorded(run).values()) <= 27
    assert list(history.active_syncs(deployment.engine, "acme")) == []
