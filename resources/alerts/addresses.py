"""Where messages go: the variables that name webhooks and mail, read and validated.

Add here: the address of another channel. Keep out: how it is written to (`channels.py`), other variables (`settings.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from urllib.parse import urlsplit

from resources.variables import ALERT_SLACK_URL, ALERT_SMTP_URL, ALERT_TEAMS_URL, SettingsError, secret

MAIL_FROM, MAIL_TO = "BACKLOG_ALERT_MAIL_FROM", "BACKLOG_ALERT_MAIL_TO"


@dataclass(frozen=True)
class Addresses:
    """Where a deployment sends messages; what is unset is not used. The addresses of webhooks are secrets."""

    slack_url: str | None = field(default=None, repr=False)
    teams_url: str | None = field(default=None, repr=False)
    smtp_url: str | None = field(default=None, repr=False)
    mail_from: str = ""
    mail_to: tuple[str, ...] = ()

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Addresses":
        """Read and validate the variables; an empty one counts as unset.

        Raises:
            SettingsError: a value is malformed, or mail has no sender or no recipient.
        """
        smtp = _url(environ, ALERT_SMTP_URL, ("smtp", "smtps"))
        sender, recipients = (environ.get(name, "").strip() for name in (MAIL_FROM, MAIL_TO))
        to = tuple(one.strip() for one in recipients.split(",") if one.strip())
        if smtp:
            for name, mails in ((MAIL_FROM, (sender,)), (MAIL_TO, to or ("",))):
                for mail in mails:
                    if "@" not in parseaddr(mail)[1]:
                        raise SettingsError(name, mail, "a mail address, of recipients several with commas between")
        slack, teams = (_url(environ, name, ("https", "http")) for name in (ALERT_SLACK_URL, ALERT_TEAMS_URL))
        return cls(slack, teams, smtp, sender, to)


def _url(environ: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str | None:
    text = secret(environ, name)
    if text is None:
        return None
    try:
        parts = urlsplit(text)
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number
        usable = False
    if not usable:
        raise SettingsError(name, "…", f"an address that begins with {schemes[0]}:// and a host, and whose port is a number")
    return text
