"""An HTTP client whose answers end: after so many seconds as a whole, and after so many bytes.

httpx limits neither. Its read timeout begins anew with every byte, so a server that sends one now
and then is never given up; and it takes an answer as long as one comes. Its client for asyncio can
be interrupted at any point, in the head of an answer and in the body.
"""

import asyncio
import functools
import os
import ssl
from collections.abc import Coroutine
from http.cookiejar import CookieJar, DefaultCookiePolicy
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

Result = TypeVar("Result")
MEGABYTE = 1_000_000
#: Megabytes of an answer at most, as it comes and inflated. A page of a hundred issues with the
#: longest descriptions that Backlog takes has 40.
MOST_MEGABYTES = 64

#: Headers that are not true of an answer any more when its body is read and inflated.
_OF_THE_WIRE = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})


class AnswerRefusedError(httpx.DecodingError):
    """An answer was not read to its end, and would not be another time."""


class AnswerTooLargeError(AnswerRefusedError):
    """More bytes came than an answer may have."""


class BoundedClient:
    """Sends one request at a time; each is answered whole within `seconds`, or ends with an error
    of httpx.

    Its event loop runs in a thread of its own: a signal whose handler raises, as Dagster's do,
    would leave a loop in pieces. The thread that asks only waits; when it is interrupted, the
    request ends.

    Args:
        seconds: from the first byte sent to the last one read. A request that is signed anew and
            sent again has its time anew.
        timeout: seconds until the source says something, as httpx knows it.
        megabytes: the most that an answer may have, compressed and inflated.
    """

    def __init__(
        self,
        seconds: float,
        *,
        timeout: float | httpx.Timeout,
        megabytes: float = MOST_MEGABYTES,
    ) -> None:
        self._seconds = seconds
        self._megabytes = megabytes
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="http", daemon=True)
        self._thread.start()
        authorities = _authorities(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        # Nothing that is asked here keeps a session, and httpx cannot send every cookie back that
        # it takes.
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self._http = httpx.AsyncClient(verify=authorities, timeout=timeout, cookies=no_cookies)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End what is under way, and close the connections; doing it again changes nothing."""
        if not self._loop.is_closed():
            self._wait(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def request(
        self, method: str, url: str, *, auth: httpx.Auth | None = None, **content: Any
    ) -> httpx.Response:
        """Return an answer, its body read; redirects are not followed. `content` is as httpx takes
        it.

        `history` of the answer has those before it, where `auth` has sent the request again.

        Raises:
            httpx.RequestError: there is no answer, or it did not end in time.
            AnswerRefusedError: it is larger than an answer may be, or compressed more than once.
        """
        flow = (auth or httpx.Auth()).sync_auth_flow(
            self._http.build_request(method, url, **content)
        )
        history: list[httpx.Response] = []
        request = next(flow)
        try:
            while True:
                answer = self._wait(self._answer(request))
                answer.history = list(history)
                try:
                    request = flow.send(answer)
                except StopIteration:
                    return answer
                history.append(answer)
        finally:
            flow.close()

    def _wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._http.aclose()

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._http.send(request, stream=True)
                try:
                    body = await self._body(answer)
                finally:
                    await answer.aclose()
        except httpx.ConnectError as error:
            raise httpx.ConnectError(_why_not_connected(error), request=request) from None
        except TimeoutError:
            said = f"not answered whole within {self._seconds:g} seconds"
            raise httpx.ReadTimeout(said, request=request) from None
        headers = [pair for pair in answer.headers.raw if pair[0].lower() not in _OF_THE_WIRE]
        return httpx.Response(answer.status_code, headers=headers, content=body, request=request)

    async def _body(self, answer: httpx.Response) -> bytes:
        if "," in answer.headers.get("content-encoding", ""):
            # Each time it is inflated makes it up to a thousand times as large, all of them at
            # once.
            raise AnswerRefusedError(
                "the answer is compressed more than once", request=answer.request
            )
        most, inflated = self._megabytes * MEGABYTE, 0
        parts: list[bytes] = []
        async for part in answer.aiter_bytes():
            parts.append(part)
            inflated += len(part)
            if max(inflated, answer.num_bytes_downloaded) > most:
                said = f"the answer is larger than {self._megabytes:g} MB"
                raise AnswerTooLargeError(said, request=answer.request)
        return b"".join(parts)


def _why_not_connected(error: BaseException) -> str:
    """Return why no connection was made: what the system says, where it is behind the error."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, OSError) and found.strerror:
            # Those of name resolution have numbers of their own, below zero.
            number = found.errno or 0
            return os.strerror(number) if number > 0 else found.strerror
        behind = found.exceptions[0] if isinstance(found, BaseExceptionGroup) else None
        found = behind or found.__cause__ or found.__context__
    return str(error)


@functools.cache
def _authorities(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """Return whom TLS trusts, as httpx reads it from these variables; reading takes longer than an
    answer.
    """
    return httpx.create_ssl_context()
