"""A server between the program and the simulator that passes requests on and spoils some of the
answers.
"""

import re
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from typing import Self
from urllib.parse import urlsplit

from tests.http_servers import Quiet, serving
from tests.integration.odd.answers import Answer
from tests.integration.odd.mutations import Mutation

#: Paths of the API -> their names; what is asked for besides is passed on as it is.
ROUTES = {
    rf"/api/v2{pattern}": name
    for pattern, name in (
        ("/space", "/space"),
        ("/users", "/users"),
        ("/users/myself", "/users/myself"),
        ("/teams", "/teams"),
        ("/projects", "/projects"),
        ("/projects/[^/]+/users", "/projects/:id/users"),
        ("/projects/[^/]+/statuses", "/projects/:id/statuses"),
        ("/projects/[^/]+/issueTypes", "/projects/:id/issueTypes"),
        ("/projects/[^/]+/categories", "/projects/:id/categories"),
        ("/projects/[^/]+/versions", "/projects/:id/versions"),
        ("/projects/[^/]+/customFields", "/projects/:id/customFields"),
        ("/priorities", "/priorities"),
        ("/resolutions", "/resolutions"),
        ("/issues", "/issues"),
        ("/issues/count", "/issues/count"),
        ("/issues/[^/]+/comments", "/issues/:id/comments"),
        ("/space/activities", "/space/activities"),
    )
}
_PAUSE = 0.05


class Proxy:
    """Passes on what the simulator at `upstream` answers, but for what `spoil` was given; `applied`
    counts what was spoilt.
    """

    def __init__(self, upstream: str) -> None:
        self.applied: Counter[tuple[str, str]] = Counter()
        self._plan: list[Mutation] = []
        self._lock, self._ended = threading.Lock(), threading.Event()
        host = urlsplit(upstream).netloc
        proxy = self

        class Handler(Quiet):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                self.upstream = HTTPConnection(host)

            def do_GET(self) -> None:  # noqa: N802 - the name of the library
                self.upstream.request(
                    "GET",
                    self.path,
                    headers={name: value for name, value in self.headers.items() if name != "Host"},
                )
                found = self.upstream.getresponse()
                headers = [
                    (name, value)
                    for name, value in found.getheaders()
                    if name.lower() != "transfer-encoding"
                ]
                answer = proxy.spoilt(self.path, Answer(found.status, headers, found.read()))
                with suppress(OSError):
                    proxy.send(self, answer)

            def finish(self) -> None:
                self.upstream.close()
                with suppress(OSError):
                    super().finish()

        self._serving = ExitStack()
        self.url = self._serving.enter_context(serving(Handler))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._serving.close()

    def spoil(self, mutations: Sequence[Mutation]) -> None:
        """Spoil answers from now on; none: be honest again."""
        with self._lock:
            self._plan = list(mutations)

    def spoilt(self, path: str, answer: Answer) -> Answer:
        """Return what is sent in place of an answer."""
        route = next(
            (
                name
                for pattern, name in ROUTES.items()
                if re.fullmatch(pattern, path.partition("?")[0])
            ),
            "",
        )
        with self._lock:
            for mutation in self._plan:
                if (
                    mutation.route == route
                    and answer.status == 200
                    and (mutation.always or not mutation.done)
                ):
                    self.applied[route, mutation.name] += 1
                    return mutation.apply(answer)
        return answer

    def send(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        """Write an answer, at once or byte by byte, whole or not."""
        lines = [
            f"HTTP/1.1 {answer.status} Spoilt",
            *(f"{name}: {value}" for name, value in answer.headers),
        ]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
        if answer.drips:
            handler.close_connection = True
            for byte in head[:-2] + b"X: " + b"x" * 9_999:
                if self._ended.wait(_PAUSE):
                    return
                handler.wfile.write(bytes([byte]))
        if answer.flood:
            handler.close_connection = True
            handler.wfile.write(head)
            answer.flood.write(handler.wfile)
            return
        handler.wfile.write(head + answer.body[: answer.cut])
        # A length that is not the true one leaves both sides out of step.
        stated = dict(answer.headers).get(
            "content-length", dict(answer.headers).get("Content-Length")
        )
        handler.close_connection = answer.cut is not None or stated != str(len(answer.body))
