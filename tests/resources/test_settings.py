"""Variables: secrets in files, and what access to a space needs."""

from pathlib import Path

import pytest

from resources.links import dagster_of_people
from resources.secret import reveal
from resources.secret_files import read_secret_files
from resources.settings import Settings
from resources.variables import SECRETS, SettingsError
from tests.deployment import OTHER_TOKEN_KEY, TOKEN_KEY

SECRET = "s3cr3t-of-the-application"
OAUTH = {
    "BACKLOG_URL": "https://acme.backlog.com",
    "BACKLOG_OAUTH_CLIENT_ID": "client-1",
    "BACKLOG_OAUTH_CLIENT_SECRET": SECRET,
    "BACKLOG_TOKEN_KEY": f"{TOKEN_KEY},{OTHER_TOKEN_KEY}",
}


def test_with_oauth_no_api_key_is_needed() -> None:
    settings = Settings.from_env(OAUTH)
    assert (settings.oauth, settings.oauth_client_id) == (True, "client-1")
    hidden = (SECRET, TOKEN_KEY, OTHER_TOKEN_KEY)
    assert not [secret for secret in hidden if secret in repr(settings)]
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
        ("postgresql://user:s3@cr3t@host/db", "@ is written as %40"),
    ):
        (tmp_path / "WAREHOUSE_URL").write_text(wrong)
        with pytest.raises(SettingsError, match=said) as caught:
            Settings.from_env(environ)
        assert "cr3t" not in str(caught.value)


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
