"""The names of the environment variables that several rooms read, what is a secret among them, and the error of a wrong one.

Add here: the name of a variable that is used in more than one place. Keep out: what a value must be (`values.py`).
"""

from collections.abc import Mapping, MutableMapping
from pathlib import Path

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
DAGSTER_URL = "BACKLOG_DAGSTER_URL"
DAGSTER_PUBLIC_URL = "BACKLOG_DAGSTER_PUBLIC_URL"
ALERT_SLACK_URL = "BACKLOG_ALERT_SLACK_URL"
ALERT_TEAMS_URL = "BACKLOG_ALERT_TEAMS_URL"
ALERT_SMTP_URL = "BACKLOG_ALERT_SMTP_URL"
#: Variables that hold a secret; each may be given as a file.
SECRETS = (
    API_KEY, CLIENT_SECRET, TOKEN_KEY, PRIVACY_KEY, BI_PASSWORD, SERVICE_TOKEN, WEBHOOK_SECRET, WAREHOUSE_URL,
    DAGSTER_POSTGRES_URL, BROKER_URL, ALERT_SLACK_URL, ALERT_TEAMS_URL, ALERT_SMTP_URL,
)  # fmt: skip


class SettingsError(ValueError):
    """A variable or option has a value that cannot be used; the message names it and says what would do."""

    def __init__(self, variable: str, got: str, expected: str) -> None:
        super().__init__(f"{variable} is {got!r}: expected {expected}")
        self.variable = variable


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
