"""URLs in environment variables: checks them, and describes errors without quoting any part."""

import re
from collections.abc import Collection, Mapping
from ipaddress import IPv6Address
from urllib.parse import SplitResult, urlsplit

from resources.secret import Secret
from resources.variables import (
    BROKER_URL,
    DAGSTER_PUBLIC_URL,
    DAGSTER_URL,
    URL,
    SettingsError,
    text,
)

#: This value of BACKLOG_URL starts a simulated space.
SIMULATED = "simulated"
_POSTGRES = "postgresql://user:password@host:5432/database"
_PLAIN = "a URL without user and query, for example http://127.0.0.1:3000"
_ENCODED = (
    "in a password @ is written as %40, / as %2F, : as %3A, ? as %3F, # as "
    "%23, [ as %5B and ] as %5D"
)
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_LONGEST_HOST = 253
_LONGEST = 2_000
#: Values of options that libpq checks only when it connects.
_MODES = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
_NUMBERS = {
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
}


def address(name: str, given: str | Secret, schemes: Collection[str], expected: str) -> SplitResult:
    """Return the parts of a URL with a host.

    Raises:
        SettingsError: it has another scheme or is malformed; the message shows no part of it.
    """
    url = given.reveal() if isinstance(given, Secret) else given
    wrong = ""
    try:
        parts = urlsplit(url)
        hosts = parts.hostname or ""
        if parts.scheme not in schemes:
            wrong = f"it does not begin with {' or '.join(f'{scheme}://' for scheme in schemes)}"
        elif "@" in (parts.username or "") + (parts.password or ""):
            wrong = _ENCODED
        elif parts.port == 0:
            wrong = "its port is not a number from 1 to 65535"
        elif not is_host(hosts):
            wrong = "its host is neither a name nor an address"
        elif " " in url or "\\" in url:
            wrong = "it has a space or a backslash"
        elif len(url) > _LONGEST:
            wrong = f"it is longer than {_LONGEST:,} characters"
    except ValueError as error:
        wrong = (
            "its port is not a number from 1 to 65535"
            if "ort" in str(error)
            else "a [ or ] in it is not part of an IPv6 address"
        )
    if wrong:
        raise SettingsError(name, given, expected, wrong)
    return parts


def is_host(host: str) -> bool:
    """Return whether a text can be a host name or an IP address."""
    if ":" in host:
        try:
            IPv6Address(host.partition("%")[0])
        except ValueError:
            return False
        return True
    if not host.isascii():
        import idna  # httpx uses it, too; imported here because its tables take half a megabyte

        try:
            host = idna.encode(host.lower()).decode()
        except UnicodeError:
            return False
    return len(host) <= _LONGEST_HOST and all(
        _LABEL.fullmatch(label) for label in host.removesuffix(".").split(".")
    )


def is_of_this_machine(url: str) -> bool:
    """Return whether a URL has a loopback address, as that of a simulated space."""
    host = urlsplit(url).hostname or ""
    return host == "localhost" or host == "::1" or host.startswith("127.")


def root(name: str, given: str | None, expected: str = _PLAIN) -> str | None:
    """Return the root URL of a service without its last slash.

    Raises:
        SettingsError: it is not a plain http URL.
    """
    if given is None:
        return None
    parts = address(name, given, ("http", "https"), expected)
    if "@" in parts.netloc:
        raise SettingsError(name, given, expected, "it has a user or a password")
    if parts.query or parts.fragment or given.endswith(("?", "#")):
        raise SettingsError(name, given, expected, "it has a query")
    return given.rstrip("/")


def dagster_of_people(environ: Mapping[str, str]) -> str:
    """Return the URL of Dagster for browsers, else the URL that the service uses, else an empty
    string.

    Raises:
        SettingsError: one is not a plain http URL.
    """
    given = (root(name, text(environ, name)) for name in (DAGSTER_PUBLIC_URL, DAGSTER_URL))
    return next((url for url in given if url), "")


def root_of_space(given: str | None) -> str | None:
    """Return the root of a space; an appended /api/v2 is removed.

    Raises:
        SettingsError: it is not a plain http URL.
    """
    found = root(URL, given, f"the root of the space, https://acme.backlog.com, or {SIMULATED}")
    return found and found.removesuffix("/api/v2")


def broker(given: Secret | None) -> Secret | None:
    """Return the URL of a Redis server as given.

    Raises:
        SettingsError: it is malformed.
    """
    if given is not None:
        address(
            BROKER_URL,
            given,
            ("redis", "rediss"),
            "redis://:password@host:6379/0, or rediss:// for TLS",
        )
    return given


def postgres(name: str, given: Secret | None) -> Secret | None:
    """Return the URL of a database as given.

    Raises:
        SettingsError: the driver would reject it.
    """
    if given is not None and (wrong := _wrong_in_postgres(given.reveal())):
        raise SettingsError(name, given, _POSTGRES, wrong)
    return given


def _wrong_in_postgres(given: str) -> str:
    """Return what is wrong with a database URL; empty when SQLAlchemy and libpq both accept it with
    the same meaning.
    """
    from psycopg2 import ProgrammingError
    from psycopg2.extensions import parse_dsn
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    if not re.match(r"postgres(ql)?(\+psycopg2)?://", given):
        return "it does not begin with postgresql://"
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        return f"its port is not a number from 1 to 65535; {_ENCODED}"
    if "@" in (url.host or "") or (url.host and not is_host(url.host)):
        return f"its host is neither a name nor an address; {_ENCODED}"
    if url.port is not None and not 0 < url.port < 65_536:
        return "its port is not a number from 1 to 65535"
    for option, value in url.query.items():
        if option == "sslmode" and value not in _MODES:
            return "its sslmode is unknown"
        if option in _NUMBERS and not (
            isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value)
        ):
            return "one of its times is not a number"
    try:
        parts = parse_dsn("postgresql://" + given.partition("://")[2])
    except (ProgrammingError, ValueError):  # parse_dsn also decodes percent-encoding
        return f"it has an option that PostgreSQL does not know, or: {_ENCODED}"
    if not all(part.isprintable() for part in parts.values()):
        return "it has a control character"
    if (url.password or "", url.host or parts.get("host", "")) != (
        parts.get("password", ""),
        parts.get("host", ""),
    ):
        return _ENCODED
    return ""
