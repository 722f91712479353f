"""Variables: secrets in files, what access to a space needs, and that any values are usable
settings, or an error that names one of them and shows no secret.
"""

import re
import string
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.alerts.addresses import Addresses
from resources.links import dagster_of_people
from resources.secret import reveal
from resources.secret_files import read_secret_files
from resources.settings import Settings
from resources.variables import FILE, SECRETS, VARIABLES, Holds, SettingsError
from resources.warehouse.server.connect import engine, mask
from tests.deployment import OTHER_TOKEN_KEY, TOKEN_KEY

SECRET = "s3cr3t-of-the-application"
OAUTH = {
    "BACKLOG_URL": "https://acme.backlog.com",
    "BACKLOG_OAUTH_CLIENT_ID": "client-1",
    "BACKLOG_OAUTH_CLIENT_SECRET": SECRET,
    "BACKLOG_TOKEN_KEY": f"{TOKEN_KEY},{OTHER_TOKEN_KEY}",
}


def test_with_oauth_no_api_key_is_needed() -> None:
    found = Settings.from_env(OAUTH)
    assert (found.oauth, found.oauth_client_id) == (True, "client-1")
    hidden = (SECRET, TOKEN_KEY, OTHER_TOKEN_KEY)
    assert not [secret for secret in hidden if secret in repr(found)]
    assert not Settings.from_env({}).oauth


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_may_stand_in_a_file_and_the_variable_itself_counts_more(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "secret"
    path.write_text("from the file\n")
    environ = {f"{name}_FILE": str(path)}
    read_secret_files(environ)
    assert environ[name] == "from the file"
    given = {f"{name}_FILE": str(path), name: "from the variable"}
    read_secret_files(given)
    assert given[name] == "from the variable"


def test_settings_read_the_files(tmp_path: Path) -> None:
    values = {
        "BACKLOG_API_KEY": "a-key",
        "WAREHOUSE_URL": "postgresql://a/w",
        "DAGSTER_POSTGRES_URL": "postgresql://a/d",
    }
    environ = {f"{name}_FILE": str(tmp_path / name) for name in values}
    environ["BACKLOG_URL"] = "https://acme.backlog.com"
    for name, value in values.items():
        (tmp_path / name).write_text(value)
    read = Settings.from_env(environ)
    found = (read.backlog_api_key, read.warehouse_url, read.dagster_postgres_url)
    assert [*map(reveal, found)] == [*values.values()]
    for wrong, said in (
        ("mysql://user:s3cr3t@host/db", "WAREHOUSE_URL is 'mysql:…'"),
        ("postgresql://user:s3cr3t@rest@host/db", "@ is written as %40"),
    ):
        (tmp_path / "WAREHOUSE_URL").write_text(wrong)
        with pytest.raises(SettingsError, match=said) as caught:
            Settings.from_env(environ)
        assert not re.search("s3cr3t|rest", str(caught.value))


@pytest.mark.parametrize(
    ("service", "people", "found"),
    [
        ("", "", ""),
        ("http://webserver:3000/", "", "http://webserver:3000"),
        ("http://webserver:3000/", " ", "http://webserver:3000"),
        ("http://webserver:3000/", "https://dagster.acme/", "https://dagster.acme"),
    ],
)
def test_links_lead_to_dagster_as_people_reach_it_else_as_the_service_does(
    service: str, people: str, found: str
) -> None:
    environ = {"BACKLOG_DAGSTER_URL": service, "BACKLOG_DAGSTER_PUBLIC_URL": people}
    assert dagster_of_people(environ) == found


# -- any values ------------------------------------------------------------------------------------

#: In the value of each variable that may hold a secret; nothing else is made of such letters.
MARK = "s3CR3t0fN0b0dy"
NAMES = [*VARIABLES, *(name + FILE for name in SECRETS)]
HIDDEN = {
    name for name in NAMES if name not in VARIABLES or VARIABLES[name].holds is not Holds.TEXT
}
RIGHT = {
    "BACKLOG_URL": "https://acme.backlog.com", "BACKLOG_API_KEY": "a-key",
    "BACKLOG_OAUTH_CLIENT_ID": "client-1",
    "BACKLOG_TOKEN_KEY": TOKEN_KEY, "BACKLOG_ALERT_MAIL_FROM": "a@example.com",
    "BACKLOG_ALERT_MAIL_TO": "b@example.com",
    "BACKLOG_HISTORY_START": "2024-01", "BACKLOG_TIMEZONE": "UTC",
}  # fmt: skip
PARTS = st.one_of(
    st.text(max_size=12),
    st.text(alphabet=string.printable + "\0\ud800＝：／＠０１", max_size=12),
    st.sampled_from(
        [*"@:/?#[]%,~=\n ", "://", "%00", "%zz", "postgresql://", "https://", "redis://", "smtp://",
            "host", ":0", "?sslmode=",
         "&host=/tmp", "::1", "xn--", "１２", "localhost", "u:", "simulated"]
    ),
)  # fmt: skip
TEXT = st.lists(PARTS, max_size=6).map("".join)


@st.composite
def environments(draw: st.DrawFn) -> dict[str, str]:
    """Draw some variables: right ones, and any text in others, with the mark in it where it may be
    a secret.
    """
    chosen = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    found = {name: value for name, value in RIGHT.items() if draw(st.booleans())}
    for name in chosen:
        found[name] = draw(TEXT) + (MARK + draw(TEXT) if name in HIDDEN else "")
    return found


def read(environ: dict[str, str]) -> tuple[Settings | None, SettingsError | None]:
    try:
        return Settings.from_env(environ), None
    except SettingsError as error:
        return None, error


@settings(max_examples=600, deadline=None)
@given(environments())
def test_any_text_makes_usable_settings_or_an_error_that_names_its_variable(
    environ: dict[str, str],
) -> None:
    found, error = read(environ)
    if found is None:
        assert error is not None
        assert error.variable in NAMES
        assert str(error).startswith(f"{error.variable} is ")
        assert str(error).isprintable()
        assert MARK not in f"{error} {error!r}"
        return
    addresses = Addresses.from_env(environ)
    shown = repr(found) + repr(addresses)
    assert not [
        name for name in SECRETS if MARK in environ.get(name, "") and environ[name].strip() in shown
    ]
    for url in (found.warehouse_url, found.dagster_postgres_url):
        if url is not None:
            made = engine(reveal(url))  # connects later
            assert made.url.password is None or made.url.password not in mask(reveal(url)).replace(
                "***", ""
            )
            made.dispose()
    roots = [
        found.backlog_url,
        found.dagster_url,
        found.dagster_public_url,
        dagster_of_people(environ),
    ]
    for root in (*roots, reveal(addresses.slack_url), reveal(addresses.teams_url)):
        if root:
            assert httpx.URL(root).host
    mail = EmailMessage()
    mail["From"], mail["To"] = addresses.mail_from, ", ".join(addresses.mail_to)
    mail.as_bytes()
