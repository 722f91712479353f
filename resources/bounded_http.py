"""An HTTP client whose answers end: after so many seconds as a whole, and after so many bytes.

httpx limits neither. Its read timeout begins anew with every byte, so a server that sends one now and
then is never given up; and it takes an answer as long as one comes. Its client for asyncio can be
interrupted at any point, in the head of an answer and in the body.
"""

import asyncio
import functools
import os
import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Self

import httpx

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
    """Sends one request at a time; each is answered whole within `seconds`, or ends with an error of httpx.

    It has an event loop of its own, which runs during a request, in the thread that asks.

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
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        authorities = _authorities(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        # Nothing that is asked here keeps a session, and httpx cannot send every cookie back that it takes.
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self._http = httpx.AsyncClient(verify=authorities, timeout=timeout, cookies=no_cookies)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        with self._runner:
            self._runner.run(self._http.aclose())

    def request(self, method: str, url: str, *, auth: httpx.Auth | None = None, **content: Any) -> httpx.Response:
        """Return an answer, its body read; redirects are not followed. `content` is as httpx takes it.

        `history` of the answer has those before it, where `auth` has sent the request again.

        Raises:
            httpx.RequestError: there is no answer, or it did not end in time.
            AnswerRefusedError: it is larger than an answer may be, or compressed more than once.
        """
        flow = (auth or httpx.Auth()).sync_auth_flow(self._http.build_request(method, url, **content))
        history: list[httpx.Response] = []
        request = next(flow)
        try:
            while True:
                answer = self._runner.run(self._answer(request))
                answer.history = list(history)
                try:
                    request = flow.send(answer)
                except StopIteration:
                    return answer
                history.append(answer)
        finally:
            flow.close()

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._http.send(request, stream=True)
                try:
                    body = await self._body(answer)
                finally:
                    await answer.aclose()
        except TimeoutError:
            said = f"not answered whole within {self._seconds:g} seconds"
            raise httpx.ReadTimeout(said, request=request) from None
        headers = [pair for pair in answer.headers.raw if pair[0].lower() not in _OF_THE_WIRE]
        return httpx.Response(answer.status_code, headers=headers, content=body, request=request)

    async def _body(self, answer: httpx.Response) -> bytes:
        if "," in answer.headers.get("content-encoding", ""):
            # Each time it is inflated makes it up to a thousand times as large, all of them at once.
            raise AnswerRefusedError("the answer is compressed more than once", request=answer.request)
        most, inflated = self._megabytes * MEGABYTE, 0
        parts: list[bytes] = []
        async for part in answer.aiter_bytes():
            parts.append(part)
            inflated += len(part)
            if max(inflated, answer.num_bytes_downloaded) > most:
                said = f"the answer is larger than {self._megabytes:g} MB"
                raise AnswerTooLargeError(said, request=answer.request)
        return b"".join(parts)


@functools.cache
def _authorities(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """Return whom TLS trusts, as httpx reads it from these variables; reading takes longer than an answer."""
    return httpx.create_ssl_context()
