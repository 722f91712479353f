"""Commands on a space in which people keep deleting, creating and moving issues: they succeed, and
report what they saw.
"""

import json
from pathlib import Path
from typing import Any

from simulator import RequestInfo, Simulator, SpaceSpec
from simulator.model import Issue
from tests.integration.commands import Shell
from tests.integration.conftest import NewDatabase

SPEC = SpaceSpec(seed=3, users=4, projects=2, issues=160, history_days=240)


class Life:
    """An issue is deleted before every fourth request; now and then one is created or moved, and
    one comes back in a bad form.
    """

    def __init__(self, sim: Simulator) -> None:
        self.sim, self.asked, self.refused = sim, 0, max(sim.space.project("OPS").issues)
        sim.before_request(self.go_on)
        sim.rewrite_response(self.spoil)

    def go_on(self, _request: RequestInfo) -> None:
        self.asked += 1
        space = self.sim.space
        found = self.issues()
        if self.asked % 4 == 0 and len(found) > 30:
            space.delete_issue(found[0])
        elif self.asked % 22 == 1:
            space.create_issue("OPS", summary="new")
        elif self.asked % 30 == 3:
            space.move_issue(found[1], "WEB")

    def issues(self) -> list[Issue]:
        ops = self.sim.space.project("OPS")
        return [
            one for one in ops.issues.values() if one.id != self.refused and one.parent_id is None
        ]

    def spoil(self, request: RequestInfo, body: Any) -> Any:
        if request.route != "/issues":
            return body
        return [
            {**one, "estimatedHours": "many"} if one["id"] == self.refused else one for one in body
        ]


def test_a_load_while_people_delete_and_with_an_issue_in_quarantine_ends_with_0(
    tmp_path: Path, new_database: NewDatabase
) -> None:
    with Simulator(SPEC) as sim:
        Life(sim)
        variables = {
            "BACKLOG_URL": sim.url, "BACKLOG_API_KEY": sim.api_key,
            "BACKLOG_ELT_HOME": str(tmp_path / "home"),
            "WAREHOUSE_URL": new_database(), "DAGSTER_POSTGRES_URL": new_database(),
            "BACKLOG_HISTORY_START": "2026-01",
        }  # fmt: skip
        before = len(sim.space.issues)
        loaded = Shell(tmp_path, variables).run("load", "--json")
        assert len(sim.space.issues) < before
        found = json.loads(loaded.out)
        assert (loaded.code, found["errors"], found["tables"]["issues"]["rejected"] > 0) == (
            0,
            [],
            True,
        )
        verified = Shell(tmp_path, variables).run("verify", "--json")
        found = json.loads(verified.out)
        assert (verified.code, found["status"], found["errors"]) == (0, "behind", [])
        assert found["tables"]["issues"]["quarantined"] == 1
