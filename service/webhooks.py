"""Webhooks of Backlog: an event is committed to the inbox before it is answered.

Events that wait at the same time are committed in one transaction, so that a burst needs few
commits.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from hmac import compare_digest
from typing import Any

from aiolimiter import AsyncLimiter
from fastapi import APIRouter
from prometheus_client import Counter
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import Response

from resources.masking import Mask
from resources.secret import Secret
from resources.warehouse.people.forgetting import forgotten
from resources.warehouse.server.conflicts import retried_on_conflict
from resources.warehouse.state.webhook_inbox import receive
from service import models
from service.body import read_body
from service.error_answers import RETRY_SECONDS, ApiError, not_found
from service.openapi import OPEN, errors, parameter, takes
from service.routes import PlainRoute
from service.warehouse import Warehouse

PATH = "/webhooks/backlog/{secret}"
#: Any body is stored: Backlog does not promise what a webhook holds.
EVENT: dict[str, Any] = {
    **OPEN,
    **takes(parameter("secret", "path", "BACKLOG_WEBHOOK_SECRET", pattern="^[A-Za-z0-9_-]{16,}$")),
    "requestBody": {"required": False, "content": {"application/json": {"schema": {}}}},
}
LARGEST = 1_000_000
#: So many at once, and again within so many seconds: 2,000, and 200 a second. A bulk edit of a
#: large project is a burst.
EVENTS = (2_000, 10.0)
#: 20 at once, and one a second: a mistake is answered as one, and guessing is stopped.
WRONG_SECRETS = (20, 20.0)
#: Events in one transaction, and bytes that may wait for one.
TOGETHER = 200
MOST_WAITING = 64_000_000


@retried_on_conflict
def keep(engine: Engine, space_key: str, payloads: Sequence[str], mask: Mask) -> list[bool]:
    """Put events into the inbox in one transaction; return for each whether it is new.

    Raises:
        WarehouseError: the warehouse cannot be used; no event was stored.
    """
    with engine.begin() as connection:
        known = mask.but(forgotten(connection, space_key))
        return [receive(connection, space_key, payload, known) for payload in payloads]


class Inbox:
    """Stores events: in one transaction all that came while the last one was committed."""

    def __init__(
        self, warehouse: Warehouse, space: Callable[[], Awaitable[str]], mask: Mask
    ) -> None:
        self._warehouse = warehouse
        self._space = space
        self._mask = mask
        self._waiting: list[tuple[str, asyncio.Future[bool]]] = []
        self._bytes = 0
        self._worker: asyncio.Task[None] | None = None

    async def put(self, payload: str) -> bool:
        """Store an event; return whether it is new as soon as it is committed.

        Raises:
            ApiError: too many events wait, or the space is not known yet.
            WarehouseError: the warehouse cannot be used; the event was not stored.
        """
        if self._bytes + len(payload) > MOST_WAITING:
            raise ApiError(
                503,
                "busy",
                "Too many events wait to be stored.",
                "Send it again later.",
                retry_after=RETRY_SECONDS,
            )
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((payload, done))
        self._bytes += len(payload)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await done

    async def _work(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            payloads = [payload for payload, _ in batch]
            try:
                new: Sequence[bool] = await self._warehouse.ask(
                    keep, await self._space(), payloads, self._mask
                )
            except Exception as error:  # for all that wait
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
            else:
                for (_, done), is_new in zip(batch, new, strict=True):
                    if not done.done():
                        done.set_result(is_new)
            self._bytes -= sum(map(len, payloads))


def router(
    inbox: Inbox,
    secret: Secret | None,
    events: Counter,
    taken: AsyncLimiter | None = None,
    wrong: AsyncLimiter | None = None,
) -> APIRouter:
    """Return the endpoint `POST /webhooks/backlog/{secret}`; `taken` limits the events, and `wrong`
    the wrong secrets.

    A wrong secret is answered as any address that is not there, and beyond its limit with 429. The
    secret is checked first, so that no number of wrong ones keeps a genuine event out.
    """
    taken = taken or AsyncLimiter(*EVENTS)
    wrong = wrong or AsyncLimiter(*WRONG_SECRETS)
    expected = sha256(secret.reveal().encode()).digest() if secret else None
    routes = APIRouter(tags=["service"], route_class=PlainRoute)

    @routes.post(
        PATH,
        response_model=models.Taken,
        responses=errors(400, 404, 413, 429, 503),
        openapi_extra=EVENT,
    )
    async def webhook(request: Request) -> Response:
        """Take in an event of a Backlog webhook; it is stored when this is answered."""
        given = sha256(request.path_params["secret"].encode("utf-8", "surrogatepass")).digest()
        if expected is None or not compare_digest(given, expected):
            events.labels("forged").inc()
            hint = (
                "Check the address: its last part must be the secret that the "
                "service was started with."
            )
            await count_one(wrong, "Too many requests have a wrong secret.", hint)
            raise not_found()
        try:
            await count_one(
                taken,
                "Too many events.",
                "Send it again later; the activity feed finds what is missed.",
            )
        except ApiError:
            events.labels("refused").inc()
            raise
        # The original bytes can be restored from the text that is stored.
        payload = (await read_body(request, LARGEST)).decode("utf-8", "surrogateescape")
        new = await inbox.put(payload)
        events.labels("kept" if new else "duplicate").inc()
        return Response(
            models.Taken(accepted=True, duplicate=not new).model_dump_json(),
            media_type="application/json",
        )

    return routes


async def count_one(limiter: AsyncLimiter, said: str, hint: str) -> None:
    """Count one; refuse it where the limit is reached, instead of waiting as the limiter does by
    itself.
    """
    if not limiter.has_capacity():
        retry_after = math.ceil(limiter.time_period / limiter.max_rate)
        raise ApiError(429, "too_many", said, hint, retry_after=retry_after)
    await limiter.acquire()
