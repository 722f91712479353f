"""`backlog-elt grant` as at a shell: what it prints, and where the password does not appear."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.warehouse.server.connect import engine, parse_url
from tests.integration.commands import Shell
from tests.integration.conftest import PASSWORD, NewDatabase


@pytest.fixture
def role(postgres_url: str) -> Iterator[str]:
    """Return a name that no role has; the role is dropped after the test, its database must be gone
    or dropped by then.
    """
    name = f"bi_{uuid.uuid4().hex[:12]}"
    yield name
    made = engine(postgres_url)
    with made.begin() as conn:
        conn.exec_driver_sql(f"DROP ROLE IF EXISTS {name}")
    made.dispose()


def test_the_command_prints_how_to_connect_and_keeps_the_password_to_itself(
    shell: Shell, role: str, new_database: NewDatabase, tmp_path: Path
) -> None:
    databases = {"WAREHOUSE_URL": new_database(), "DAGSTER_POSTGRES_URL": new_database()}
    first = shell.succeed("--debug", "grant", "bi", "--role", role, **databases)
    said = dict(line.split(maxsplit=1) for line in first.out.splitlines())
    assert said["role"] == f"{role} (created)"
    assert said["schema"] == "mart"
    password = said["password"].removesuffix(" (shown this once)")
    assert len(password) >= 32
    assert password not in first.err
    assert PASSWORD not in first.text
    given = tmp_path / "password"
    given.write_text("given-by-a-file\n")
    changed = shell.run(
        "--debug", "grant", "bi", "--role", role, **databases, BACKLOG_BI_PASSWORD_FILE=str(given)
    )
    assert "given-by-a-file" not in changed.text
    reader = engine(said["url"].replace(f"{role}@", f"{role}:given-by-a-file@"))
    with reader.connect() as conn:
        assert conn.exec_driver_sql("SHOW search_path").scalar_one() == "mart"
    reader.dispose()
    owner = engine(parse_url(databases["WAREHOUSE_URL"]).render_as_string(hide_password=False))
    with owner.begin() as conn:
        conn.exec_driver_sql(f"DROP OWNED BY {role}")
    owner.dispose()
