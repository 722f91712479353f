"""Each switch of the simulator with each of its values: whatever an undocumented API does, the
warehouse ends equal to the source.

One case has all defaults, and the others hold each other value once, two switches at a time: so
each switch is seen with each of its values. What is compared, and with what, is in `exactness/`.
"""

import re
from collections.abc import Iterable
from dataclasses import fields
from datetime import timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.backlog_resource import BacklogResource
from resources.backlog.client import BacklogClient
from simulator import PLANS, Fault, SpaceSpec, Switches
from tests.deployment import Deploy, Deployment
from tests.integration.exactness.differences import differences
from tests.integration.exactness.machine import BEGIN, HISTORY_END
from tests.integration.exactness.people import People
from tests.integration.exactness.syncs import incremental, look_whole

pytestmark = pytest.mark.long

SPEC = SpaceSpec(seed=5, users=6, projects=3, issues=30, history_days=240, history_end=HISTORY_END)
#: Values of the switches that are numbers, besides their default.
NUMBERS = {"limits_drop_after": 60, "activity_retention_days": 1, "late_activity_seconds": 3_600}
#: Switches of deliveries, tokens and rights, which have tests of their own.
ELSEWHERE = frozenset(
    {
        "hide_mail",
        "rotate_refresh",
        "reuse_token",
        "bearer_refusal",
        "webhook_delivery",
        "token_seconds",
        "grant_error_status",
    }
)
#: People work when it is the same day in UTC, at the space and at the user, and when it is not:
#: 12:00 and 01:30 in Japan.
TIMES = (BEGIN, BEGIN + timedelta(hours=13, minutes=30))
#: Kinds of change of which one a time is enough; of the others there are three, so that each way to
#: do them is seen.
RARE = frozenset(
    {"project_renamed", "project_archived", "project_added", "access", "status_deleted", "import"}
)
DOCS = Path(__file__).parents[2] / "docs" / "simulator.md"


#: Those with which the feed tells less, so that less can be compared: never beside another switch.
ALONE = ("late_activity_seconds", "activity_retention_days")


def values() -> list[dict[str, Any]]:
    """Return each other value of each switch."""
    found: list[dict[str, Any]] = []
    types = get_type_hints(Switches)
    for switch in fields(Switches):
        if switch.name in ELSEWHERE:
            continue
        known: Iterable[Any] = get_args(types[switch.name])
        if types[switch.name] is bool:
            known = (True, False)
        elif types[switch.name] is int:
            known = (NUMBERS[switch.name],)
        found += [{switch.name: value} for value in known if value != switch.default]
    return found


def cases() -> list[dict[str, Any]]:
    """Return the defaults, the values that stand alone, and the others in pairs: the first half
    beside the second.
    """
    alone = [value for value in values() if not value.keys().isdisjoint(ALONE)]
    others = [value for value in values() if value.keys().isdisjoint(ALONE)]
    half = (len(others) + 1) // 2
    return [
        {},
        *alone,
        *(
            one | other
            for one, other in zip_longest(others[:half], others[half:], fillvalue=dict[str, Any]())
        ),
    ]


def name_of(case: dict[str, Any]) -> str:
    """Return what the test report says."""
    return "-".join(f"{name}={value}" for name, value in case.items()) or "defaults"


@pytest.mark.parametrize("switches", cases(), ids=name_of)
def test_the_warehouse_ends_equal_to_the_source(deploy: Deploy, switches: dict[str, Any]) -> None:
    deployment = unhurried(deploy(SPEC, switches=Switches(**switches), limits=PLANS["paid"]))
    people = People(deployment.sim.space)
    late = deployment.sim.space.switches.late_activity_seconds
    for moment in TIMES:
        deployment.sim.clock.freeze(moment)
        # So that the space says how it refuses.
        deployment.sim.faults.add(Fault(status=429, path="/issues.*"))
        assert incremental(deployment, people.rng)
        assert late or differences(deployment, silence=people.silence, masters=False) == []
        work(deployment, people)
    assert incremental(deployment, people.rng)
    assert late or differences(deployment, silence=people.silence, masters=False) == []
    deployment.sim.clock.advance(late + 60)
    assert look_whole(deployment, people.rng)
    assert differences(deployment) == []


class Unhurried(Deployment):
    """A deployment whose waits let the source's time go by, as they do for everybody: a limit that
    was lowered is waited out.
    """

    @property
    def backlog(self) -> BacklogResource:
        """A new resource on the space."""
        sleep = self.sim.clock.advance

        class Waiting(BacklogResource):
            @property
            def client(self) -> BacklogClient:
                if self._client is None:
                    self._client = BacklogClient(self.url, ApiKeyQuery(self.api_key), sleep=sleep)
                return self._client

        return Waiting(url=self.sim.url, api_key=self.api_key)


def unhurried(deployment: Deployment) -> Deployment:
    """Return the deployment with waits that let the source's time go by."""
    return Unhurried(**vars(deployment))


def work(deployment: Deployment, people: People) -> None:
    """Let people do everything that they can do; it has to leave traces in every table that is
    compared.
    """
    world = deployment.sim.space
    before = len(world.activities), sum(len(issue.comments) for issue in world.issues.values())
    with world.lock:
        for name, (_, action) in people.kinds().items():
            for _ in range(1 if name in RARE else 3):
                action()
    assert len(world.activities) > before[0] + 20
    assert sum(len(issue.comments) for issue in world.issues.values()) > before[1] + 10


def test_every_value_is_tried_and_the_docs_name_its_switch() -> None:
    tried = [(name, value) for case in cases() for name, value in case.items()]
    assert sorted(map(repr, tried)) == sorted(
        repr(item) for value in values() for item in value.items()
    )
    switches = DOCS.read_text().partition("## Switches")[2].partition("\n## ")[0]
    assert {*re.findall(r"^\| `(\w+)` \|", switches, re.MULTILINE)} == {
        switch.name for switch in fields(Switches)
    }
