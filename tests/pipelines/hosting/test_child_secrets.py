"""What a process of `up` has in its environment."""

import os

import pytest
from sqlalchemy import create_engine

from assets.marts.manifest import dbt_environment
from pipelines.hosting.children import NEEDED
from resources.variables import DAGSTER_POSTGRES_URL, FILE, SECRETS, without_secrets

ALL = {name: f"the {name}" for name in (*SECRETS, *(secret + FILE for secret in SECRETS))} | {
    "BACKLOG_URL": "https://acme.test"
}


def test_a_process_gets_the_secrets_that_it_needs_also_as_files_and_all_that_is_none() -> None:
    assert without_secrets(ALL) == {"BACKLOG_URL": "https://acme.test"}
    for needed in NEEDED.values():
        given = without_secrets(ALL, needed).keys() - {"BACKLOG_URL"}
        assert given == {*needed, *(name + FILE for name in needed)}


def test_the_webserver_and_the_daemon_know_nothing_of_the_space() -> None:
    for name in ("webserver", "daemon"):
        assert NEEDED[f"pipelines.hosting.{name}"] == {DAGSTER_POSTGRES_URL}


#: What changes dbt, Python or what a session says, as a shell may have it.
CHANGING = {
    "DBT_TARGET_PATH": "/nowhere",
    "DBT_FULL_REFRESH": "1",
    "DBT_ENV_SECRET_TOKEN": "t0ken",
    "PYTHONPATH": "/nowhere",
    "PYTHONWARNINGS": "error",
    "PGCLIENTENCODING": "SJIS",
    "BACKLOG_DBT_DBNAME": "another",
}


def test_dbt_knows_the_way_to_the_warehouse_and_nothing_of_who_starts_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (ALL | CHANGING).items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    with dbt_environment(
        create_engine("postgresql+psycopg2://loader:s3cr3t@db.test/warehouse"),
        "backlog-elt build 1",
    ):
        during = dict(os.environ)
    assert dict(os.environ) == before
    assert not {*SECRETS} & {name.removesuffix(FILE) for name in during}
    assert (during["BACKLOG_DBT_HOST"], during["BACKLOG_DBT_DBNAME"]) == ("db.test", "warehouse")
    assert during["PGAPPNAME"] == "backlog-elt build 1"
    changing = [name for name in during if name.startswith(("DBT_", "PYTHON", "PGCLIENT"))]
    assert {name: during[name] for name in changing} == {
        "DBT_ENV_SECRET_WAREHOUSE_PASSWORD": "s3cr3t",
        "PYTHONUTF8": "1",
        "PGCLIENTENCODING": "UTF8",
    }
