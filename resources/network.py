"""Environment variables about the network: proxies, and the authorities that TLS trusts.

Every program reads them (`HTTPS_PROXY`, `NO_PROXY`, `SSL_CERT_FILE` …), so they are not in the list
of `variables.py`. Backlog and alert channels are reached through the proxy. This machine and code
servers are reached directly: `bypass_proxies` sets this in the environment, where httpx, urllib,
requests, gRPC and every child process read it.
"""

import os
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from importlib.util import find_spec
from ipaddress import IPv6Address
from pathlib import Path
from urllib.parse import unquote, urlsplit

from resources.links import address
from resources.redact import mask_from_now_on
from resources.tls_faults import TlsError
from resources.variables import SettingsError, text

CERT_FILE, CERT_DIR = "SSL_CERT_FILE", "SSL_CERT_DIR"
#: Schemes for which httpx looks for a proxy; `all` is used when the scheme has none.
_SCHEMES = ("http", "https", "all")
_SOCKS = ("socks5", "socks5h")
_EXPECTED = "a proxy as http://proxy.example.com:8080, user:password@ before the host if needed"
#: This machine, as httpx and requests read it: IPv6 without brackets, no networks.
_LOCAL = ("localhost", "127.0.0.1", "::1")
#: An entry of NO_PROXY other than an IPv6 address: a name or an address, with or without a port.
_ENTRY = re.compile(r"([a-z]+://)?[!-9;-Z\\^-~]+(:[0-9]{1,5})?")


@dataclass(frozen=True)
class Proxy:
    """The variable that names a proxy, and its host and port, without user and password."""

    variable: str
    address: str


def check(environ: Mapping[str, str]) -> None:
    """Check every proxy and file of authorities that is set.

    Raises:
        SettingsError: one cannot be used; httpx would fail with an error of Python.
    """
    for scheme in _SCHEMES:
        if name := _variable(environ, scheme):
            _check_proxy(name, environ[name])
    _check_authorities(environ)


def bypass_proxies(environ: MutableMapping[str, str]) -> None:
    """Reach this machine and code servers without a proxy: extend `NO_PROXY`, and set no proxy for
    gRPC.

    A process calls this when it starts, and its child processes inherit it. A second call changes
    nothing.
    """
    # gRPC is used only for code servers, on this machine or in a neighbouring container. It takes
    # an empty value as "no proxy", and ignores `no_proxy=*`.
    environ["grpc_proxy"] = ""
    if not any(_variable(environ, scheme) for scheme in _SCHEMES):
        return  # with only NO_PROXY set, Python would ignore the settings of macOS
    name = _variable(environ, "no")
    given = re.split(r"[,\s]+", environ[name] if name else "")
    hosts = [host for host in (one.strip("[]") for one in given) if _is_entry(host)]
    listed = "*" if "*" in hosts else ",".join(dict.fromkeys([*hosts, *_LOCAL]))
    environ["no_proxy"] = environ["NO_PROXY"] = listed


def proxy_for(url: str) -> Proxy | None:
    """Return the proxy through which this process reaches a URL, or None."""
    from urllib.request import getproxies, proxy_bypass

    parts, known = urlsplit(url), getproxies()
    scheme = next((one for one in (parts.scheme, "all") if known.get(one)), None)
    host = parts.hostname or ""
    if scheme is None or proxy_bypass(host if ":" in host else parts.netloc.rpartition("@")[2]):
        return None
    found = urlsplit(_with_scheme(known[scheme])).netloc.rpartition("@")[2]
    return Proxy(_variable(os.environ, scheme) or "the proxy settings of this machine", found)


def network_advice(url: str, variable: str, error: Exception) -> str:
    """Return what to set or check when the URL in a variable does not answer but gives an error."""
    proxy = proxy_for(url)
    if isinstance(error, TlsError):
        through = f"; {proxy.variable} leads through {proxy.address}" if proxy else ""
        return error.remedy.format(host=urlsplit(url).hostname, variable=variable) + through
    if proxy:
        return f"check {proxy.variable}, which leads through {proxy.address}, and {variable}"
    return f"check {variable} and the network"


def _variable(environ: Mapping[str, str], kind: str) -> str | None:
    """Return the name of the variable that applies to a kind of URL, chosen as Python and curl do.

    A lower-case name has priority. An empty value of it means that there is no proxy.
    """
    small = f"{kind}_proxy"
    if small in environ:
        return small if environ[small] else None
    return next((name for name in environ if name.lower() == small and environ[name]), None)


def _with_scheme(proxy: str) -> str:
    return proxy if "://" in proxy else f"http://{proxy}"


def _check_proxy(name: str, given: str) -> None:
    if not given.isprintable():
        raise SettingsError(name, given, _EXPECTED, "it has a control character")
    url = _with_scheme(given)
    scheme, _, rest = url.partition("://")
    # A login is split as httpx does it: a domain before a backslash, a password with an @ in it.
    login, _, place = rest.rpartition("@")
    where = rest if "/" in login else place
    parts = address(name, f"{scheme}://{where}", ("http", "https", *_SOCKS), _EXPECTED)
    password = login.partition(":")[2]
    for one in filter(None, (password, unquote(password))):
        mask_from_now_on(one)
    if parts.scheme in _SOCKS and find_spec("socksio") is None:
        wrong = f"for {parts.scheme}:// the package socksio is missing"
        raise SettingsError(name, url, f"{_EXPECTED}; or run: python -m pip install socksio", wrong)


def _is_entry(host: str) -> bool:
    """Return whether httpx can read an entry of NO_PROXY; another one would make it fail."""
    try:
        IPv6Address(host)
    except ValueError:
        return bool(_ENTRY.fullmatch(host))
    return True


def _check_authorities(environ: Mapping[str, str]) -> None:
    """Check the file that httpx reads, or the folders if there is none."""
    file, folders = text(environ, CERT_FILE), text(environ, CERT_DIR)
    if file:
        import ssl

        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
        except ssl.SSLError:
            wrong = "it holds no certificate"
        except OSError as error:
            wrong = (error.strerror or type(error).__name__).lower()
        else:
            return
        expected = "the path of a file with the certificates of authorities, in PEM"
        raise SettingsError(CERT_FILE, file, expected, wrong)
    if folders and not any(Path(folder).is_dir() for folder in folders.split(os.pathsep)):
        expected = "a folder with the certificates of authorities, named by their hashes (c_rehash)"
        raise SettingsError(CERT_DIR, folders, expected, "there is no such folder")
