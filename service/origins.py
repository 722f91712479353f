"""Checks of `Host` and `Origin`: the names of a server, and what a page of another site may do.

A page can send requests to any server that its reader's browser reaches. Two checks prevent that. An attacker may point a name of
his own to this machine (DNS rebinding): the browser then takes a page of that name for a page of the server. So a server answers
only to names that it knows. And a page of another site can send requests, although it cannot read the answers. So all of them
are refused, except links that a person follows.
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

#: Of what RFC 9110 allows in `Host`, all that a host has: no user, no list, no path.
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]{0,5})?")
_LOOKS = frozenset({"GET", "HEAD"})
#: What a page of another site shows within itself.
_FRAMES = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})


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
        host = _name(header)
        return is_loopback(host) or host in self.hosts or (self.addresses and _is_address(host))


def is_loopback(host: str) -> bool:
    """Return whether a name or address is a loopback one."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_foreign(scope: Scope, headers: Headers, names: Names) -> bool:
    """Return whether a page of another site sent the request, and it is no link that a person followed.

    Programs send neither `Sec-Fetch-Site` nor `Origin`, and no page can leave them out.
    """
    site = headers.get("sec-fetch-site")
    if site is None:
        # A browser sends it only to addresses that it trusts, such as loopback and https.
        return not _own(headers.get("origin"), headers.get("host", ""), names)
    if site in {"same-origin", "none"}:
        return False
    followed = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") not in _FRAMES
    return not (followed and scope["type"] == "http" and scope["method"] in _LOOKS)


def _own(origin: str | None, host: str, names: Names) -> bool:
    if origin is None:
        return True
    place = origin.partition("://")[2]
    return bool(place) and (place == host or origin in names.origins)


def _name(header: str) -> str:
    """Return the name in a `Host` header, without the port; nothing if it is not one host alone."""
    found = _HOST.fullmatch(header)
    return (found[1] or found[2]).lower() if found else ""


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
