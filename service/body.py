"""The body of a request, read up to a size."""

from starlette.requests import ClientDisconnect, Request

from service.error_answers import ApiError


async def read_body(request: Request, most: int) -> bytes:
    """Return the body of a request. A larger one is refused before it is read to its end.

    FastAPI's own `max_body_size` refuses too, but with a text of its own instead of an error of
    this API.

    Raises:
        ApiError: the body has more than `most` bytes, or the sender went away.
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
        raise ApiError(
            400, "incomplete", "The connection ended before the end of the body.", "Send it again."
        ) from None
    # The rest is not read: the connection ends with the answer.
    raise ApiError(413, "too_large", f"The body has more than {most:,} bytes.", "Send less.")
