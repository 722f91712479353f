"""Checks of `Host` and `Origin`: the names of a server, and what a page of another site may do.

A page can send requests to any server that its reader's browser reaches. Two checks prevent that.
An attacker may point a name of his own to this machine (DNS rebinding): the browser then takes a
page of that name for a page of the server. So a server answers only to names that it knows. And a
page of another site can send requests, although it cannot read the answers. So all of them are
refused, except links that a person follows.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service.error_answers import ApiError, error_response

#: Of what RFC 9110 allows in `Host`, all that a host has: no user, no list, no path.
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]{0,5})?")
_LOOKS = frozenset({"GET", "HEAD"})
#: What a page of another site shows within itself.
_FRAMES = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})
#: Why a websocket is closed before it is open (RFC 6455).
_POLICY_VIOLATION = 1008


@dataclass(frozen=True)
class Names:
    """The names of a server in addition to those of this machine.

    `addresses`: any IP address is accepted too, since no page can make one lead elsewhere.
    """

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    addresses: bool = False

    @classmethod
    def of(cls, *urls: str | None, addresses: bool) -> "Names":
        """Return the names in the URLs under which browsers and programs reach a server."""
        parts = [urlsplit(url) for url in urls if url]
        return cls(
            frozenset(part.hostname for part in parts if part.hostname),
            frozenset(f"{part.scheme}://{part.netloc}".lower() for part in parts),
            addresses,
        )

    def knows(self, header: str) -> bool:
        """Return whether a `Host` header has a name of this server."""
        host = _host_name(header)
        is_known = is_loopback(host) or host in self.hosts
        return is_known or (self.addresses and address_in(host) is not None)


class OwnPages:
    """Middleware that passes on what a server's own pages or programs send, and refuses the rest.

    A subclass adds the refusals of its server.

    Args:
        app: the application behind it.
        names: of the server.
        server: what its errors call it.
        hint: what to do about a name that it does not know.
    """

    def __init__(self, app: ASGIApp, names: Names, server: str, hint: str) -> None:
        self._app = app
        self._names = names
        self._server = server
        self._hint = hint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request or a websocket on, or refuse it."""
        is_asked = scope["type"] in {"http", "websocket"}
        refusal = await self.refusal(scope, Headers(scope=scope)) if is_asked else None
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            await error_response(refusal)(scope, receive, send)

    async def refusal(self, scope: Scope, headers: Headers) -> ApiError | None:
        """Return the error to answer with, None for a request to pass on."""
        return self.refusal_by_origin(scope, headers)

    def refusal_by_origin(
        self,
        scope: Scope,
        headers: Headers,
        *,
        is_any_name_known: bool = False,
    ) -> ApiError | None:
        """Return the error for an unknown `Host`, or for a page of another site."""
        if not (is_any_name_known or self._names.knows(headers.get("host", ""))):
            return ApiError(421, "wrong_host", f"This is no name of {self._server}.", self._hint)
        if is_foreign(scope, headers, self._names):
            return ApiError(
                403,
                "cross_site",
                "A page of another site sent this request.",
                f"Use the pages of {self._server}, or no browser.",
            )
        return None


def is_loopback(host: str) -> bool:
    """Return whether a name or address is a loopback one."""
    address = address_in(host.strip("[]"))
    return host == "localhost" or (address is not None and address.is_loopback)


def address_in(text: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that a text is, None: it is something else."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def is_foreign(scope: Scope, headers: Headers, names: Names) -> bool:
    """Return whether a page of another site sent the request, and it is no link that a person
    followed.

    Programs send neither `Sec-Fetch-Site` nor `Origin`, and no page can leave them out.
    """
    site = headers.get("sec-fetch-site")
    if site is None:
        # A browser sends it only to addresses that it trusts, such as loopback and https.
        return not _own(headers.get("origin"), headers.get("host", ""), names)
    if site in {"same-origin", "none"}:
        return False
    followed = (
        headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") not in _FRAMES
    )
    return not (followed and scope["type"] == "http" and scope["method"] in _LOOKS)


def _own(origin: str | None, host: str, names: Names) -> bool:
    if origin is None:
        return True
    place = origin.partition("://")[2]
    return bool(place) and (place == host or origin in names.origins)


def _host_name(header: str) -> str:
    """Return the name in a `Host` header, without the port; nothing if it is not one host alone."""
    found = _HOST.fullmatch(header)
    return (found[1] or found[2]).lower() if found else ""
