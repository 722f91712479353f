"""The condition of the source as the service tells it, whoever has met it."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from resources.backlog.errors import BacklogError
from simulator import PLANS, Fault
from tests.deployment import Deployment
from tests.service.conftest import API, Serve
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


@pytest.fixture
def service(serve: Serve, loaded: Deployment) -> httpx.Client:
    return serve(
        BACKLOG_URL=loaded.sim.url,
        BACKLOG_API_KEY=loaded.sim.api_key,
        WAREHOUSE_URL=loaded.warehouse_url,
    )


def connection(service: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = service.get(f"{API}/connection/status").json()
    return found


def metric(service: httpx.Client, name: str) -> float:
    [line] = [
        line for line in service.get("/metrics").text.splitlines() if line.startswith(name + " ")
    ]
    return float(line.split()[-1])


def unreachable(loaded: Deployment) -> None:
    loaded.sim.stop()


def refused(loaded: Deployment) -> None:
    loaded.sim.faults.add(Fault(status=401, times=None))


@pytest.mark.parametrize("fails", [unreachable, refused])
def test_a_condition_and_its_end_are_reported_at_once_without_a_request(
    service: httpx.Client, loaded: Deployment, fails: Callable[[Deployment], None]
) -> None:
    kind = fails.__name__
    before = connection(service)
    assert (before["connected"], before["condition"]) == (True, None)
    assert metric(service, f'backlog_elt_source_condition{{kind="{kind}"}}') == 0
    fails(loaded)
    look(loaded)
    loaded.sim.requests.clear()
    eventually(lambda: connection(service)["connected"] is False)
    found = connection(service)
    assert found["condition"]["kind"] == kind
    assert found["error"] == found["condition"]["message"]
    assert found["error"].startswith("GET /projects: ")
    assert metric(service, "backlog_elt_source_up") == 0
    assert metric(service, f'backlog_elt_source_condition{{kind="{kind}"}}') == 1
    assert (
        metric(service, f'backlog_elt_source_condition_since_timestamp_seconds{{kind="{kind}"}}')
        > 1_700_000_000
    )
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
    after = connection(service)
    assert (after["connected"], after["error"]) == (True, None)


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
    assert (found["connected"], found["error"], found["condition"]["kind"]) == (
        True,
        None,
        "rate_limited",
    )
    assert found["condition"]["message"].startswith("GET /projects: 429")
    assert metric(service, "backlog_elt_source_up") == 1
