"""What the client's tests share: a clock that moves only on request, and a client that a function
answers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import httpx
import pytest

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient

KEY = "k3y-that-must-not-be-seen-anywhere"
EPOCH = 1_790_000_000.0
Answer = Callable[[httpx.Request], httpx.Response]
Make = Callable[..., BacklogClient]


@dataclass
class Clock:
    """Time that passes only by sleeping; `slept` lists the sleeps in seconds."""

    now: float = EPOCH
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def date(self) -> str:
        return formatdate(self.now, usegmt=True)


@dataclass
class Wire:
    """Plays the server: `answers` in turn, the last one for ever; `requests` lists what was
    asked.
    """

    clock: Clock
    answers: list[httpx.Response | Exception | Answer] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        response = answer if isinstance(answer, httpx.Response) else answer(request)
        response.headers.setdefault("Date", self.clock.date())
        return response


def error(
    status: int, code: int, message: str = "said by the server", **headers: str
) -> httpx.Response:
    body = {"errors": [{"message": message, "code": code, "moreInfo": ""}]}
    return httpx.Response(
        status,
        json=body,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def limits(limit: object, remaining: object, reset: object) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(reset),
    }


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wire(clock: Clock) -> Wire:
    return Wire(clock)


@pytest.fixture
def make_client(clock: Clock, wire: Wire) -> Iterator[Make]:
    http = httpx.Client(transport=httpx.MockTransport(wire))

    def make(auth: httpx.Auth | None = None, clock: Clock = clock, **options: Any) -> BacklogClient:
        signed = auth or ApiKeyQuery(KEY)
        return BacklogClient(
            "https://acme.backlog.test",
            signed,
            http=http,
            sleep=clock.sleep,
            clock=clock,
            **options,
        )

    yield make
    http.close()


@pytest.fixture
def client(make_client: Make) -> BacklogClient:
    return make_client()
