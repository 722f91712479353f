"""Keeps secrets out of text: log lines, exception messages, URLs.

Holds: `redact`, the list of secrets in use, and the filter for the loggers of HTTP libraries, whose lines hold whole URLs.
"""

import logging
import re
from urllib.parse import quote

MASK = "***"

_NAMED = re.compile(
    r"""(?ix)
    ( (?:apiKey|access_token|refresh_token|client_secret) (?:=|%3D)
    | ['"]? (?:Backlog-API-Key|Authorization) ['"]? \s* [:,=] \s* b?['"]? (?:Bearer\s+|Basic\s+)?
    )
    [^&\s'",;)]+
    """
)
_LOGGERS = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
    "urllib3.connectionpool",
    "apprise",
)
_SHORTEST = 6  # shorter values would mask ordinary words, and no Backlog key is that short

_secrets: set[str] = set()


def remember(secret: str) -> None:
    """Mask this value wherever it is seen from now on, plain or percent-encoded."""
    if len(secret) >= _SHORTEST:
        _secrets.update({secret, quote(secret, safe="")})


def redact(text: str) -> str:
    """Return the text with every known secret, and every value that is named like one, masked."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return _NAMED.sub(rf"\g<1>{MASK}", text)


class RedactingFilter(logging.Filter):
    """Masks secrets in log records before any handler sees them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record when it holds a secret; never drop it."""
        message = record.getMessage()
        clean = redact(message)
        if clean != message:
            record.msg, record.args = clean, ()
        return True


_FILTER = RedactingFilter()


def protect_logs() -> None:
    """Put the filter on the loggers of HTTP libraries; doing it again changes nothing.

    A logger's filters do not apply to its children, so each that can hold a URL or a header is named.
    """
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)
