"""How much is taken in: bodies up to a size, and so many requests a second."""

import time
from collections.abc import Callable

from starlette.requests import ClientDisconnect, Request

from service.errors import ApiError


async def read_body(request: Request, most: int) -> bytes:
    """Return the body of a request; one that is larger is refused before it is read to its end.

    Raises:
        ApiError: it has more than `most` bytes, or its sender went away.
    """
    length = request.headers.get("content-length", "")
    body = bytearray()
    try:
        if not (length.isdecimal() and int(length) > most):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    break
            else:
                return bytes(body)
    except ClientDisconnect:
        raise ApiError(400, "incomplete", "The sender went away before the end of the body.", "Send it again.") from None
    # The rest is not read: the connection ends with the answer.
    raise ApiError(413, "too_large", f"The body has more than {most:,} bytes.", "Send less.")


class TokenBucket:
    """Lets so many a second through, and after a quiet time so many at once."""

    def __init__(self, a_second: float, at_once: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._a_second = a_second
        self._at_once = at_once
        self._clock = clock
        self._left = at_once
        self._seen = clock()

    def take(self) -> float:
        """Take one and return 0, or return the seconds until there is one."""
        now = self._clock()
        self._left = min(self._at_once, self._left + (now - self._seen) * self._a_second)
        self._seen = now
        if self._left < 1.0:
            return (1.0 - self._left) / self._a_second
        self._left -= 1.0
        return 0.0
