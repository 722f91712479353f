"""Every variable that holds a secret, with a secret in it that can be searched for."""

from resources.variables import (
    ALERT_SLACK_URL,
    ALERT_SMTP_URL,
    ALERT_TEAMS_URL,
    ALERT_URLS,
    BROKER_URL,
    DAGSTER_POSTGRES_URL,
    MAIL_FROM,
    MAIL_TO,
    SECRETS,
    WAREHOUSE_URL,
)

NOWHERE = "127.0.0.1:9"
#: The form of what is more than a secret.
FORMS = {
    WAREHOUSE_URL: f"postgresql://loader:{{}}@{NOWHERE}/warehouse",
    DAGSTER_POSTGRES_URL: f"postgresql://dagster:{{}}@{NOWHERE}/dagster",
    BROKER_URL: f"redis://:{{}}@{NOWHERE}/0",
    ALERT_SLACK_URL: f"http://{NOWHERE}/services/{{}}",
    ALERT_TEAMS_URL: f"http://{NOWHERE}/teams/{{}}",
    ALERT_SMTP_URL: f"smtp://mailer:{{}}@{NOWHERE}",
    ALERT_URLS: f"json://{NOWHERE}/{{}}",
}
#: What is needed besides, where mail is sent.
MAIL = {MAIL_FROM: "elt@example.com", MAIL_TO: "operator@example.com"}


def secret_of(name: str) -> str:
    """Return the secret in the variable of a name, where the source or the database gives
    no other.
    """
    return f"s3cr3t-of-{name.lower().replace('_', '-')}"


def variables(**forms: str) -> dict[str, str]:
    """Return all variables that hold a secret; `forms` replaces the form of some."""
    return {name: (FORMS | forms).get(name, "{}").format(secret_of(name)) for name in SECRETS}
