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
    assert settings.oauth
    assert settings.oauth_client_id == "client-1"
    assert not [
        secret for secret in (SECRET, TOKEN_KEY, OTHER_TOKEN_KEY) if secret in repr(settings)
    ]
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
    environ = {"BACKLOG_URL": "https://acme.backlog.com"}
    for name, value in {
        "BACKLOG_API_KEY": "a-key",
        "WAREHOUSE_URL": "postgresql://a/w",
        "DAGSTER_POSTGRES_URL": "postgresql://a/d",
    }.items():
        (tmp_path / name).write_text(value)
        environ[f"{name}_FILE"] = str(tmp_path / name)
    settings = Settings.from_env(environ)
    found = tuple(
        map(
            reveal,
            (settings.backlog_api_key, settings.warehouse_url, settings.dagster_postgres_url),
        )
    )
    assert found == ("a-key", "postgresql://a/w", "postgresql://a/d")
    (tmp_path / "WAREHOUSE_URL").write_text("mysql://user:s3cr3t@host/db")
    with pytest.raises(SettingsError, match=r"WAREHOUSE_URL is 'mysql:…'"):
        Settings.from_env(environ)
    password = "s3@cr3t"
    (tmp_path / "WAREHOUSE_URL").write_text(f"postgresql://user:{password}@host/db")
    with pytest.raises(SettingsError, match=r"@ is written as %40") as caught:
        Settings.from_env(environ)
    assert "cr3t" not in str(caught.value)


def test_links_lead_to_dagster_as_people_reach_it_else_as_the_service_does() -> None:
    service, people = (
        {"BACKLOG_DAGSTER_URL": "http://webserver:3000/"},
        {"BACKLOG_DAGSTER_PUBLIC_URL": "https://dagster.acme/"},
    )
    found = [
        dagster_of_people(environ)
        for environ in (
            {},
            service,
            service | {"BACKLOG_DAGSTER_PUBLIC_URL": " "},
            service | people,
        )
    ]
    assert found == ["", "http://webserver:3000", "http://webserver:3000", "https://dagster.acme"]
    settings = Settings.from_env(service | people)
    assert (settings.dagster_url, settings.dagster_public_url) == (
        "http://webserver:3000",
        "https://dagster.acme",
    )
