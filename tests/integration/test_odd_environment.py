"""What a shell has set for other programs changes nothing: loads and marts work, rows are exact."""

from pathlib import Path

from sqlalchemy import Engine, text

from resources.warehouse.server.connect import engine, parse_url
from simulator import Simulator
from tests.deployment import SMALL
from tests.integration.commands import Shell
from tests.integration.conftest import NewDatabase

#: Kanji, letters that SJIS, EUC-JP and LATIN1 cannot hold, and one beyond 16 bits.
TEXT = "鍵を回す ÿ 한 😀"
#: What the shell and the databases ask for; others: `tests/resources/warehouse/test_connect.py`.
ENCODING = "SJIS"
OF_DBT = {
    "DBT_TARGET_PATH": "/nowhere",
    "DBT_LOG_PATH": "/nowhere",
    "DBT_PROFILES_DIR": "/nowhere",
    "DBT_PROJECT_DIR": "/nowhere",
    "DBT_STATE": "/nowhere",
    "DBT_DEFER": "1",
    "DBT_EMPTY": "1",
    "DBT_FULL_REFRESH": "1",
    "DBT_WARN_ERROR": "1",
    "DBT_FAIL_FAST": "1",
    "DBT_INDIRECT_SELECTION": "nonsense",
    "DBT_TARGET": "nonsense",
}


def test_a_shell_with_variables_of_other_programs_loads_and_builds_exactly(
    shell: Shell, new_database: NewDatabase, tmp_path: Path
) -> None:
    warehouse, storage = new_database(), new_database()
    broken = tmp_path / "modules"
    for module in ("dbt", "agate"):  # as in a checkout that lies on the path of the shell
        (broken / module).mkdir(parents=True)
        (broken / module / "__init__.py").write_text("raise RuntimeError('of the shell')\n")
    variables = {"PGCLIENTENCODING": ENCODING, "PYTHONWARNINGS": "error", **OF_DBT}
    made = engine(warehouse)
    with made.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for url in (warehouse, storage):
            name = parse_url(url).database
            connection.execute(text(f"ALTER DATABASE {name} SET client_encoding = '{ENCODING}'"))
    with Simulator(SMALL) as sim:
        issue = min(sim.space.issues)
        sim.space.edit_issue(issue, summary=TEXT)
        space = {
            "BACKLOG_URL": sim.url,
            "BACKLOG_API_KEY": sim.api_key,
            "WAREHOUSE_URL": warehouse,
            "DAGSTER_POSTGRES_URL": storage,
            "BACKLOG_HISTORY_START": "2026-01",
        }
        shell.succeed("load", **space, **variables)
        shell.succeed("marts", **space, **variables, PYTHONPATH=str(broken))
        shell.succeed("verify", "--deep", **space, **variables)
    assert _summary(made, "raw.issues", issue) == _summary(made, "mart.issue", issue) == TEXT
    made.dispose()


def _summary(made: Engine, table: str, issue_id: int) -> object:
    column = "id" if table == "raw.issues" else "issue_id"
    with made.connect() as connection:
        query = text(f"SELECT summary FROM {table} WHERE {column} = :id")
        return connection.execute(query, {"id": issue_id}).scalar_one()
