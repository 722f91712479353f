"""The condition of the source as the service tells it, whoever has met it."""

from typing import Any

import httpx
import pytest

from resources.backlog.errors import BacklogError
from simulator import PLANS, Fault
from tests.deployment import Deployment
from tests.service.conftest import API
from tests.waiting import eventually


def look(deployment: Deployment) -> None:
    """Ask the source for something, as a sensor or a load does."""
    backlog = deployment.backlog
    backlog.use_short_timeouts()
    try:
        backlog.client.projects()
    except BacklogError:
        pass
    finally:
        backlog.close()


def connection(service: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = service.get(f"{API}/connection/status").json()
    return found


def metric(service: httpx.Client, name: str) -> float:
    [line] = [
        line for line in service.get("/metrics").text.splitlines() if line.startswith(name + " ")
    ]
    return float(line.split()[-1])


@pytest.mark.parametrize("kind", ["unreachable", "refused"])
def test_a_condition_and_its_end_are_reported_at_once_without_a_request(
    service: httpx.Client, loaded: Deployment, kind: str
) -> None:
    assert connection(service).items() >= {"connected": True, "condition": None}.items()
    of_kind = f'backlog_elt_source_condition{{kind="{kind}"}}'
    assert metric(service, of_kind) == 0
    if kind == "unreachable":
        loaded.sim.stop()
    else:
        loaded.sim.faults.add(Fault(status=401, times=None))
    look(loaded)
    loaded.sim.requests.clear()
    eventually(lambda: connection(service)["connected"] is False)
    found = connection(service)
    assert found["condition"]["kind"] == kind
    assert found["error"] == found["condition"]["message"]
    assert found["error"].startswith("GET /projects: ")
    assert ("check BACKLOG_API_KEY" in found["error"]) == (kind == "refused")
    assert loaded.sim.api_key not in str(found)
    assert (metric(service, "backlog_elt_source_up"), metric(service, of_kind)) == (0, 1)
    since = of_kind.replace("condition", "condition_since_timestamp_seconds")
    assert metric(service, since) > 1_700_000_000
    assert loaded.sim.requests.count() == 0
    loaded.sim.faults.clear()
    if kind == "unreachable":
        loaded.sim.start()
    look(loaded)
    eventually(lambda: connection(service)["condition"] is None)
    assert connection(service)["connected"] is True
    assert metric(service, "backlog_elt_source_up") == 1


def test_what_the_service_meets_itself_is_over_when_another_process_is_answered(
    service: httpx.Client, loaded: Deployment
) -> None:
    loaded.sim.faults.add(Fault(status=401, times=None))
    eventually(lambda: connection(service)["condition"] is not None)
    assert connection(service)["connected"] is False
    loaded.sim.faults.clear()
    look(loaded)
    eventually(lambda: connection(service)["condition"] is None)
    assert connection(service).items() >= {"connected": True, "error": None}.items()


def test_a_source_that_others_use_up_is_connected_all_the_same(
    service: httpx.Client, loaded: Deployment
) -> None:
    sim = loaded.sim
    connection(service)
    sim.limits = PLANS["paid"]
    sim.site.limiter.spend(sim.space.administrator.id, "read", 600, sim.clock.now())
    look(loaded)
    eventually(lambda: connection(service)["condition"] is not None)
    found = connection(service)
    assert found.items() >= {"connected": True, "error": None}.items()
    assert found["condition"]["kind"] == "rate_limited"
    assert found["condition"]["message"].startswith("GET /projects: 429")
    assert metric(service, "backlog_elt_source_up") == 1
