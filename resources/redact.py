r"""Makes text safe to show: no secret of ours, and of others nothing but text.

What Backlog, PostgreSQL or a proxy says may hold more than letters: a terminal obeys control
characters, a screen obeys those that turn the direction of what follows, a line feed begins what
looks like another message, and Markdown lets a browser fetch an image. `plain_line` is used where
a message is made, `plain_lines` where text of several lines is written. Tables of the warehouse
keep the text as it came.

Holds these, the list of secrets in use, and the filter for loggers whose lines are not ours.
"""

import logging
import re
from urllib.parse import quote

MASK = "***"
#: Bytes of a message, in UTF-8. Of a longer one both ends stay: what was tried, and what to do.
LONGEST = 2_000
_HEAD, _TAIL = 1_500, 300
#: Characters of the cause of a failure.
_LONGEST_CAUSE = 500
#: Letters at either end of a text that are looked at: of one of megabytes nothing else is shown.
_LOOKED_AT = 50_000

_NAMED = re.compile(
    r"""(?ix)
    ( (?:apiKey|access_token|refresh_token|client_secret) (?:=|%3D)
    | ['"]? (?:Backlog-API-Key|Authorization) ['"]? \s* [:,=] \s* b?['"]? (?:Bearer\s+|Basic\s+)?
    )
    [^&\s'",;)]+
    """
)
#: All but tab and line feed; with separators of lines and paragraphs, and lone surrogates.
_CONTROLS = "\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_MARKS_OF_DIRECTION = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSAFE = re.compile(f"[{_CONTROLS}{_MARKS_OF_DIRECTION}]")
_BACKQUOTES = re.compile("`+")
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


def mask_from_now_on(secret: str) -> None:
    """Mask this value wherever it is seen from now on, plain or percent-encoded."""
    if len(secret) >= _SHORTEST:
        _secrets.update({secret, quote(secret, safe="")})


def redact(text: str) -> str:
    """Return the text with every known secret, and every value that is named like one, masked."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return _NAMED.sub(rf"\g<1>{MASK}", text)


def plain_line(text: object) -> str:
    """Return a text as one line of at most 2 kB that is safe to show: a message, or a part of one.

    Secrets are masked, control characters and marks of direction are escaped as by `plain_lines`.
    """
    whole = str(text)
    skipped = max(0, len(whole) - 2 * _LOOKED_AT)
    looked_at = f"{whole[:_LOOKED_AT]}{whole[-_LOOKED_AT:]}" if skipped else whole
    line = plain_lines(" ".join(redact(looked_at).split()))
    encoded = line.encode()
    if len(encoded) <= LONGEST:
        return line
    head, tail = (part.decode(errors="ignore") for part in (encoded[:_HEAD], encoded[-_TAIL:]))
    left_out = skipped + len(encoded) - len(head.encode()) - len(tail.encode())
    return f"{head} … ({left_out:,} bytes left out) … {tail}"


def plain_lines(text: str) -> str:
    r"""Return a text with its lines in which control characters are escaped as in JSON: `\u001b`.

    So are marks of direction. A JSON object is the same data afterwards.
    """
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def unmarked(text: str) -> str:
    """Return a text that Markdown shows as it is: as code, in which it looks for nothing.

    Escapes would not do: what shows Markdown looks for addresses once more when they are gone.
    """
    if not text.strip():
        return ""
    fence = "`" * (1 + max(map(len, _BACKQUOTES.findall(text)), default=0))
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"


def without_links(text: str) -> str:
    """Return a text of which Markdown makes no image, and no link that hides its address.

    It is for what is also read as plain text, where `unmarked` would show its escapes.
    """
    return text.replace("![", "! [").replace("](", "] (")


def first_line(said: str | None) -> str:
    """Return the first line of what is said of a failure, short and safe to show."""
    lines = [line.strip() for line in (said or "").splitlines() if line.strip()]
    return plain_line(lines[0])[:_LONGEST_CAUSE] if lines else "no reason was recorded: see the run"


class _PlainFilter(logging.Filter):
    """Makes log records safe to show before any handler sees them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record when it holds a secret or what is not safe to show; never drop it."""
        message = record.getMessage()
        clean = plain_lines(redact(message))
        if clean != message:
            record.msg, record.args = clean, ()
        return True


_FILTER = _PlainFilter()


def keep_plain(logger: logging.Logger) -> None:
    """Put the filter on a logger; doing it again changes nothing."""
    logger.addFilter(_FILTER)


def protect_logs() -> None:
    """Put the filter on the loggers of HTTP libraries, whose lines hold whole URLs.

    A logger's filters do not apply to its children, so each that can hold a URL or a header is
    named.
    """
    for name in _LOGGERS:
        keep_plain(logging.getLogger(name))
