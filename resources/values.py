"""Parsers for the values of environment variables; each returns a usable value or raises
SettingsError.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import date, datetime
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from resources.secret import Secret
from resources.secret_files import secret
from resources.variables import (
    ANSWER_MEGABYTES,
    API_KEY,
    CLIENT_ID,
    CLIENT_SECRET,
    DAGSTER_POSTGRES_URL,
    HISTORY_START,
    HOME,
    LOG_FORMAT,
    LOG_LEVEL,
    PRIVACY_KEY,
    PROXY_HEADER,
    RATE_RESERVE,
    TIMEZONE,
    TOKEN_KEY,
    TRUSTED_PROXIES,
    URL,
    WAREHOUSE_URL,
    WEBHOOK_SECRET,
    SettingsError,
    text,
)

FORMATS, LEVELS = ("text", "json"), ("DEBUG", "INFO", "WARNING", "ERROR")
_LOCATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,62}")
_SHORTEST_KEY = 16
_KEY_BYTES = 32
_MAKE_KEY = (
    'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
)
_IN_A_PATH = re.compile("[A-Za-z0-9_-]+")
_CLIENT = re.compile("[!-~]{1,200}")
_HEADER = re.compile("[A-Za-z][A-Za-z0-9-]*")
_MAIL = re.compile(r"[^\s@,<>()\"]+@[^\s@,<>()\"]+")
#: pg_ctl puts the path between double quotes in a command of a shell.
_NOT_IN_A_HOME = re.compile(r'[$"`\\\0-\x1f\x7f]')
_SHARE = re.compile(r"[0-9]*\.?[0-9]+(e-?[0-9]{1,3})?", re.IGNORECASE)
_MEGABYTES = re.compile("[1-9][0-9]{0,3}")
MONTH = re.compile(r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])")


def parse_month(name: str, text: str) -> date:
    """Return the first day of a month given as `YYYY-MM`.

    Raises:
        SettingsError: `text` is not a month; `name` is the variable or option to correct.
    """
    if not MONTH.fullmatch(text):
        raise SettingsError(name, text, "a month as YYYY-MM, for example 2024-01")
    return date(int(text[:4]), int(text[5:]), 1)


def token_keys(given: str | Secret | None) -> list[Secret]:
    """Return the keys for the encryption of tokens: the first encrypts, each decrypts.

    Raises:
        SettingsError: there is none, or one is not the base64 of 32 bytes (RFC 4648, URL-safe).
    """
    text = given.reveal() if isinstance(given, Secret) else given or ""
    keys = [part.strip() for part in text.split(",") if part.strip()]
    try:
        sound = bool(keys) and all(
            len(base64.b64decode(key, altchars=b"-_", validate=True)) == _KEY_BYTES for key in keys
        )
    except (binascii.Error, ValueError):
        sound = False
    if not sound:
        expected = (
            "a key that encrypts OAuth tokens, or several separated by commas; "
            f"create one with: {_MAKE_KEY}"
        )
        raise SettingsError(TOKEN_KEY, Secret(text), expected)
    return [Secret(key) for key in keys]


def check_oauth(
    url: str | None,
    api_key: Secret | None,
    client_id: str | None,
    held: Secret | None,
    key: Secret | None,
) -> None:
    """Check that the settings for OAuth are complete and without an API key; raises
    SettingsError.
    """
    if not client_id:
        raise SettingsError(
            CLIENT_ID, "", f"the client id of the application whose {CLIENT_SECRET} is set"
        )
    if not _CLIENT.fullmatch(client_id):
        raise SettingsError(
            CLIENT_ID,
            client_id,
            "the client id of an application as Nulab shows it: ASCII letters and digits",
        )
    if not held:
        raise SettingsError(CLIENT_SECRET, "", f"the client secret of the application {client_id}")
    if api_key:
        raise SettingsError(
            API_KEY, api_key, f"nothing while {CLIENT_ID} is set: access is by the one or the other"
        )
    if not url:
        raise SettingsError(
            URL,
            "",
            f"the root of the space to which {CLIENT_ID} gives access, https://acme.backlog.com",
        )
    token_keys(key)


def key_of_space(held: Secret | None) -> Secret | None:
    """Return an API key, None when it is not set; raises SettingsError for characters that no key
    has.
    """
    if held is not None and (not held.reveal().isascii() or " " in held.reveal()):
        raise SettingsError(
            API_KEY,
            held,
            "an API key as Backlog shows it: ASCII letters and digits, without spaces",
        )
    return held


def privacy_key(environ: Mapping[str, str]) -> Secret | None:
    """Return the key that masks people, None when they are not masked.

    Raises:
        SettingsError: it is too short, or its file cannot be read.
    """
    return long_secret(environ, PRIVACY_KEY)


def long_secret(environ: Mapping[str, str], name: str) -> Secret | None:
    """Return a secret that is long enough, None when it is not set; raises SettingsError if too
    short.
    """
    held = secret(environ, name)
    if held is not None and len(held.reveal()) < _SHORTEST_KEY:
        raise SettingsError(name, held, f"a secret of {_SHORTEST_KEY} characters or more")
    return held


def token(environ: Mapping[str, str], name: str) -> Secret | None:
    """Return a long secret that can be sent in a header; raises SettingsError if it cannot."""
    held = long_secret(environ, name)
    if held is not None and (not held.reveal().isascii() or " " in held.reveal()):
        raise SettingsError(
            name,
            held,
            "ASCII letters, digits and signs without spaces, because it is sent in a header",
        )
    return held


def webhook_secret(environ: Mapping[str, str]) -> Secret | None:
    """Return the secret in the URL of the inbox, None when it is not set.

    Raises:
        SettingsError: it is too short, or cannot be part of a path.
    """
    held = long_secret(environ, WEBHOOK_SECRET)
    if held is not None and not _IN_A_PATH.fullmatch(held.reveal()):
        raise SettingsError(
            WEBHOOK_SECRET, held, "letters, digits, - and _, because it is part of a URL"
        )
    return held


def header(text: str | None) -> str | None:
    """Return the name of a header; raises SettingsError for anything else."""
    if text is not None and not _HEADER.fullmatch(text):
        raise SettingsError(
            PROXY_HEADER, text, "the name of a header, for example X-Forwarded-User"
        )
    return text


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return addresses and networks separated by commas; raises SettingsError if one is
    malformed.
    """
    try:
        return tuple(ip_network(part.strip()) for part in text.split(","))
    except ValueError:
        raise SettingsError(
            TRUSTED_PROXIES, text, "addresses or networks, as 10.0.0.7,10.1.0.0/16"
        ) from None


