"""Networks of companies: proxies that are dead, and one that passes on and counts."""

from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from urllib.parse import urlsplit

from tests.http_servers import Quiet, serving

#: Nobody listens on port 1.
NOWHERE = "http://127.0.0.1:1"
NAMES = ("http_proxy", "https_proxy", "all_proxy")
#: Every variable that names a proxy, in small letters and in capitals, as a dead one.
SMALL: Mapping[str, str] = dict.fromkeys(NAMES, NOWHERE)
CAPITAL: Mapping[str, str] = {name.upper(): NOWHERE for name in NAMES}
DEAD: Mapping[str, str] = {**SMALL, **CAPITAL}

_OF_A_LEG = {
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "transfer-encoding",
}


@dataclass
class ForwardProxy:
    """A proxy for http:// URLs. It alone knows where names are: all are on this machine.

    `asked` counts requests by host and port. With a password it asks for it, whoever the user is.
    """

    password: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    url: str = ""


@contextmanager
def forward_proxy(password: str = "") -> Iterator[ForwardProxy]:
    """Serve a proxy on a port of this machine."""
    proxy = ForwardProxy(password)
    with serving(type("Handler", (_Handler,), {"proxy": proxy})) as url:
        user = f"user:{password}@" if password else ""
        proxy.url = url.replace("//", f"//{user}")
        yield proxy


class _Handler(Quiet):
    protocol_version = "HTTP/1.1"
    proxy: ForwardProxy

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        parts = urlsplit(self.path)
        self.proxy.asked[parts.netloc] += 1
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self._is_let_in():
            self._answer(407, b"", {"Proxy-Authenticate": 'Basic realm="company"'})
            return
        headers = {
            name: value for name, value in self.headers.items() if name.lower() not in _OF_A_LEG
        }
        onward = HTTPConnection("127.0.0.1", parts.port or 80, timeout=60)
        onward.request(self.command, self.path.partition(parts.netloc)[2], body, headers)
        found = onward.getresponse()
        self._answer(found.status, found.read(), dict(found.getheaders()))
        onward.close()

    def _is_let_in(self) -> bool:
        kind, _, given = self.headers.get("Proxy-Authorization", "").partition(" ")
        shown = b64decode(given).decode().partition(":")[2] if kind == "Basic" else ""
        return shown == self.proxy.password

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in {*_OF_A_LEG, "content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_DELETE = do_GET  # noqa: N815 - names of the base class
