"""The simulator as a Starlette application: the steps that every request passes.

Order: hooks of tests, life, faults, authentication, limits, the endpoint.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator import routes_history, routes_issues, routes_space, routes_webhooks, routes_write
from simulator.auth import Keyring
from simulator.call import Call, Handler, Reply, Services
from simulator.errors import ApiError, not_found, too_many
from simulator.faults import Fault, Faults
from simulator.limits import Limits, RateLimiter, Turn, bucket_of
from simulator.listing import Listings
from simulator.params import Params
from simulator.requests import RequestInfo, RequestLog
from simulator.world import World

ROOT = "/api/v2"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
PAGE = (
    "<!DOCTYPE html><html><head><title>Maintenance</title></head><body><h1>Service "
    "unavailable</h1></body></html>"
)
Before = Callable[[RequestInfo], None]
Rewrite = Callable[[RequestInfo, Any], Any]
Answer = Callable[[Request, RequestInfo, Params, str], Response]
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass
class Site:
    """Everything needed to serve one simulated space."""

    world: World
    limits: Limits
    faults: Faults = field(default_factory=Faults)
    log: RequestLog = field(default_factory=RequestLog)
    before: list[Before] = field(default_factory=list)
    rewrite: list[Rewrite] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keyring = Keyring(self.world)
        self.limiter = RateLimiter(self.limits, self.world.switches.limits_drop_after)
        self.services = Services(self.world, Listings(self.world), self.keyring, self.limiter)

    def switch(self, **changes: Any) -> None:
        """Change switches from now on."""
        with self.world.lock:
            self.world.switches = replace(self.world.switches, **changes)
            self.world.version += 1
            self.world.touch_all()
            self.limiter.drop_after = self.world.switches.limits_drop_after

    def application(self, extra: list[Route]) -> Starlette:
        """Return the application; `extra` are routes outside the API."""
        rooms = (routes_space, routes_issues, routes_history, routes_write, routes_webhooks)
        table = [route for room in rooms for route in room.ROUTES]
        routes = [
            Route(ROOT + path, self._endpoint(path, handler), methods=[method])
            for method, path, handler in table
        ]
        missing = Route(ROOT + "/{rest:path}", self._endpoint("unknown", _missing), methods=METHODS)
        return Starlette(routes=[*extra, *routes, missing])

    def _endpoint(self, route: str, handler: Handler) -> Endpoint:
        def answer(request: Request, info: RequestInfo, query: Params, body: str) -> Response:
            return self._answer(request, info, handler, query, body)

        return self.served(route, answer)

    def served(self, route: str, answer: Answer) -> Endpoint:
        """Return an endpoint that passes each request through hooks, faults, `answer`, the log and
        the clock.
        """

        async def endpoint(request: Request) -> Response:
            began, path = time.monotonic(), request.url.path.removeprefix(ROOT)
            query = Params.parse(request.url.query)
            shown = [pair for pair in query.pairs if pair[0] != "apiKey"]
            info = RequestInfo(request.method, path, route, bucket_of(request.method, path), shown)
            body = (await request.body()).decode("utf-8", "replace")
            for callback in self.before:
                callback(info)
            response: Response | None = None
            cut: Fault | None = None
            for fault in self.faults.take(request.method, path):
                if fault.kind == "slow":
                    await asyncio.sleep(fault.seconds)
                elif fault.kind in ("cut", "truncate"):
                    cut = fault
                else:
                    response = await self._fail(request, fault)
            if response is None:
                with self.world.lock:
                    response = answer(request, info, query, body)
            if cut is not None:
                response = await _halve(request, response, cut)
            info.status, info.size, info.seconds = (
                response.status_code,
                len(response.body),
                time.monotonic() - began,
            )
            self.log.add(info)
            response.headers["Date"] = formatdate(self.world.clock.now(), usegmt=True)
            return response

        return endpoint

    def _answer(
        self, request: Request, info: RequestInfo, handler: Handler, query: Params, body: str
    ) -> Response:
        """Authenticate, count and answer; every refusal has Backlog's form."""
        headers: dict[str, str] = {}
        now = self.world.clock.now()
        try:
            info.user = self.keyring.caller(request.headers, query)
            turn = self.limiter.take(info.user, info.bucket, now)
            headers = turn.headers()
            if not turn.allowed:
                raise too_many(
                    max(1, turn.reset - int(now)) if self.world.switches.retry_after else None
                )
            form = Params.parse(body) if body else Params([])
            params = Params([*query.pairs, *form.pairs])
            call = Call(self.services, self.world.users[info.user], request.path_params, params)
            result = handler(call)
        except ApiError as error:
            content = error.body() if error.code else None
            return render(Reply(content, error.status, headers | error.headers))
        reply = result if isinstance(result, Reply) else Reply(result)
        content = reply.body
        for rewrite in self.rewrite:
            content = rewrite(info, content)
        return render(Reply(content, reply.status, headers | reply.headers, reply.media_type))

    async def _fail(self, request: Request, fault: Fault) -> Response:
        """Return the wrong answer of a fault, or end the connection."""
        if fault.kind == "close":
            await _hang_up(request)
            return Response(status_code=500)
        if fault.kind == "html":
            return Response(PAGE, fault.status, media_type="text/html")
        error = ApiError(fault.status, fault.code(), f"Simulated fault {fault.status}.")
        headers: dict[str, str] = {}
        if fault.status == 429:
            limit, now = self.limiter.limits.search, self.world.clock.now()
            headers = Turn(False, limit, 0, int(now + fault.reset_in)).headers()
            if self.world.switches.retry_after:
                headers["Retry-After"] = str(max(1, int(fault.reset_in)))
        return render(Reply(error.body(), fault.status, headers))


def render(reply: Reply) -> Response:
    """Return the response; text that UTF-8 cannot encode (a lone surrogate) is escaped in JSON."""
    if isinstance(reply.body, bytes):
        return Response(reply.body, reply.status, reply.headers, reply.media_type)
    if reply.body is None:
        return Response(b"", reply.status, reply.headers)
    try:
        body = json.dumps(reply.body, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        body = json.dumps(reply.body, separators=(",", ":")).encode()
    return Response(body, reply.status, reply.headers, reply.media_type)


async def _hang_up(request: Request) -> None:
    request.scope["state"]["transport"].abort()
    await asyncio.sleep(0)


async def _halve(request: Request, response: Response, fault: Fault) -> Response:
    """Return half of an answer, either as a complete one or followed by the end of the
    connection.
    """
    whole = bytes(response.body)
    half = whole[: len(whole) // 2]
    if fault.kind == "truncate":
        headers = {
            name: value for name, value in response.headers.items() if name != "content-length"
        }
        return Response(half, response.status_code, headers)
    return _Broken(half, len(whole), response, request)


class _Broken(Response):
    """An answer that announces more bytes than it sends."""

    def __init__(self, half: bytes, promised: int, response: Response, request: Request) -> None:
        super().__init__(
            half, response.status_code, dict(response.headers) | {"content-length": str(promised)}
        )
        self._request = request

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        transport = self._request.scope["state"]["transport"]
        transport.close()
        await asyncio.sleep(0.01)


def _missing(call: Call) -> Any:
    raise not_found("endpoint")
