"""TLS to PostgreSQL: the warehouse, Dagster's storage and dbt all check the server when the URL
says so.
"""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import URL

from assets.marts.manifest import DBT_COMMAND, FOLDER, dbt_environment
from resources.warehouse.server.connect import engine, parse_url
from resources.warehouse.warehouse_errors import WarehouseError
from tests.integration.commands import Shell
from tests.integration.conftest import PASSWORD, NewDatabase
from tests.tls import Authority, Front, tls_before

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Secured:
    """Two databases behind TLS, the authority that signed the server's certificate, and one that
    did not.
    """

    front: Front
    warehouse: URL
    dagster: URL
    authority: Authority
    stranger: Authority


@pytest.fixture(scope="module")
def secured(
    new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Secured]:
    """Serve two fresh databases with TLS, as the host `localhost`."""
    folder = tmp_path_factory.mktemp("tls")
    authority, stranger = Authority(folder, "our authority"), Authority(folder, "a stranger")
    warehouse, dagster = parse_url(new_database()), parse_url(new_database())
    with tls_before(warehouse, *authority.server("localhost")) as front:
        yield Secured(front, warehouse, dagster, authority, stranger)


def checked(secured: Secured, authority: Authority, database: URL, host: str = "localhost") -> str:
    """Return a URL by which the client checks who the server is."""
    return secured.front.url(database, host, sslmode="verify-full", sslrootcert=str(authority.file))


def test_the_warehouse_dagster_and_dbt_reach_a_server_that_is_checked(
    secured: Secured, shell: Shell
) -> None:
    urls = {
        "WAREHOUSE_URL": checked(secured, secured.authority, secured.warehouse),
        "DAGSTER_POSTGRES_URL": checked(secured, secured.authority, secured.dagster),
    }
    shell.succeed("migrate", **urls)
    before = secured.front.secure
    made = engine(urls["WAREHOUSE_URL"])
    paths = [
        "--project-dir",
        str(FOLDER),
        "--profiles-dir",
        str(FOLDER),
        "--log-path",
        str(shell.folder),
    ]
    with dbt_environment(made, "debug"):
        asked = subprocess.run(
            [DBT_COMMAND, "debug", "--connection", *paths],
            capture_output=True,
            text=True,
            check=False,
        )
    made.dispose()
    assert asked.returncode == 0, asked.stdout
    assert secured.front.secure > before
    assert secured.front.plain == 0


@pytest.mark.parametrize(("who", "host"), [("stranger", "localhost"), ("authority", "127.0.0.1")])
def test_a_server_that_is_not_who_it_should_be_is_refused_in_one_line(
    secured: Secured, shell: Shell, who: str, host: str
) -> None:
    wrong = checked(secured, getattr(secured, who), secured.warehouse, host)
    made = engine(wrong)
    with pytest.raises(WarehouseError, match="set sslrootcert in WAREHOUSE_URL"), made.connect():
        pass
    made.dispose()
    right = checked(secured, secured.authority, secured.warehouse)
    done = shell.run(
        "load", BACKLOG_URL="simulated", WAREHOUSE_URL=right, DAGSTER_POSTGRES_URL=wrong
    )
    assert (done.code, len(done.lines)) == (1, 1)
    assert "Dagster's storage: " in done.err
    assert "sslrootcert in DAGSTER_POSTGRES_URL" in done.err
    assert PASSWORD not in done.err
