"""Every environment variable of the program: name, meaning, default, whether it may hold a secret;
and the error for a wrong one.

This is the only list: other variables with our prefix are refused, `docs/reference.md` is generated
from it, and an error shows a value only if this list allows it.
"""

import re
from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum, auto
from unicodedata import category

from resources.redact import plain_lines
from resources.secret import Secret

#: Suffix of the variable that names a file with the secret, instead of the secret itself.
FILE = "_FILE"
URL = "BACKLOG_URL"
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
DAGSTER_LOCATION = "BACKLOG_DAGSTER_LOCATION"
MARTS_OF = "BACKLOG_MARTS_OF"
HOME = "BACKLOG_ELT_HOME"
MAPPINGS = "BACKLOG_MAPPINGS"
TIMEZONE = "BACKLOG_TIMEZONE"
HISTORY_START = "BACKLOG_HISTORY_START"
RATE_RESERVE = "BACKLOG_RATE_RESERVE"
ANSWER_MEGABYTES = "BACKLOG_ANSWER_MEGABYTES"
PROXY_HEADER = "BACKLOG_SERVICE_PROXY_HEADER"
TRUSTED_PROXIES = "BACKLOG_SERVICE_TRUSTED_PROXIES"
SERVICE_PUBLIC_URL = "BACKLOG_SERVICE_PUBLIC_URL"
LOG_FORMAT = "BACKLOG_LOG_FORMAT"
LOG_LEVEL = "BACKLOG_LOG_LEVEL"
ALERT_SLACK_URL = "BACKLOG_ALERT_SLACK_URL"
ALERT_TEAMS_URL = "BACKLOG_ALERT_TEAMS_URL"
ALERT_SMTP_URL = "BACKLOG_ALERT_SMTP_URL"
ALERT_URLS = "BACKLOG_ALERT_URLS"
MAIL_FROM = "BACKLOG_ALERT_MAIL_FROM"
MAIL_TO = "BACKLOG_ALERT_MAIL_TO"


class Holds(Enum):
    """What a variable may hold."""

    TEXT = auto()
    """No secret: an error line shows it."""
    ADDRESS = auto()
    """No secret, but a user may put a password into it: never shown."""
    SECRET = auto()
    """A secret: never shown, and may be given as a file."""


@dataclass(frozen=True)
class Variable:
    """What a variable holds, and the text of the documents: its meaning, its default, and the
    section with more.
    """

    holds: Holds
    meaning: str
    default: str
    see: str = ""


