"""What the values of the environment variables must be: each parser returns a usable value or raises SettingsError.

Add here: the rule for a value. Keep out: which variables there are (`settings.py`), their names (`variables.py`).
"""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import date, datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from resources.variables import (
    API_KEY,
    BROKER_URL,
    CLIENT_ID,
    CLIENT_SECRET,
    DAGSTER_PUBLIC_URL,
    DAGSTER_URL,
    PRIVACY_KEY,
    TOKEN_KEY,
    WEBHOOK_SECRET,
    SettingsError,
    secret,
)

_LOCATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,62}")
_SHORTEST_KEY = 16
_KEY_BYTES = 32
_MAKE_KEY = 'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
_IN_A_PATH = re.compile("[A-Za-z0-9_-]+")
_HEADER = re.compile("[A-Za-z][A-Za-z0-9-]*")
MONTH = re.compile(r"^(?!0000)\d{4}-(0[1-9]|1[0-2])$")


def parse_month(name: str, text: str) -> date:
    """Return the first day of a month given as `YYYY-MM`.

    Raises:
        SettingsError: `text` is no month; `name` is the variable or option to put right.
    """
    if not MONTH.fullmatch(text):
        raise SettingsError(name, text, "a month as YYYY-MM, for example 2024-01")
    return date(int(text[:4]), int(text[5:]), 1)


def token_keys(text: str | None) -> list[str]:
    """Return the keys by which tokens are encrypted: the first encrypts, each decrypts.

    Raises:
        SettingsError: there is none, or one is not the base64 of 32 bytes (RFC 4648, URL-safe).
    """
    keys = [part.strip() for part in (text or "").split(",") if part.strip()]
    try:
        sound = bool(keys) and all(len(base64.b64decode(key, altchars=b"-_", validate=True)) == _KEY_BYTES for key in keys)
    except (binascii.Error, ValueError):
        sound = False
    if not sound:
        expected = f"a key by which the tokens of OAuth are encrypted, or several separated by commas; make one by: {_MAKE_KEY}"
        raise SettingsError(TOKEN_KEY, "…" if keys else "", expected)
    return keys


def check_oauth(url: str | None, api_key: str | None, client_id: str | None, secret: str | None, key: str | None) -> None:
    """Check that what access by OAuth needs is given together, and nothing against it; raises SettingsError."""
    if not client_id:
        raise SettingsError(CLIENT_ID, "", f"the client id of the application whose {CLIENT_SECRET} is set")
    if not secret:
        raise SettingsError(CLIENT_SECRET, "", f"the client secret of the application {client_id}")
    if api_key:
        raise SettingsError(API_KEY, "…", f"nothing while {CLIENT_ID} is set: access is by the one or the other")
    if not url:
        raise SettingsError("BACKLOG_URL", "", f"the root of the space to which {CLIENT_ID} gives access, https://acme.backlog.com")
    token_keys(key)


def privacy_key(environ: Mapping[str, str]) -> str | None:
    """Return the key by which people are masked, None when they are not.

    Raises:
        SettingsError: it is too short, or its file cannot be read.
    """
    return long_secret(environ, PRIVACY_KEY)


def long_secret(environ: Mapping[str, str], name: str) -> str | None:
    """Return a secret that cannot be guessed, None when it is not set; raises SettingsError when it is too short."""
    held = secret(environ, name)
    if held is not None and len(held) < _SHORTEST_KEY:
        raise SettingsError(name, "…", f"a secret of {_SHORTEST_KEY} characters or more")
    return held


def webhook_secret(environ: Mapping[str, str]) -> str | None:
    """Return the secret in the URL of the inbox, None when it is not set; raises SettingsError when it fits no path."""
    held = long_secret(environ, WEBHOOK_SECRET)
    if held is not None and not _IN_A_PATH.fullmatch(held):
        raise SettingsError(WEBHOOK_SECRET, "…", "letters, digits, - and _, since it is a part of a URL")
    return held


