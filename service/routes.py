"""Routes that FastAPI describes and Starlette serves."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import request_response


class PlainRoute(APIRoute):
    """A route whose endpoint takes the request, and nothing else; what it reads of the request
    stands in `openapi_extra`.

    FastAPI would resolve the parameters anew for each request: more CPU than all the rest of an
    answer from the cache.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.app = request_response(cast("Callable[[Request], Awaitable[Response]]", endpoint))