VARIABLES: Mapping[str, Variable] = {
    URL: Variable(
        Holds.ADDRESS,
        "Root of the space: `https://acme.backlog.com`, also `.backlog.jp` and `.backlogtool.com`. "
        "`simulated` fills a PostgreSQL server of your own with a simulated space",
        "a simulated space, in the embedded PostgreSQL only",
    ),
    API_KEY: Variable(
        Holds.SECRET,
        "API key of a user of the space",
        f"needed with `{URL}`, unless access is by OAuth",
        "operating.md#access",
    ),
    CLIENT_ID: Variable(
        Holds.TEXT,
        "OAuth: client id of an application that a user allows by `backlog-elt login`",
        "access by API key",
        "operating.md#oauth",
    ),
    CLIENT_SECRET: Variable(
        Holds.SECRET,
        "OAuth: client secret of that application",
        "needed with the client id",
        "operating.md#oauth",
    ),
    TOKEN_KEY: Variable(
        Holds.SECRET,
        "OAuth: key that encrypts the tokens in the warehouse",
        "needed with the client id",
        "operating.md#oauth",
    ),
    WAREHOUSE_URL: Variable(
        Holds.SECRET,
        "PostgreSQL 14 or newer, for the tables: `postgresql://user:password@host:5432/database`",
        "the embedded PostgreSQL",
        "operating.md#postgresql",
    ),
    DAGSTER_POSTGRES_URL: Variable(
        Holds.SECRET,
        "Dagster's own storage: another database than the warehouse",
        "a second database of the embedded server",
        "operating.md#postgresql",
    ),
    HOME: Variable(
        Holds.TEXT,
        "Folder of embedded data and of Dagster's files; with the embedded "
        "PostgreSQL its path holds "
        'no `$`, `"`, backquote or `\\`',
        "`.backlog-elt`",
        "operating.md#the-embedded-postgresql",
    ),
    MAPPINGS: Variable(
        Holds.TEXT,
        "Folder of the mappings that you edit: stages, working hours, days off, capacity, "
        "baselines, units",
        "the folder `mappings` of the program",
        "mappings.md",
    ),
    TIMEZONE: Variable(
        Holds.TEXT, "Time zone of months and schedules, an IANA name", "`Asia/Tokyo`"
    ),
    HISTORY_START: Variable(
        Holds.TEXT,
        "First month partition, `YYYY-MM`, from 2000-01 to the current month",
        "`2020-01`",
    ),
    RATE_RESERVE: Variable(
        Holds.TEXT,
        "Share of each rate-limit window that is left to people, from 0 to below 1",
        "`0.2`",
        "operating.md#rate-limits-and-the-reserve",
    ),
    ANSWER_MEGABYTES: Variable(
        Holds.TEXT,
        "Megabytes of one answer of Backlog at most, as it comes and unpacked; a "
        "larger one ends the load",
        "`64`",
    ),
    PRIVACY_KEY: Variable(
        Holds.SECRET,
        "Secret of 16 characters or more. With it, people are masked",
        "people are not masked",
        "privacy.md",
    ),
    BI_PASSWORD: Variable(
        Holds.SECRET,
        "Password of the role that `backlog-elt grant bi` makes",
        "a random one",
        "bi.md",
    ),
    LOG_FORMAT: Variable(
        Holds.TEXT,
        "Form of the log lines of the program's own processes: `text` or `json`",
        "`text`",
        "operating.md#logs",
    ),
    LOG_LEVEL: Variable(
        Holds.TEXT,
        "Level of the log lines of the program's own processes: `DEBUG`, "
        "`INFO`, `WARNING` or `ERROR`",
        "`WARNING`",
        "operating.md#logs",
    ),
    ALERT_SLACK_URL: Variable(
        Holds.SECRET,
        "Alerts: incoming webhook of Slack, or of a service with the same webhooks",
        "no alerts there",
        "operating.md#alerts",
    ),
    ALERT_TEAMS_URL: Variable(
        Holds.SECRET,
        "Alerts: webhook of a Microsoft Teams workflow",
        "no alerts there",
        "operating.md#alerts",
    ),
    ALERT_SMTP_URL: Variable(
        Holds.SECRET,
        "Alerts: mail server, `smtp://user:password@host:587` or `smtps://…`",
        "no mail",
        "operating.md#alerts",
    ),
    ALERT_URLS: Variable(
        Holds.SECRET,
        "Alerts: URLs of apprise, separated by spaces: LINE, Chatwork, Discord, Slack, Teams, "
        "mail and a hundred other services",
        "no alerts there",
        "operating.md#alerts",
    ),
    MAIL_FROM: Variable(
        Holds.TEXT, "Alerts: sender of mails", "needed with the mail server", "operating.md#alerts"
    ),
    MAIL_TO: Variable(
        Holds.TEXT,
        "Alerts: recipients of mails, separated by commas",
        "needed with the mail server",
        "operating.md#alerts",
    ),
    SERVICE_TOKEN: Variable(
        Holds.SECRET,
        "Bearer token of the sync service, 16 ASCII characters or more",
        "open, to this machine only",
        "service.md#who-may-ask",
    ),
    PROXY_HEADER: Variable(
        Holds.TEXT,
        "Header in which a reverse proxy names the user to the service, as `X-Forwarded-User`",
        "no proxy is trusted",
        "service.md#who-may-ask",
    ),
    TRUSTED_PROXIES: Variable(
        Holds.TEXT,
        "Addresses or networks of proxies that may send this header",
        "`127.0.0.0/8,::1`",
        "service.md#who-may-ask",
    ),
    SERVICE_PUBLIC_URL: Variable(
        Holds.ADDRESS,
        "The service, as browsers reach it through that proxy: a name to which the service answers",
        f"addresses of machines and `{DAGSTER_PUBLIC_URL}`",
        "service.md#who-may-ask",
    ),
    WEBHOOK_SECRET: Variable(
        Holds.SECRET,
        "Last part of the address for Backlog's webhooks, 16 or more letters, digits, `-`, `_`",
        "no webhooks",
        "service.md#webhooks",
    ),
    DAGSTER_URL: Variable(
        Holds.ADDRESS,
        "Dagster's UI, as the service reaches it to start runs",
        "that of a running `up`, else port 3000 of this machine",
        "service.md#api",
    ),
    DAGSTER_PUBLIC_URL: Variable(
        Holds.ADDRESS,
        "Dagster's UI, as browsers reach it: links of the service and of alerts lead there",
        f"`{DAGSTER_URL}`",
        "service.md#api",
    ),
    DAGSTER_LOCATION: Variable(
        Holds.TEXT,
        "Name of this space's code location, where several spaces share one Dagster. Not with `up`",
        "`backlog_elt`",
        "deployment.md#several-spaces",
    ),
    MARTS_OF: Variable(
        Holds.TEXT,
        "Names of the code locations whose marts this one makes, as `acme,beta`. It loads no "
        "space itself. Not with `up`",
        "marts of its own",
        "deployment.md#several-spaces",
    ),
    BROKER_URL: Variable(
        Holds.SECRET,
        "Redis by which runs are spread over workers",
        "runs work next to their code server",
        "deployment.md#more-than-one-machine",
    ),
}
#: Set by the program for the processes that it starts; users do not set them.
SIMULATED_HERE = "BACKLOG_ELT_SIMULATED"
_OF_DBT = ("HOST", "PORT", "USER", "DBNAME", "SSLMODE", "SSLROOTCERT", "SSLCERT", "SSLKEY")
WITHIN = frozenset({SIMULATED_HERE, *(f"BACKLOG_DBT_{part}" for part in _OF_DBT)})
#: Variables whose value may have several lines, as a list in a file.
_LISTS = frozenset({ALERT_URLS})
#: Variables that hold a secret; each may be given as a file.
SECRETS = tuple(name for name, variable in VARIABLES.items() if variable.holds is Holds.SECRET)
_SHOWN = frozenset(name for name, variable in VARIABLES.items() if variable.holds is Holds.TEXT)

