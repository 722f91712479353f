"""The settings of a deployment: every environment variable that the program reads, read once and validated.

Add here: a variable of the public contract. Keep out: settings of one command (they are its options).
"""

import base64
import binascii
import os
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import date, datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

#: After the name of a variable that holds a secret: the name of one that holds the path of a file with it.
FILE = "_FILE"
API_KEY = "BACKLOG_API_KEY"
CLIENT_ID = "BACKLOG_OAUTH_CLIENT_ID"
CLIENT_SECRET = "BACKLOG_OAUTH_CLIENT_SECRET"  # noqa: S105 - the name of a variable
TOKEN_KEY = "BACKLOG_TOKEN_KEY"  # noqa: S105 - the name of a variable
PRIVACY_KEY = "BACKLOG_PRIVACY_KEY"
BI_PASSWORD = "BACKLOG_BI_PASSWORD"  # noqa: S105 - the name of a variable
SERVICE_TOKEN = "BACKLOG_SERVICE_TOKEN"  # noqa: S105 - the name of a variable
WEBHOOK_SECRET = "BACKLOG_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable
WAREHOUSE_URL = "WAREHOUSE_URL"
DAGSTER_POSTGRES_URL = "DAGSTER_POSTGRES_URL"
BROKER_URL = "BACKLOG_BROKER_URL"
#: Variables that hold a secret; each may be given as a file.
SECRETS = (
    API_KEY, CLIENT_SECRET, TOKEN_KEY, PRIVACY_KEY, BI_PASSWORD, SERVICE_TOKEN, WEBHOOK_SECRET, WAREHOUSE_URL,
    DAGSTER_POSTGRES_URL, BROKER_URL,
)  # fmt: skip
#: Name of the code location where Dagster has one space.
ONE_LOCATION = "backlog_elt"
_LOCATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,62}")
_SHORTEST_KEY = 16
_KEY_BYTES = 32
_MAKE_KEY = 'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
_IN_A_PATH = re.compile("[A-Za-z0-9_-]+")
_HEADER = re.compile("[A-Za-z][A-Za-z0-9-]*")
MONTH = re.compile(r"^(?!0000)\d{4}-(0[1-9]|1[0-2])$")


class SettingsError(ValueError):
    """A variable or option has a value that cannot be used; the message names it and says what would do."""

    def __init__(self, variable: str, got: str, expected: str) -> None:
        super().__init__(f"{variable} is {got!r}: expected {expected}")
        self.variable = variable


def parse_month(name: str, text: str) -> date:
    """Return the first day of a month given as `YYYY-MM`.

    Raises:
        SettingsError: `text` is no month; `name` is the variable or option to put right.
    """
    if not MONTH.fullmatch(text):
        raise SettingsError(name, text, "a month as YYYY-MM, for example 2024-01")
    return date(int(text[:4]), int(text[5:]), 1)


@dataclass(frozen=True)
class Settings:
    """What a deployment has set; an unset value means the built-in default (a simulated space, an embedded server)."""

    backlog_url: str | None
    backlog_api_key: str | None = field(repr=False)
    oauth_client_id: str | None
    oauth_client_secret: str | None = field(repr=False)
    token_key: str | None = field(repr=False)
    warehouse_url: str | None = field(repr=False)
    dagster_postgres_url: str | None = field(repr=False)
    home: Path
    timezone: str
    history_start: str
    rate_reserve: float
    dagster_location: str
    marts_of: tuple[str, ...]
    broker_url: str | None = field(repr=False)
    bi_password: str | None = field(repr=False)
    privacy_key: str | None = field(repr=False)
    service_token: str | None = field(repr=False)
    service_proxy_header: str | None
    service_trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    webhook_secret: str | None = field(repr=False)
    dagster_url: str | None

    @property
    def simulated(self) -> bool:
        """Whether no real space is named, so that a simulated one stands in."""
        return self.backlog_url is None

    @property
    def oauth(self) -> bool:
        """Whether access is by OAuth 2.0, not by an API key."""
        return self.oauth_client_id is not None

    @property
    def key_prefix(self) -> tuple[str, ...]:
        """What the keys of raw assets begin with in Dagster: the code location of the space, where it has several."""
        return () if self.marts_of or self.dagster_location == ONE_LOCATION else (self.dagster_location,)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of months, schedules and "today"."""
        return ZoneInfo(self.timezone)

    @classmethod
    def of_this_process(cls) -> "Settings":
        """Read the environment, and put into it what is in files: Dagster, dbt and child processes read variables only.

        Raises:
            SettingsError: as `from_env`.
        """
        settings = cls.from_env(os.environ)
        read_secret_files(os.environ)
        return settings

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read and validate every variable; an empty one counts as unset.

        Raises:
            SettingsError: a value is malformed, or what gives access to a real space is missing.
        """

        def get(name: str) -> str | None:
            return environ.get(name, "").strip() or None

        backlog_url = _backlog_url(get("BACKLOG_URL"))
        api_key, client_id = secret(environ, API_KEY), get(CLIENT_ID)
        client_secret, token_key = secret(environ, CLIENT_SECRET), secret(environ, TOKEN_KEY)
        if client_id or client_secret:
            _check_oauth(backlog_url, api_key, client_id, client_secret, token_key)
        elif backlog_url and not api_key:
            expected = f"the API key of a user of {backlog_url} (personal settings), or {CLIENT_ID} for access by OAuth"
            raise SettingsError(API_KEY, "", expected)
        timezone = _timezone(get("BACKLOG_TIMEZONE") or "Asia/Tokyo")
        return cls(
            backlog_url=backlog_url,
            backlog_api_key=api_key,
            oauth_client_id=client_id,
            oauth_client_secret=client_secret,
            token_key=token_key,
            warehouse_url=_postgres_url(WAREHOUSE_URL, secret(environ, WAREHOUSE_URL)),
            dagster_postgres_url=_postgres_url(DAGSTER_POSTGRES_URL, secret(environ, DAGSTER_POSTGRES_URL)),
            home=Path(get("BACKLOG_ELT_HOME") or ".backlog-elt").expanduser().absolute(),
            timezone=timezone,
            history_start=_history_start(get("BACKLOG_HISTORY_START") or "2020-01", ZoneInfo(timezone)),
            rate_reserve=_reserve(get("BACKLOG_RATE_RESERVE") or "0.2"),
            dagster_location=_location("BACKLOG_DAGSTER_LOCATION", get("BACKLOG_DAGSTER_LOCATION") or ONE_LOCATION),
            marts_of=_locations("BACKLOG_MARTS_OF", get("BACKLOG_MARTS_OF")),
            broker_url=_broker(secret(environ, BROKER_URL)),
            bi_password=secret(environ, BI_PASSWORD),
            privacy_key=privacy_key(environ),
            service_token=_long_secret(environ, SERVICE_TOKEN),
            service_proxy_header=_header(get("BACKLOG_SERVICE_PROXY_HEADER")),
            service_trusted_proxies=_networks(get("BACKLOG_SERVICE_TRUSTED_PROXIES") or "127.0.0.0/8,::1"),
            webhook_secret=_webhook_secret(environ),
            dagster_url=_root("BACKLOG_DAGSTER_URL", get("BACKLOG_DAGSTER_URL")),
        )


