"""A key and `backlog-elt forget` as at a shell: loads with a key, the question, and what was
erased.
"""

import json
import re
from pathlib import Path

from sqlalchemy import create_engine

from resources.warehouse.connect import parse_url
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

        def shown() -> tuple[str, str]:
            """Return the name and the login of the user in the warehouse."""
            query = "SELECT name, user_id FROM raw.users WHERE id = %(id)s"
            with engine.connect() as conn:
                name, login = conn.exec_driver_sql(query, {"id": user}).one()
            return name, login

        shell.succeed("load", "--json", **variables)
        assert shown()[0] == sim.space.users[user].name
        masked = shell.run(
            "--debug", "load", "--full", "--json", **variables, BACKLOG_PRIVACY_KEY_FILE=str(file)
        )
        assert json.loads(masked.out)["status"] == "completed"
        assert KEY not in masked.text
        name, login = masked_as = shown()
        assert name.startswith("user-")
        unasked = shell.run("forget", "--user", str(user), **variables)
        asked = (
            f"Erase user {user} ({name}, {login}) from the warehouse of acme? "
            "This cannot be undone [y/N]:"
        )
        assert (unasked.code, unasked.out[: len(asked)]) == (1, asked)
        assert shown() == masked_as
        unknown = shell.run("forget", "--user", "4711", **variables)
        assert (unknown.code, unknown.out, len(unknown.lines)) == (2, "", 1)
        assert "--user is '4711': expected the id of a user of acme" in unknown.err
        done = shell.succeed(
            "forget", "--user", str(user), "--yes", **variables, BACKLOG_PRIVACY_KEY_FILE=str(file)
        )
        assert "raw.users" in done.out
        assert (
            done.out.splitlines()[-1]
            == f"User {user} is forgotten: forgotten-{user} replaces names and addresses."
        )
        assert shown()[0] == f"forgotten-{user}"
        again = shell.run("forget", "--user", str(user), **variables)
        assert (again.code, again.err) == (0, "")
        assert re.fullmatch(
            rf"User {user} was forgotten already, on \d{{4}}-\d\d-\d\d: nothing was changed.\n",
            again.out,
        )
        engine.dispose()
