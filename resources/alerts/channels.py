"""Alert channels: webhooks of Slack and Microsoft Teams, mail, and services of apprise.

The address of a webhook is a secret: it is all that a sender needs.
"""

import logging
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import httpx

from resources.alerts.addresses import Addresses
from resources.alerts.channel import TOTAL_SECONDS, Channel, ChannelError
from resources.alerts.message_layout import Message
from resources.alerts.services import services
from resources.bounded_http import BoundedClient
from resources.network import proxy_for
from resources.redact import protect_logs, redact
from resources.secret import Secret

SECONDS = 10.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Slack:
    """An incoming webhook of Slack, or of a server with the same API, such as Mattermost.

    Apprise's `slack://` sends to hooks.slack.com only. Its `jsons://` reaches any host, but ignores
    SSL_CERT_FILE, and its errors name neither the answer nor the proxy.
    """

    url: Secret
    name: str = "slack"

    def send(self, message: Message) -> None:
        """Post the message as text."""
        text = message.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        _post(self.name, self.url, {"text": text})


@dataclass(frozen=True)
class Teams:
    """A workflow of Microsoft Teams that accepts adaptive cards.

    Apprise's `workflow://` sends to Microsoft's hosts only, so not through a relay, and its card
    has neither facts nor a button.
    """

    url: Secret
    name: str = "teams"

    def send(self, message: Message) -> None:
        """Post the message as a card."""
        body: list[dict[str, Any]] = [
            {"type": "TextBlock", "text": message.title, "weight": "Bolder", "wrap": True}
        ]
        if message.facts:
            body.append(
                {
                    "type": "FactSet",
                    "facts": [{"title": label, "value": value} for label, value in message.facts],
                }
            )
        card = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": body,
        }
        if message.link:
            card["actions"] = [{"type": "Action.OpenUrl", "title": "Dagster", "url": message.link}]
        attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
        _post(self.name, self.url, {"type": "message", "attachments": [attachment]})


@dataclass(frozen=True)
class Mail:
    """Mail by SMTP: `smtp://` or `smtps://`.

    `smtp://` is encrypted where the server offers it, and always before a password is sent.
    Apprise's `mailto://` never encrypts, and its `mailtos://` refuses a relay without TLS. Apprise
    also treats a mail as failed when one of several recipients is refused, so a retry would send it
    to the others again.
    """

    url: Secret
    sender: str
    recipients: tuple[str, ...]
    name: str = "mail"

    def send(self, message: Message) -> None:
        """Send the message to all recipients.

        It counts as sent when at least one recipient is accepted: a retry would send it to that one
        again.
        """
        mail = EmailMessage()
        # Not every relay adds these headers, and some recipients reject mail without them.
        mail["Date"], mail["Message-ID"] = (
            format_datetime(datetime.now(UTC)),
            make_msgid(domain=parseaddr(self.sender)[1].rpartition("@")[2]),
        )
        mail["Subject"], mail["From"], mail["To"] = (
            f"[backlog-elt] {message.title}",
            self.sender,
            ", ".join(self.recipients),
        )
        mail.set_content(message.text)
        parts = urlsplit(self.url.reveal())
        try:
            with _mail_server(parts) as server:
                refused = server.send_message(mail)
        except (OSError, smtplib.SMTPException, ssl.SSLError, ValueError) as error:
            raise ChannelError(
                f"mail: {parts.hostname}: {redact(' '.join(str(error).split()))}"
            ) from None
        if refused:
            _log.warning(
                "mail: %s refused %s, the others have received it",
                parts.hostname,
                ", ".join(sorted(refused)),
            )


def _mail_server(parts: SplitResult) -> smtplib.SMTP:
    host, tls = parts.hostname or "localhost", ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, parts.port or 465, timeout=SECONDS, context=tls
        )
    else:
        server = smtplib.SMTP(host, parts.port or 25, timeout=SECONDS)
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=tls)
        elif parts.username:
            server.close()
            raise ChannelError(
                f"mail: {host} offers no encryption, so the password was not sent: use "
                "smtps:// or another server"
            )
    if parts.username:
        server.login(unquote(parts.username), unquote(parts.password or ""))
    return server


def _post(name: str, url: Secret, body: dict[str, Any]) -> None:
    host = urlsplit(url.reveal()).hostname
    try:
        with BoundedClient(TOTAL_SECONDS, timeout=SECONDS) as http:
            answer = http.request("POST", url.reveal(), json=body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        proxy = proxy_for(url.reveal())
        through = f" through {proxy.address}, the proxy of {proxy.variable}" if proxy else ""
        said = f"{type(error).__name__}: {redact(str(error))}"
        # Not chained: the httpx error holds the request, and so the address.
        raise ChannelError(f"{name}: {host}{through}: {said}") from None
    if not answer.is_success:
        raise ChannelError(
            f"{name}: {host} answered {answer.status_code}: {redact(answer.text[:200])}"
        )


def channels(addresses: Addresses) -> Sequence[Channel]:
    """Return the channels that a deployment has configured, each with a different name.

    Raises:
        SettingsError: apprise rejects the address of a service.
    """
    protect_logs()
    found: list[Channel] = []
    for url, kind in ((addresses.slack_url, Slack), (addresses.teams_url, Teams)):
        if url:
            found.append(kind(url))
    if addresses.smtp_url:
        found.append(Mail(addresses.smtp_url, addresses.mail_from, addresses.mail_to))
    return [*found, *services(addresses.urls, {channel.name for channel in found})]
