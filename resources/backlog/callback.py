"""A server on this machine that receives the browser's answer to a login by OAuth.

Holds: the server, its pages and the state that ties an answer to a request.
"""

import hmac
import queue
import secrets
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

from resources.backlog.errors import AuthenticationError, PermanentError
from resources.redact import mask_from_now_on

HOST = "127.0.0.1"
PATH = "/callback"

_PAGE = """<!DOCTYPE html><html lang="ja">
<head><meta charset="utf-8"><title>backlog-elt</title></head>
<body style="font-family: sans-serif; margin: 4rem auto; max-width: 36rem; line-height: 1.7">
<p>{japanese}</p><p lang="en">{english}</p></body></html>"""
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Connection": "close",
}
_ALLOWED = (
    "アクセスが許可されました。このページを閉じて、ターミナルの表示を確認してください。",
    "Access is allowed. You can close this page; the terminal shows what comes next.",
)
_DENIED = (
    "アクセスは許可されませんでした。このページは閉じて構いません。",
    "Access was not allowed. You can close this page.",
)
_STRANGE = (
    "このログインへの応答ではありません。ターミナルに表示された URL を開き直してください。",
    "This is not an answer to the current login. Open the URL that the terminal shows.",
)
_NOTHING = ("このページはありません。", "There is no such page.")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Ignore it: the browser has closed the connection."""


class Callback:
    """Listens on the loopback address until the block ends. `on_strange` gets each answer that does
    not belong to this login.

    `state` is a secret of this login that is valid for one answer. It keeps others from replacing
    the user's code.
    """

    def __init__(self, port: int, on_strange: Callable[[str], None] = lambda _said: None) -> None:
        self.state = secrets.token_urlsafe(32)
        self.uri = f"http://{HOST}:{port}{PATH}"
        self._on_strange = on_strange
        self._answers: queue.Queue[tuple[str | None, str | None]] = queue.Queue()
        self._lock = threading.Lock()
        self._used = False
        try:
            self._server = _Server((HOST, port), self._handler())
        except OSError:
            said = (
                f"port {port} on {HOST} is in use: stop what listens there, or "
                "choose another with --port"
            )
            raise PermanentError(f"{said}, and register its redirect URI") from None
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self, seconds: float) -> str:
        """Return the code that the browser brings.

        Raises:
            AuthenticationError: the user did not allow it, or nobody answered in time.
        """
        try:
            code, denied = self._answers.get(timeout=seconds)
        except queue.Empty:
            raise AuthenticationError(
                f"access was not allowed within {seconds:g} s; run `backlog-elt login` again",
                cause="login_ended",
            ) from None
        if code is None:
            raise AuthenticationError(
                f"access was denied ({denied}); run `backlog-elt login` to try again",
                cause="login_ended",
            )
        return code

    def _take(
        self, query: str
    ) -> tuple[HTTPStatus, tuple[str, str], tuple[str | None, str | None] | None]:
        """Return status and page for what a browser brings, and the answer in it, if it is one."""
        given = {name: values[0] for name, values in parse_qs(query).items()}
        code, denied = given.get("code"), given.get("error")
        mask_from_now_on(code or "")
        known = hmac.compare_digest(given.get("state", "").encode(), self.state.encode())
        with self._lock:
            if not known or self._used or not (code or denied):
                return HTTPStatus.BAD_REQUEST, _STRANGE, None
            self._used = True
        if denied:
            shown = "".join(letter for letter in denied[:60] if letter.isalnum() or letter in "_-.")
            return HTTPStatus.OK, _DENIED, (None, shown)
        return HTTPStatus.OK, _ALLOWED, (code, None)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        callback = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10.0
            server_version, sys_version = "backlog-elt", ""

            def do_GET(self) -> None:
                asked = urlsplit(self.path)
                if asked.path != PATH:
                    self._show(HTTPStatus.NOT_FOUND, _NOTHING)
                    return
                status, page, answer = callback._take(asked.query)
                if answer is None:
                    callback._on_strange(
                        "a browser sent an answer that does not belong to this login: ignored"
                    )
                    self._show(status, page)
                    return
                try:
                    self._show(status, page)
                finally:  # the answer counts even if the browser has closed the connection
                    callback._answers.put(answer)

            def _show(self, status: HTTPStatus, page: tuple[str, str]) -> None:
                japanese, english = page
                body = _PAGE.format(japanese=japanese, english=english).encode()
                self.send_response(status)
                for name, value in {**_HEADERS, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Log nothing: the line would hold the code and the state."""

        return Handler
