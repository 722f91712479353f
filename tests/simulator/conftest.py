"""A simulator for each test, and a small client that calls it as any program would."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from simulator import Clock, Simulator, SpaceSpec, Switches

SMALL = SpaceSpec(seed=7, users=12, projects=4, issues=300)
NOW = datetime(2026, 7, 1, 0, 0, tzinfo=UTC)


class Api:
    """Asks one simulator with one key."""

    def __init__(self, simulator: Simulator, key: str | None = None) -> None:
        self.simulator = simulator
        self.http = httpx.Client(
            base_url=f"{simulator.url}/api/v2",
            headers={"Backlog-API-Key": key or simulator.api_key},
            trust_env=False,
        )

    def answer(
        self, path: str, method: str = "GET", form: dict[str, Any] | None = None, **params: Any
    ) -> httpx.Response:
        """Return the response as it came."""
        return self.http.request(method, path, params=params, data=form)

    def get(self, path: str, **params: Any) -> Any:
        """Return the JSON of a successful answer."""
        response = self.answer(path, **params)
        assert response.status_code == 200, response.text
        return response.json()

    def error(self, path: str, **params: Any) -> tuple[int, int]:
        """Return status and code of a refusal."""
        response = self.answer(path, **params)
        [error] = response.json()["errors"]
        assert set(error) == {"message", "code", "moreInfo"}
        return response.status_code, error["code"]


Serve = Callable[..., Api]
Login = Callable[[Api, int], Api]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that starts a simulator and gives a client of its owner."""
    with ExitStack() as stack:

        def start(spec: SpaceSpec = SMALL, *, frozen: bool = True, **options: Any) -> Api:
            clock = Clock()
            if frozen:
                clock.freeze(NOW)
            options.setdefault("clock", clock)
            api = Api(stack.enter_context(Simulator(spec, **options)))
            stack.callback(api.http.close)
            return api

        yield start


@pytest.fixture
def api(serve: Serve) -> Api:
    """Return a client of the owner of a small quiet space whose clock stands still."""
    return serve()


@pytest.fixture(scope="session")
def still() -> Iterator[Api]:
    """Return a client of a space that no test may change; quick to have."""
    clock = Clock()
    clock.freeze(NOW)
    with Simulator(SMALL, switches=Switches(stable_ties=True), clock=clock) as simulator:
        api = Api(simulator)
        yield api
        api.http.close()


@pytest.fixture
def as_user() -> Iterator[Login]:
    """Return a function that gives a client of the first user with a role."""
    with ExitStack() as stack:

        def login(api: Api, role: int) -> Api:
            simulator = api.simulator
            user = next(one for one in simulator.space.users.values() if one.role == role)
            other = Api(simulator, simulator.key_for(user.id))
            stack.callback(other.http.close)
            return other

        yield login