def folder(variable: str, text: str) -> Path:
    """Return a folder as an absolute path, with ~ expanded.

    Raises:
        SettingsError: it is not a folder.
    """
    try:
        found = Path(text).expanduser().absolute()
        found.resolve()
    except (RuntimeError, ValueError, OSError):  # no such user, or the folder we are in is gone
        raise SettingsError(
            variable, text, "a folder; ~ is your own, and ~name that of a user of this machine"
        ) from None
    return found


def home(text: str, *, embedded: bool) -> Path:
    """Return the home folder as an absolute path, with ~ expanded; it may not exist yet.

    Args:
        text: the variable, or its default.
        embedded: whether an embedded PostgreSQL has its data there.

    Raises:
        SettingsError: it is not a folder, or the embedded PostgreSQL cannot be started in it.
    """
    found = folder(HOME, text)
    whole = str(found.resolve())
    if embedded and _NOT_IN_A_HOME.search(whole):
        expected = (
            'a folder without $, ", `, \\ and control characters in its whole path, because the '
            "embedded PostgreSQL is started by a shell: move it, or set "
            f"{WAREHOUSE_URL} and {DAGSTER_POSTGRES_URL} to a server of your own"
        )
        raise SettingsError(HOME, whole, expected)
    return found


def time_zone(text: str) -> str:
    """Return the name of a time zone; raises SettingsError when it is unknown."""
    if text not in available_timezones():
        raise SettingsError(TIMEZONE, text, "an IANA time zone, for example Asia/Tokyo")
    return text


def history_start(text: str, zone: ZoneInfo) -> str:
    """Return a month as `YYYY-MM` that is not in the future; raises SettingsError for anything
    else.
    """
    month, today = parse_month(HISTORY_START, text), datetime.now(zone).date()
    if month.year < 2000 or month > today:
        raise SettingsError(HISTORY_START, text, "a month from 2000-01 up to the current one")
    return text


def reserve(text: str) -> float:
    """Return a share from 0 to below 1; raises SettingsError for anything else."""
    share = float(text) if _SHARE.fullmatch(text) else -1.0
    if not 0.0 <= share < 1.0:
        raise SettingsError(RATE_RESERVE, text, "a share from 0 to below 1, for example 0.2")
    return share


def answer_megabytes(text: str) -> int:
    """Return the largest size of an answer in megabytes; raises SettingsError unless it is 1 to
    9999.
    """
    if not _MEGABYTES.fullmatch(text):
        raise SettingsError(
            ANSWER_MEGABYTES, text, "a whole number of megabytes from 1 to 9999, for example 64"
        )
    return int(text)


def location(name: str, text: str) -> str:
    """Return the name of a code location; raises SettingsError if Dagster or a schema cannot have
    it.
    """
    if not _LOCATION.fullmatch(text):
        raise SettingsError(
            name, text, "the name of a code location: letters, digits and _, 63 at most"
        )
    return text


def locations(name: str, text: str | None) -> tuple[str, ...]:
    """Return names of code locations separated by commas; raises SettingsError if one is
    malformed.
    """
    return tuple(location(name, part.strip()) for part in text.split(",")) if text else ()


def log_level(environ: Mapping[str, str]) -> str | None:
    """Return the lowest level of lines to write, None when not set; raises SettingsError if
    unknown.
    """
    return _one_of(LOG_LEVEL, (text(environ, LOG_LEVEL) or "").upper(), LEVELS)


def log_format(environ: Mapping[str, str]) -> str | None:
    """Return the format of log lines, None when not set; raises SettingsError if unknown."""
    return _one_of(LOG_FORMAT, (text(environ, LOG_FORMAT) or "").lower(), FORMATS)


def _one_of(name: str, given: str, allowed: tuple[str, ...]) -> str | None:
    if given and given not in allowed:
        raise SettingsError(name, given, " or ".join(allowed))
    return given or None


def mail(name: str, text: str) -> str:
    """Return the address of a sender or recipient, with or without a name.

    Raises:
        SettingsError: it is not a mail address.
    """
    if ";" in text or not _MAIL.fullmatch(parseaddr(text)[1]):
        raise SettingsError(name, text, "a mail address, of recipients several with commas between")
    return text
