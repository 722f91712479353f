"""Which secrets each process of `backlog-elt up` needs; it gets no others in its environment, which
everybody of its user can read.

Runs work below the code server, which is where the daemon and the webserver let them be started:
these two need Dagster's own database and nothing else.
"""

from collections.abc import Mapping

from resources.variables import (
    ALERT_SLACK_URL,
    ALERT_SMTP_URL,
    ALERT_TEAMS_URL,
    ALERT_URLS,
    API_KEY,
    CLIENT_SECRET,
    DAGSTER_POSTGRES_URL,
    PRIVACY_KEY,
    SERVICE_TOKEN,
    TOKEN_KEY,
    WAREHOUSE_URL,
    WEBHOOK_SECRET,
)

_DAGSTER = frozenset({DAGSTER_POSTGRES_URL})
_SPACE = frozenset({API_KEY, CLIENT_SECRET, TOKEN_KEY, PRIVACY_KEY, WAREHOUSE_URL})
_ALERTS = frozenset({ALERT_SLACK_URL, ALERT_TEAMS_URL, ALERT_SMTP_URL, ALERT_URLS})
#: Module -> secrets. `dagster` is the code server, where runs and alerts are, and the command that
#: starts a run.
NEEDED: Mapping[str, frozenset[str]] = {
    "dagster": _DAGSTER | _SPACE | _ALERTS,
    "pipelines.hosting.webserver": _DAGSTER,
    "pipelines.hosting.daemon": _DAGSTER,
    "service": _SPACE | {SERVICE_TOKEN, WEBHOOK_SECRET},
    "pipelines": _DAGSTER | _SPACE,
}