def header(text: str | None) -> str | None:
    """Return the name of a header; raises SettingsError for anything else."""
    if text is not None and not _HEADER.fullmatch(text):
        raise SettingsError("BACKLOG_SERVICE_PROXY_HEADER", text, "the name of a header, for example X-Forwarded-User")
    return text


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return addresses and networks that are separated by commas; raises SettingsError when one is none."""
    try:
        return tuple(ip_network(part.strip()) for part in text.split(","))
    except ValueError:
        raise SettingsError("BACKLOG_SERVICE_TRUSTED_PROXIES", text, "addresses or networks, as 10.0.0.7,10.1.0.0/16") from None


def root(
    name: str, text: str | None, expected: str = "a URL without user and query, for example http://127.0.0.1:3000"
) -> str | None:
    """Return the root of a service without its last slash; raises SettingsError for what is no plain http URL."""
    if text is None:
        return None
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
        raise SettingsError(name, text.split("?", 1)[0], expected)
    return text.rstrip("/")


def dagster_of_people(environ: Mapping[str, str]) -> str:
    """Return where people's browsers reach Dagster, else where the service does, else nothing; raises SettingsError as `root`."""
    given = (root(name, environ.get(name, "").strip() or None) for name in (DAGSTER_PUBLIC_URL, DAGSTER_URL))
    return next((url for url in given if url), "")


def backlog_url(text: str | None) -> str | None:
    """Return the root of a space, also where the API below it was given; raises SettingsError for what is no plain http URL."""
    given = root("BACKLOG_URL", text, "the root of the space, https://acme.backlog.com")
    return given and given.removesuffix("/api/v2")


def postgres_url(name: str, text: str | None) -> str | None:
    """Return the URL of a database as given; raises SettingsError, which has no part of it but the scheme."""
    if text is None:
        return None
    # The value may hold a password: say what kind of thing it is, not what it is.
    parts, shown = urlsplit(text), text.split(":", 1)[0] + ":…"
    if parts.scheme.split("+", 1)[0] not in {"postgresql", "postgres"}:
        raise SettingsError(name, shown, "postgresql://user:password@host:5432/database")
    if parts.netloc.count("@") > 1:
        # A part of the password would be taken for the host, which messages name.
        raise SettingsError(name, shown, "a password in which @ is written as %40, and / as %2F")
    return text


def time_zone(text: str) -> str:
    """Return the name of a time zone; raises SettingsError when nobody knows it."""
    if text not in available_timezones():
        raise SettingsError("BACKLOG_TIMEZONE", text, "an IANA time zone, for example Asia/Tokyo")
    return text


def history_start(text: str, zone: ZoneInfo) -> str:
    """Return a month as `YYYY-MM` that is not in the future of a zone; raises SettingsError for any other text."""
    month, today = parse_month("BACKLOG_HISTORY_START", text), datetime.now(zone).date()
    if month.year < 2000 or month > today:
        raise SettingsError("BACKLOG_HISTORY_START", text, "a month from 2000-01 up to the current one")
    return text


def reserve(text: str) -> float:
    """Return a share from 0 to below 1; raises SettingsError for anything else."""
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 <= share < 1.0:
        raise SettingsError("BACKLOG_RATE_RESERVE", text, "a share from 0 to below 1, for example 0.2")
    return share


def location(name: str, text: str) -> str:
    """Return the name of a code location; raises SettingsError for what Dagster and a schema cannot bear."""
    if not _LOCATION.fullmatch(text):
        raise SettingsError(name, text, "the name of a code location: letters, digits and _, 63 at most")
    return text


def locations(name: str, text: str | None) -> tuple[str, ...]:
    """Return the names of code locations that are separated by commas; raises SettingsError when one is none."""
    return tuple(location(name, part.strip()) for part in text.split(",")) if text else ()


def broker(text: str | None) -> str | None:
    """Return the URL of a Redis as given; raises SettingsError, which has no part of it but the scheme."""
    if text is not None and urlsplit(text).scheme not in {"redis", "rediss"}:
        raise SettingsError(BROKER_URL, text.split(":", 1)[0] + ":…", "redis://:password@host:6379/0, or rediss:// for TLS")
    return text
