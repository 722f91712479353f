"""A cache of answers: bodies that expire by kind, and are made once however many requests come at
once.

Answers made from the history of syncs are cached under its version
(`history_reader.history_version`), which changes with every sync that begins or ends. One process,
one cache: 500 requests a second are answered from it (`benchmarks/service.py`), so there is no
other store.
"""

import asyncio
import json
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import blake2b
from typing import Any, TypeVar, cast

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

T = TypeVar("T")

#: Seconds for which each kind is cached; answers made from the log of syncs end earlier, when a
#: sync begins or ends.
EXPIRY = {
    "moved": 1.0,
    "active": 1.0,
    "run": 1.0,
    "dagster": 2.0,
    "connection": 15.0,
    # How projects stand also depends on the clock, and on comparisons, which are not in the log.
    "projects": 15.0,
    "proofs": 15.0,
    "schedules": 15.0,
    "stats": 60.0,
    "history": 300.0,
    # Costs two requests of the source's budget.
    "source": 300.0,
}
#: A failure is the answer to all requests within this time, so that a server that is down is not
#: asked 500 times a second.
FAILED_SECONDS = 1.0
#: Most answers in the cache; there are many pages of the history.
MOST = 256


@dataclass(frozen=True)
class Body:
    """JSON and its ETag."""

    content: bytes
    etag: str


def as_body(value: BaseModel | dict[str, Any]) -> Body:
    """Return a value as JSON; moments are ISO 8601, and text that is not Unicode is escaped, which
    pydantic refuses.
    """
    value = value.model_dump() if isinstance(value, BaseModel) else value
    content = json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), default=_json_value
    ).encode("utf-8", "backslashreplace")
    return tagged(content)


def join_bodies(parts: Mapping[str, Body]) -> Body:
    """Return one object that has each body under its name."""
    fields = (b'"%b":%b' % (name.encode(), body.content) for name, body in parts.items())
    return tagged(b"{%b}" % b",".join(fields))


def tagged(content: bytes) -> Body:
    """Return a body with its ETag."""
    return Body(content, f'"{blake2b(content, digest_size=12).hexdigest()}"')


def _json_value(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def answer(
    request: Request, body: Body, kind: str = "application/json", cached: str = "private, no-cache"
) -> Response:
    """Send a body, or nothing but its tag where the client knows that already (`If-None-Match`)."""
    headers = {"ETag": body.etag, "Cache-Control": cached}
    known = request.headers.get("if-none-match")
    if known and (known.strip() == "*" or body.etag in known):
        return Response(None, 304, headers)
    return Response(body.content, 200, headers, kind)


class Cache:
    """Values by key, the first part of which is their kind."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[tuple[Hashable, ...], _Kept] = OrderedDict()

    async def get(
        self,
        kind: str,
        make: Callable[[], Coroutine[Any, Any, T]],
        *more: Hashable,
        seconds: Callable[[T], float] | None = None,
    ) -> T:
        """Return the cached value, or make it; all requests that come meanwhile get the same value
        or error.

        Args:
            kind: of the value, which sets how long it is cached.
            make: makes it.
            more: distinguishes the values of a kind.
            seconds: how long a value is cached, if that depends on the value.
        """
        key = (kind, *more)
        kept = self._kept.get(key)
        if kept is None or self._clock() >= kept.until:
            kept = self._kept[key] = _Kept(asyncio.create_task(make()))
            kept.task.add_done_callback(
                partial(self._made, kept, seconds or (lambda _: EXPIRY[kind]))
            )
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        # A request may be canceled; the value is made for the others too.
        return cast("T", await asyncio.shield(kept.task))

    def drop(self, kind: str) -> None:
        """Drop all values of a kind, because they are out of date."""
        for key in [key for key in self._kept if key[0] == kind]:
            del self._kept[key]

    def _made(
        self, kept: "_Kept", seconds: Callable[[Any], float], task: asyncio.Task[Any]
    ) -> None:
        failed = task.cancelled() or task.exception() is not None
        kept.until = self._clock() + (FAILED_SECONDS if failed else seconds(task.result()))


@dataclass
class _Kept:
    task: asyncio.Task[Any]
    until: float = math.inf
