"""Makes text safe to show: masks secrets and escapes characters with side effects.

Text from Backlog, PostgreSQL or a proxy may contain more than letters. A terminal obeys control
characters, marks of direction reverse the text after them, a line feed starts what looks like
another message, and an image in Markdown makes a browser send a request. `plain_line` is used where
a message is made, `plain_lines` for texts of several lines. Tables of the warehouse keep the text
as received.

Holds: these functions, the list of secrets in use, and the filter for loggers of libraries.
"""

import json
import logging
import re
from urllib.parse import quote, quote_plus

MASK = "***"
#: Bytes of a message, in UTF-8. A longer one keeps both ends: what was tried, and what to do.
LONGEST = 2_000
_HEAD, _TAIL = 1_500, 300
#: Characters of the cause of a failure, at most.
_LONGEST_CAUSE = 500
#: Characters at either end of a text that are processed; the middle of a longer text is dropped.
_LOOKED_AT = 50_000

_NAMED = re.compile(
    r"""(?ix)
    ( (?:apiKey|access_token|refresh_token|client_secret) (?:=|%3D)
    | ['"]? (?:Backlog-API-Key|Authorization) ['"]? \s* [:,=] \s* b?['"]? (?:Bearer\s+|Basic\s+)?
    )
    [^&\s'",;)]+
    """
)
#: Control characters except tab and line feed, separators of lines and paragraphs, lone surrogates.
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
_SHORTEST = 6  # shorter values would mask ordinary words; every Backlog key is longer

_secrets: set[str] = set()


def mask_from_now_on(secret: str) -> None:
    """Mask this value in all texts from now on, also as it stands in JSON or in a URL."""
    if len(secret) >= _SHORTEST:
        in_json = {json.dumps(secret, ensure_ascii=only)[1:-1] for only in (True, False)}
        in_url = {quote(secret, safe=safe) for safe in ("", "/")} | {quote_plus(secret)}
        _secrets.update(
            {secret},
            in_json,
            (one.replace("/", r"\/") for one in in_json),
            in_url,
            (re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), one) for one in in_url),
        )


def redact(text: str) -> str:
    """Return the text with every known secret masked, and every value whose name marks it
    as one.
    """
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return _NAMED.sub(rf"\g<1>{MASK}", text)


def plain_line(text: object) -> str:
    """Return a text as one line of at most 2 kB that is safe to show in a message.

    Secrets are masked; control characters and marks of direction are escaped as by `plain_lines`.
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
    """Return a text as Markdown code, in which nothing is interpreted.

    Backslash escapes are not enough: some renderers look for URLs after they have removed them.
    """
    if not text.strip():
        return ""
    fence = "`" * (1 + max(map(len, _BACKQUOTES.findall(text)), default=0))
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"


def without_links(text: str) -> str:
    """Return a text without Markdown images, and without links that hide their URL.

    For texts that are also read as plain text, where `unmarked` would show its backquotes.
    """
    return text.replace("![", "! [").replace("](", "] (")


def first_line(said: str | None) -> str:
    """Return the first line of an error text, short and safe to show."""
    lines = [line.strip() for line in (said or "").splitlines() if line.strip()]
    return plain_line(lines[0])[:_LONGEST_CAUSE] if lines else "no reason was recorded: see the run"


class _PlainFilter(logging.Filter):
    """Makes log records safe to show before any handler sees them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite a record that holds a secret or an unsafe character; never drop it."""
        message = record.getMessage()
        clean = plain_lines(redact(message))
        if clean != message:
            record.msg, record.args = clean, ()
        return True


_FILTER = _PlainFilter()


def keep_plain(logger: logging.Logger) -> None:
    """Put the filter on a logger; a second call changes nothing."""
    logger.addFilter(_FILTER)


def protect_logs() -> None:
    """Put the filter on the loggers of HTTP libraries, which log whole URLs.

    A filter does not apply to child loggers, so each logger that may log a URL or a header is
    listed.
    """
    for name in _LOGGERS:
        keep_plain(logging.getLogger(name))
