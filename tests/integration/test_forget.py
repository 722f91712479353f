"""A key and `backlog-elt forget` as at a shell: loads with a key, the question, and what was
erased.
"""

import json
import re
import shutil
import tempfile
from contextlib import closing
from pathlib import Path

import psycopg2
from sqlalchemy import create_engine

from resources.warehouse.server import embedded
from resources.warehouse.server.connect import parse_url
from simulator import Simulator, SpaceSpec
from tests.integration.commands import Shell
from tests.integration.conftest import NewDatabase

TINY = SpaceSpec(seed=3, users=4, projects=1, issues=10, history_days=40)
KEY = "a key in a file, of 20+"


def test_a_load_masks_with_the_key_and_forget_asks_and_shows_what_it_erased(
    shell: Shell, new_database: NewDatabase, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    with Simulator(TINY) as sim:
        variables = {
            "BACKLOG_URL": sim.url,
            "BACKLOG_API_KEY": sim.api_key,
            "WAREHOUSE_URL": new_database(),
            "DAGSTER_POSTGRES_URL": new_database(),
            "BACKLOG_HISTORY_START": "2026-01",
        }
        user = max(user.id for user in sim.space.users.values() if user.login)
        engine = create_engine(parse_url(variables["WAREHOUSE_URL"]))

        def known(column: str) -> str:
            with engine.connect() as conn:
                return str(
                    conn.exec_driver_sql(
                        f"SELECT {column} FROM raw.users WHERE id = %(id)s", {"id": user}
                    ).scalar_one()
                )

        def name() -> str:
            return known("name")

        def login() -> str:
            return known("user_id")

        plain = shell.run("load", "--json", **variables)
        assert plain.code == 0, plain.err
        assert name() == sim.space.users[user].name
        masked = shell.run(
            "--debug", "load", "--full", "--json", **variables, BACKLOG_PRIVACY_KEY_FILE=str(file)
        )
        assert json.loads(masked.out)["status"] == "completed"
        assert name().startswith("user-")
        assert KEY not in masked.text
        unasked = shell.run("forget", "--user", str(user), **variables)
        asked = (
            f"Erase user {user} ({name()}, {login()}) from the warehouse of acme? "
            "This cannot be undone [y/N]:"
        )
        assert (unasked.code, unasked.out[: len(asked)]) == (1, asked)
        assert name().startswith("user-")
        unknown = shell.run("forget", "--user", "4711", **variables)
        assert (unknown.code, unknown.out, len(unknown.lines)) == (2, "", 1)
        assert "--user is '4711': expected the id of a user of acme" in unknown.err
        done = shell.run(
            "forget", "--user", str(user), "--yes", **variables, BACKLOG_PRIVACY_KEY_FILE=str(file)
        )
        assert done.code == 0, done.err
        assert "raw.users" in done.out
        assert (
            done.out.splitlines()[-1]
            == f"User {user} is forgotten: forgotten-{user} replaces names and addresses."
        )
        assert name() == f"forgotten-{user}"
        again = shell.run("forget", "--user", str(user), **variables)
        assert (again.code, again.err) == (0, "")
        assert re.fullmatch(
            rf"User {user} was forgotten already, on \d{{4}}-\d\d-\d\d: nothing was changed.\n",
            again.out,
        )
        engine.dispose()


NEW_NAME = "Ford 新姓"


def everything(home: Path) -> str:
    """Return every row of every table of the embedded server's databases, and its log."""
    server, rows = embedded.ensure_server(home), list[str]()
    for database in (embedded.WAREHOUSE, embedded.DAGSTER):
        with (
            closing(psycopg2.connect(server.url(database))) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname "
                "!~ '^(pg_|information_)'"
            )
            for [table] in cursor.fetchall():
                cursor.execute(f"SELECT t::text FROM {table} AS t")
                rows += [row for [row] in cursor.fetchall()]
    return "\n".join(rows) + log(home)


def log(home: Path) -> str:
    """Return what the embedded server has logged."""
    return "".join(file.read_text() for file in sorted((home / "postgres").glob("log*")))


def names(text: str, *shown: str) -> list[str]:
    """Return those of some names that a text shows, as they are or escaped by JSON once or
    twice.
    """
    forms = {
        name: {name, (once := json.dumps(name)[1:-1]), once.replace("\\", "\\\\")} for name in shown
    }
    return [name for name in shown if any(form in text for form in forms[name])]


def test_a_person_renamed_after_being_forgotten_is_not_even_in_the_servers_log(
    shell: Shell,
) -> None:
    # Not under pytest's folders: they are for one user only, and the server of root runs as
    # another.
    home = Path(tempfile.mkdtemp(prefix="backlog-elt-forget-"))
    try:
        with Simulator(TINY) as sim:
            space = sim.space
            someone = max(user.id for user in space.users.values() if user.login)
            other = min(space.users)
            old_name = space.users[someone].name
            first, second, *odd = list(space.issues)[-4:]
            for issue in odd:
                said = f"as {old_name} said"
                space.issues[issue].estimated_hours = said  # type: ignore[assignment]
            variables = {
                "BACKLOG_URL": sim.url,
                "BACKLOG_API_KEY": sim.api_key,
                "BACKLOG_HISTORY_START": "2026-01",
            }
            variables["BACKLOG_ELT_HOME"] = str(home)

            def run(*arguments: str) -> str:
                done = shell.run(*arguments, **variables)
                assert done.code == 0, done.text
                return done.out

            loaded = json.loads(run("load", "--json"))
            assert loaded["tables"]["issues"]["rejected"] == 2
            assert names(log(home), *(user.name for user in space.users.values())) == [], (
                "records were refused"
            )
            assert names(everything(home), old_name) == [old_name]
            with (home / "postgres" / "log").open("a") as file:
                file.write(f"of an older version: {old_name}\n")
            run("forget", "--user", str(someone), "--yes")
            assert names(log(home), old_name) == []
            space.rename_user(someone, NEW_NAME)
            space.edit_issue(first, assignee_id=someone, by=other)
            space.edit_issue(second, assignee_id=someone, by=other)
            space.edit_issue(second, assignee_id=other, by=other)
            for arguments in (["load"], ["load", "--full"], ["forget", "--user", str(someone)]):
                said = run(*arguments)
                assert names(everything(home) + said, NEW_NAME) == []
            assert f"User {someone} was forgotten already" in said
    finally:
        embedded.stop(home)
        shutil.rmtree(home)
