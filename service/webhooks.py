"""Webhooks of Backlog: what is posted is in the inbox, committed, before the sender hears that it was taken.

Those that wait at the same time are committed together: one transaction, so that a burst costs no more than the disk can do.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from hmac import compare_digest

from prometheus_client import Counter
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from resources.privacy import Mask
from resources.secret import Secret
from resources.warehouse.inbox import receive
from resources.warehouse.people import forgotten
from service.errors import RETRY_SECONDS, ApiError, not_found
from service.limits import TokenBucket, read_body
from service.warehouse import Warehouse

LARGEST = 1_000_000
#: A bulk edit of a large project is a burst; beyond that somebody else is at work.
A_SECOND, AT_ONCE = 200.0, 2_000.0
#: Wrong secrets: a mistake is answered as one, and guessing is told to stop.
WRONG_A_SECOND, WRONG_AT_ONCE = 1.0, 20.0
#: Events in one transaction, and bytes that may wait for one.
TOGETHER = 200
MOST_WAITING = 64_000_000


def keep(engine: Engine, space_key: str, payloads: Sequence[str], mask: Mask) -> list[bool]:
    """Put events into the inbox in one transaction; say of each whether it is new.

    Raises:
        WarehouseError: the warehouse cannot be used; none was kept.
    """
    with engine.begin() as connection:
        told = mask.but(forgotten(connection, space_key))
        return [receive(connection, space_key, payload, told) for payload in payloads]


class Inbox:
    """Takes events in, as many in one transaction as have come while the last one was committed."""

    def __init__(self, warehouse: Warehouse, space: Callable[[], Awaitable[str]], mask: Mask) -> None:
        self._warehouse = warehouse
        self._space = space
        self._mask = mask
        self._waiting: list[tuple[str, asyncio.Future[bool]]] = []
        self._bytes = 0
        self._worker: asyncio.Task[None] | None = None

    async def put(self, payload: str) -> bool:
        """Keep an event; return when it is committed, and whether it is new.

        Raises:
            ApiError: more waits than memory should hold, or the space is not known yet.
            WarehouseError: the warehouse cannot be used; it was not kept.
        """
        if self._bytes + len(payload) > MOST_WAITING:
            raise ApiError(503, "busy", "More events wait than can be held.", "Send it again later.", retry_after=RETRY_SECONDS)
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
                new: Sequence[bool] = await self._warehouse.ask(keep, await self._space(), payloads, self._mask)
            except Exception as error:  # whoever waits is told
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
            else:
                for (_, done), is_new in zip(batch, new, strict=True):
                    if not done.done():
                        done.set_result(is_new)
            self._bytes -= sum(map(len, payloads))


def endpoint(
    inbox: Inbox, secret: Secret | None, events: Counter, bucket: TokenBucket | None = None, wrong: TokenBucket | None = None
) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint `POST /webhooks/backlog/{secret}`; no more is taken than `bucket` lets through.

    A wrong secret is answered like any address that is not there, by default 20 at once and one a second, and beyond that with 429.
    The secret is looked at first, so that no number of wrong ones keeps a genuine event out.
    """
    bucket = bucket or TokenBucket(A_SECOND, AT_ONCE)
    wrong = wrong or TokenBucket(WRONG_A_SECOND, WRONG_AT_ONCE)
    expected = sha256(secret.reveal().encode()).digest() if secret else None

    async def take(request: Request) -> Response:
        given = sha256(request.path_params["secret"].encode("utf-8", "surrogatepass")).digest()
        if expected is None or not compare_digest(given, expected):
            events.labels("forged").inc()
            wait = wrong.take()
            hint = "Look at the address: its last part is the secret that the service was started with."
            raise _too_many("More wrong addresses are asked for than are answered.", hint, wait) if wait else not_found()
        wait = bucket.take()
        if wait:
            events.labels("refused").inc()
            hint = "Send it again later; what is missed is found by the activity feed."
            raise _too_many("More events come than are taken.", hint, wait)
        # Whatever bytes it is, they can be had back from what is kept.
        payload = (await read_body(request, LARGEST)).decode("utf-8", "surrogateescape")
        new = await inbox.put(payload)
        events.labels("kept" if new else "duplicate").inc()
        return JSONResponse({"accepted": True, "duplicate": not new})

    return take


def _too_many(said: str, hint: str, wait: float) -> ApiError:
    return ApiError(429, "too_many", said, hint, retry_after=math.ceil(wait))
