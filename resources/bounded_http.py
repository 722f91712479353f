"""An HTTP client that limits the time and the size of each answer.

httpx limits neither. Its read timeout restarts with every byte, so a server that sends one now and
then is never given up, and an answer may be of any length. Its client for asyncio can be
interrupted at any point, in the head of an answer and in the body.
"""

import asyncio
import functools
import os
import ssl
import zlib
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
#: `wbits` of zlib for a stream of gzip or zlib, whichever it is.
_GZIP_OR_ZLIB = 47

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
        self._http = httpx.AsyncClient(
            verify=authorities,
            timeout=timeout,
            cookies=no_cookies,
            headers={"Accept-Encoding": "gzip"},
            event_hooks={"response": [_keep_redirect]},
        )

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
            AnswerRefusedError: the answer is too large, or compressed in a way that was not asked
                for.
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
        except zlib.error as error:
            raise httpx.DecodingError(
                f"the compressed answer is damaged: {error}", request=request
            ) from None
        except TimeoutError:
            raise httpx.ReadTimeout(
                f"not answered whole within {self._seconds:g} seconds", request=request
            ) from None
        headers = [
            pair for pair in answer.extensions["headers"] if pair[0].lower() not in _OF_THE_WIRE
        ]
        return httpx.Response(answer.status_code, headers=headers, content=body, request=request)

    async def _body(self, answer: httpx.Response) -> bytes:
        """Read the body, decompressed; of a refusal, whose status tells most, at most a
        megabyte.
        """
        encoding = answer.headers.get("content-encoding", "identity").lower()
        # Only gzip is asked for; some servers send another one.
        compressed = encoding in {"gzip", "x-gzip", "deflate"}
        if answer.is_success and not compressed and encoding != "identity":
            raise AnswerRefusedError(
                f"the answer is compressed as {encoding!r}, and not with gzip as asked",
                request=answer.request,
            )
        most = int((self._megabytes if answer.is_success else 1) * MEGABYTE)
        body, inflater = bytearray(), zlib.decompressobj(_GZIP_OR_ZLIB)
        async for part in answer.aiter_raw():
            if compressed:
                inflater = _inflate(inflater, part, body, most)
            else:
                body += part
            if max(len(body), answer.num_bytes_downloaded) > most:
                if answer.is_success:
                    raise AnswerTooLargeError(
                        f"the answer is larger than {self._megabytes:g} MB", request=answer.request
                    )
                return bytes(body[:most])
        if compressed and answer.num_bytes_downloaded and not inflater.eof:
            raise zlib.error("it is cut off")
        return bytes(body)


async def _keep_redirect(answer: httpx.Response) -> None:
    """Keep the headers apart, and take away where a redirect leads: httpx would prepare a request
    for it, and raise an error if the address is malformed.
    """
    answer.extensions["headers"] = answer.headers.raw
    answer.headers.pop("location", None)


def _inflate(inflater: Any, part: bytes, body: bytearray, most: int) -> Any:
    """Append what a part of a compressed body contains, until the body has a byte more than
    `most`; return the decompressor for the next part.
    """
    while part and len(body) <= most:
        if inflater.eof:  # a gzip of several members
            inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
        body += inflater.decompress(part, min(most + 1 - len(body), MEGABYTE))
        part = inflater.unconsumed_tail or inflater.unused_data
    return inflater


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
            return type(error)(
                os.strerror(number) if number > 0 else found.strerror, request=request
            )
        behind = found.exceptions[0] if isinstance(found, BaseExceptionGroup) else None
        found = behind or found.__cause__ or found.__context__
    return error


@functools.cache
def _authorities(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """Return the TLS context of httpx for these variables. It is cached: reading takes longer than
    an answer.
    """
    return httpx.create_ssl_context()
