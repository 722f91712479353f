"""Where messages go: the variables that name webhooks and mail, read and validated."""

from collections.abc import Mapping
from dataclasses import dataclass

from resources import values
from resources.links import address
from resources.secret import Secret
from resources.variables import ALERT_SLACK_URL, ALERT_SMTP_URL, ALERT_TEAMS_URL, MAIL_FROM, MAIL_TO, secret, text


@dataclass(frozen=True)
class Addresses:
    """Where a deployment sends messages; what is unset is not used. The addresses of webhooks are secrets."""

    slack_url: Secret | None = None
    teams_url: Secret | None = None
    smtp_url: Secret | None = None
    mail_from: str = ""
    mail_to: tuple[str, ...] = ()

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
        slack, teams = (_url(environ, name, ("https", "http")) for name in (ALERT_SLACK_URL, ALERT_TEAMS_URL))
        return cls(slack, teams, smtp, sender, to)


def _url(environ: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> Secret | None:
    given = secret(environ, name)
    if given is None:
        return None
    address(name, given, schemes, f"an address that begins with {schemes[0]}:// and a host, and whose port is a number")
    return given
