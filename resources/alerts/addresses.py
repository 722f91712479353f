"""The addresses of alert channels (webhooks, mail, services of apprise), read from variables and
validated.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from resources import values
from resources.links import address
from resources.secret import Secret
from resources.secret_files import secret
from resources.variables import (
    ALERT_SLACK_URL,
    ALERT_SMTP_URL,
    ALERT_TEAMS_URL,
    ALERT_URLS,
    MAIL_FROM,
    MAIL_TO,
    SettingsError,
    text,
)

#: What is expected of the list of services.
APPRISE = (
    "addresses as apprise takes them, with spaces or commas between, for example "
    "discord://id/token line://token/user"
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9.+-]*://\S+")
#: A comma separates two addresses only before the next scheme: it may also be part of an address,
#: as between the recipients of a mail.
_BETWEEN = re.compile(r"\s+|,(?=[A-Za-z0-9]+://)")
_PARTS = re.compile("[/:@,]+")
#: Host names and IP addresses are not secret, and occur in other log lines.
_HOST = re.compile(r"[a-z0-9.-]+\.([a-z]{2,}|[0-9]{1,3})")


@dataclass(frozen=True)
class Addresses:
    """The alert channels of a deployment; a channel without an address is not used.

    Addresses of webhooks are secrets.
    """

    slack_url: Secret | None = None
    teams_url: Secret | None = None
    smtp_url: Secret | None = None
    mail_from: str = ""
    mail_to: tuple[str, ...] = ()
    urls: tuple[Secret, ...] = ()
    """Services of apprise, checked when a message is sent: importing apprise is slow."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Addresses":
        """Read and validate the variables; an empty one counts as unset.

        Raises:
            SettingsError: a value is malformed, or mail has no sender or no recipient.
        """
        smtp = _url(environ, ALERT_SMTP_URL, ("smtp", "smtps"))
        sender, recipients = (text(environ, name) or "" for name in (MAIL_FROM, MAIL_TO))
        to = tuple(one.strip() for one in recipients.split(",") if one.strip())
        for name, mails in ((MAIL_FROM, (sender,)), (MAIL_TO, to or ("",))):
            for mail in mails:
                if smtp or mail:
                    values.mail(name, mail)
        slack, teams = (
            _url(environ, name, ("https", "http")) for name in (ALERT_SLACK_URL, ALERT_TEAMS_URL)
        )
        return cls(slack, teams, smtp, sender, to, _urls(environ))


def _url(environ: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> Secret | None:
    given = secret(environ, name)
    if given is None:
        return None
    address(
        name,
        given,
        schemes,
        f"an address that begins with {schemes[0]}:// and a host, and whose port is a number",
    )
    return given


def _urls(environ: Mapping[str, str]) -> tuple[Secret, ...]:
    given = secret(environ, ALERT_URLS)
    if given is None:
        return ()
    urls = [one.strip(",") for one in _BETWEEN.split(given.reveal()) if one.strip(",")]
    for number, url in enumerate(urls or [""], 1):
        if not _URL.fullmatch(url):
            raise SettingsError(
                ALERT_URLS,
                given,
                APPRISE,
                f"number {number} of {len(urls)} does not begin with a scheme and ://",
            )
    return tuple(_secret_url(url) for url in urls)


def _secret_url(url: str) -> Secret:
    """Return a URL as a secret. Each part of it is masked in logs, too: any part may be a token."""
    address, _, query = url.partition("://")[2].partition("?")
    values = (one.partition("=")[2] for one in re.split("[&#]", query))
    for part in (*_PARTS.split(address), *values):
        if not _HOST.fullmatch(part):
            Secret(part)  # registers the part for masking
    return Secret(url)
