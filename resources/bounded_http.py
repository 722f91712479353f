"""An HTTP client that limits the time and the size of each answer.

httpx limits neither. Its read timeout restarts with every byte, so a server that sends one now and
then is never given up, and an answer may be of any length. Its client for asyncio can be
interrupted at any point, in the head of an answer and in the body.
"""

import asyncio
import functools
import os
import ssl
from collections.abc import Coroutine
from http.cookiejar import CookieJar, DefaultCookiePolicy
from threading import Thread
from typing import Any, Self, TypeVar

import httpx

from resources.tls_faults import TlsError

Result = TypeVar("Result")
MEGABYTE = 1_000_000
#: Largest answer in megabytes, as received and decompressed. A page of a hundred issues with the
#: longest descriptions that Backlog accepts has 40.
MOST_MEGABYTES = 64

#: Headers that do not apply any more once the body is read and decompressed.
_OF_THE_WIRE = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})


class AnswerRefusedError(httpx.DecodingError):
    """An answer was not read to its end; a retry would fail, too."""


class AnswerTooLargeError(AnswerRefusedError):
    """An answer is larger than allowed."""


class BoundedClient:
    """Sends one request at a time; the answer is complete within `seconds`, or an error of httpx is
    raised.

    The event loop runs in a thread of its own: a signal handler that raises, as Dagster's do, would
    break a loop in the main thread. The calling thread only waits; when it is interrupted, the
    request ends.

    Args:
        seconds: from the first byte sent to the last one read. A request that is signed and sent
            again has its own time.
        timeout: seconds until the source sends something, as in httpx.
        megabytes: largest size of an answer, compressed and decompressed.
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
        # No server asked here needs a session, and httpx cannot send back every cookie that it
        # accepts.
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self._http = httpx.AsyncClient(verify=authorities, timeout=timeout, cookies=no_cookies)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End requests under way and close the connections; a second call does nothing."""
        if not self._loop.is_closed():
            self._wait(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def request(
        self, method: str, url: str, *, auth: httpx.Auth | None = None, **content: Any
    ) -> httpx.Response:
        """Return an answer with its body; redirects are not followed. `content` is passed to httpx.

        `history` of the answer holds the earlier answers when `auth` has sent the request again.

        Raises:
            httpx.RequestError: no answer came, or not in time.
            AnswerRefusedError: the answer is too large, or compressed more than once.
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
        except ssl.SSLError as error:  # after the handshake
            raise TlsError(error, request) from None
        except httpx.NetworkError as error:
            raise _with_reason(error, request) from None
        except TimeoutError:
            raise httpx.ReadTimeout(
                f"not answered whole within {self._seconds:g} seconds", request=request
            ) from None
        headers = [pair for pair in answer.headers.raw if pair[0].lower() not in _OF_THE_WIRE]
        return httpx.Response(answer.status_code, headers=headers, content=body, request=request)

    async def _body(self, answer: httpx.Response) -> bytes:
        if "," in answer.headers.get("content-encoding", ""):
            # Each decompression can multiply the size by a thousand, and all happen at once.
            raise AnswerRefusedError(
                "the answer is compressed more than once", request=answer.request
            )
        most, inflated = self._megabytes * MEGABYTE, 0
        parts: list[bytes] = []
        async for part in answer.aiter_bytes():
            parts.append(part)
            inflated += len(part)
            if max(inflated, answer.num_bytes_downloaded) > most:
                raise AnswerTooLargeError(
                    f"the answer is larger than {self._megabytes:g} MB", request=answer.request
                )
        return b"".join(parts)


def _with_reason(error: httpx.NetworkError, request: httpx.Request) -> httpx.NetworkError:
    """Return the error with what is behind it as its message: a fault of TLS, or the system's
    reason.
    """
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLError):
            return TlsError(found, request)
        if isinstance(found, OSError) and found.strerror:
            # Errors of name resolution have negative numbers.
            number = found.errno or 0
            said = os.strerror(number) if number > 0 else found.strerror
            return type(error)(said, request=request)
        behind = found.exceptions[0] if isinstance(found, BaseExceptionGroup) else None
        found = behind or found.__cause__ or found.__context__
    return error


@functools.cache
def _authorities(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """Return the TLS context of httpx for these variables. It is cached: reading takes longer than
    an answer.
    """
    return httpx.create_ssl_context()