#: Schemes that are shown of an address; any other beginning may be part of a secret.
_SCHEME = re.compile(
    r"(https?|ftp|file|mysql|mariadb|mssql|oracle|sqlite|mongodb|postgres(?:ql)?"
    r"|rediss?|amqps?|smtps?):"
)
_LONGEST_SHOWN = 80
_OURS = "BACKLOG_"
_NAME = re.compile(r"[A-Za-z0-9_]{1,60}")
#: Variables that Kubernetes and Docker set in containers for a service called backlog or
#: backlog-elt.
_OF_SERVICES = re.compile(
    r"BACKLOG_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?"
    r"|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)
_PATH, _WARNINGS = "PYTHONPATH", "PYTHONWARNINGS"
#: Unicode categories: control characters, surrogates, separators of lines and of paragraphs.
_CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})


class SettingsError(ValueError):
    """A variable or option has an unusable value; the message names it and says what is expected.

    The value is shown only if its declaration says that it holds no secret.
    """

    def __init__(
        self, variable: str, got: str | Secret | None, expected: str, wrong: str = ""
    ) -> None:
        """`wrong` describes an error without quoting the value."""
        shown = f"{_shown_value(variable, got)}{f' ({wrong})' if wrong else ''}"
        # Not masked: it holds no secret, and masking would hide our own words where a password
        # equals one.
        super().__init__(
            plain_lines(" ".join(f"{variable} is {shown}: expected {expected}".split()))
        )
        self.variable = variable


def _shown_value(variable: str, got: str | Secret | None) -> str:
    if not got:
        return "''"
    if isinstance(got, str) and (variable.startswith("-") or variable in _SHOWN):
        return repr(got if len(got) <= _LONGEST_SHOWN else got[:_LONGEST_SHOWN] + "…")
    scheme = _SCHEME.match(got.reveal() if isinstance(got, Secret) else got)
    return f"'{scheme[0] if scheme else ''}…'"


def check_names(environ: Mapping[str, str]) -> None:
    """Check that no variable is set that has our prefix but is unknown; an empty one counts as
    unset.

    Raises:
        SettingsError: there is one; the message suggests the variable that was probably meant.
    """
    known = {*VARIABLES, *(name + FILE for name in SECRETS)}
    for name in sorted(environ.keys() - known - WITHIN):
        # Names are upper case; one of ours in lower case is not read, and so is a mistake.
        ours = name.upper().startswith(_OURS) or name.upper() in known
        if ours and environ[name].strip() and not _OF_SERVICES.fullmatch(name):
            short = {one.removeprefix(_OURS): one for one in sorted(known)}
            meant = get_close_matches(name.upper().removeprefix(_OURS), short, n=1)
            question = f"did you mean {short[meant[0]]}? Unset" if meant else "unset"
            # A malformed name may contain the value itself.
            raise SettingsError(
                name if _NAME.fullmatch(name) else f"{_OURS}…",
                environ[name],
                f"no variable of this name: {question} it, or see "
                "docs/reference.md for all of them",
            )


def text(environ: Mapping[str, str], name: str) -> str | None:
    """Return the text of a variable, None when unset; raises SettingsError for control
    characters.
    """
    given = environ.get(name, "").strip()
    if name in _LISTS:
        given = " ".join(given.split())
    if any(category(letter) in _CONTROL for letter in given):
        raise SettingsError(
            name, given, "text without control characters and without bytes that are no UTF-8"
        )
    return given or None


def without_secrets(environ: Mapping[str, str], but: Collection[str] = ()) -> dict[str, str]:
    """Return an environment without secrets and the names of their files, except those in `but`."""
    return {
        name: value
        for name, value in environ.items()
        if name.removesuffix(FILE) not in {*SECRETS} - {*but}
    }


def drop_python_variables(environ: MutableMapping[str, str]) -> bool:
    """Unset PYTHONPATH, whose modules could shadow ours and dbt's, and a PYTHONWARNINGS that turns
    warnings into errors. Return whether one was set.

    Python reads both when it starts, so a process that finds one must be restarted.
    """
    changing = {_PATH: environ.get(_PATH), _WARNINGS: "error" in environ.get(_WARNINGS, "")}
    dropped = [name for name, is_set in changing.items() if is_set]
    for name in dropped:
        del environ[name]
    return bool(dropped)