def secret(environ: Mapping[str, str], name: str) -> str | None:
    """Return a secret, or what the file holds that is named instead, as orchestrators of containers mount them."""
    given, path = environ.get(name, "").strip(), environ.get(name + FILE, "").strip()
    if given or not path:
        return given or None
    try:
        held = Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        held = ""
    if not held:
        raise SettingsError(name + FILE, path, "a file that can be read and holds the secret, and nothing else")
    return held


def read_secret_files(environ: MutableMapping[str, str]) -> None:
    """Put the secrets that are given as files into the variables themselves.

    Raises:
        SettingsError: a file cannot be read, or is empty.
    """
    for name in SECRETS:
        held = secret(environ, name)
        if held is not None:
            environ[name] = held


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


def _check_oauth(url: str | None, api_key: str | None, client_id: str | None, secret: str | None, key: str | None) -> None:
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
    return _long_secret(environ, PRIVACY_KEY)


def _long_secret(environ: Mapping[str, str], name: str) -> str | None:
    held = secret(environ, name)
    if held is not None and len(held) < _SHORTEST_KEY:
        raise SettingsError(name, "…", f"a secret of {_SHORTEST_KEY} characters or more")
    return held


def _webhook_secret(environ: Mapping[str, str]) -> str | None:
    held = _long_secret(environ, WEBHOOK_SECRET)
    if held is not None and not _IN_A_PATH.fullmatch(held):
        raise SettingsError(WEBHOOK_SECRET, "…", "letters, digits, - and _, since it is a part of a URL")
    return held


def _header(text: str | None) -> str | None:
    if text is not None and not _HEADER.fullmatch(text):
        raise SettingsError("BACKLOG_SERVICE_PROXY_HEADER", text, "the name of a header, for example X-Forwarded-User")
    return text


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in text.split(","))
    except ValueError:
        raise SettingsError("BACKLOG_SERVICE_TRUSTED_PROXIES", text, "addresses or networks, as 10.0.0.7,10.1.0.0/16") from None


def _root(name: str, text: str | None) -> str | None:
    if text is None:
        return None
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
        raise SettingsError(name, text.split("?", 1)[0], "a URL without user and query, for example http://127.0.0.1:3000")
    return text.rstrip("/")


def _backlog_url(text: str | None) -> str | None:
    if text is None:
        return None
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
        raise SettingsError("BACKLOG_URL", text.split("?", 1)[0], "the root of the space, https://acme.backlog.com")
    return text.rstrip("/").removesuffix("/api/v2")


def _postgres_url(name: str, text: str | None) -> str | None:
    if text is None:
        return None
    if urlsplit(text).scheme.split("+", 1)[0] not in {"postgresql", "postgres"}:
        # The value may hold a password: say what kind of thing it is, not what it is.
        raise SettingsError(name, text.split(":", 1)[0] + ":…", "postgresql://user:password@host:5432/database")
    return text


def _timezone(text: str) -> str:
    if text not in available_timezones():
        raise SettingsError("BACKLOG_TIMEZONE", text, "an IANA time zone, for example Asia/Tokyo")
    return text


def _history_start(text: str, zone: ZoneInfo) -> str:
    month, today = parse_month("BACKLOG_HISTORY_START", text), datetime.now(zone).date()
    if month.year < 2000 or month > today:
        raise SettingsError("BACKLOG_HISTORY_START", text, "a month from 2000-01 up to the current one")
    return text


def _reserve(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 <= share < 1.0:
        raise SettingsError("BACKLOG_RATE_RESERVE", text, "a share from 0 to below 1, for example 0.2")
    return share


def _location(name: str, text: str) -> str:
    if not _LOCATION.fullmatch(text):
        raise SettingsError(name, text, "the name of a code location: letters, digits and _, 63 at most")
    return text


def _locations(name: str, text: str | None) -> tuple[str, ...]:
    return tuple(_location(name, part.strip()) for part in text.split(",")) if text else ()


def _broker(text: str | None) -> str | None:
    if text is not None and urlsplit(text).scheme not in {"redis", "rediss"}:
        raise SettingsError(BROKER_URL, text.split(":", 1)[0] + ":…", "redis://:password@host:6379/0, or rediss:// for TLS")
    return text
