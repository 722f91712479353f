"""A key and `backlog-elt forget` as somebody at a shell has them: loads with a key, a question, and what was erased.

Add here: another way in which the commands meet people. Keep out: what is in which row afterwards (`tests/assets/test_privacy.py`).
"""

import json
import re
from pathlib import Path

from sqlalchemy import create_engine

from resources.simulator import Simulator, SpaceSpec
from resources.warehouse.connect import parse_url
from tests.integration.commands import Shell
from tests.integration.conftest import NewDatabase

TINY = SpaceSpec(seed=3, users=4, projects=1, issues=10, history_days=40)
KEY = "a key in a file, of 20+"


def test_a_load_masks_by_the_key_and_forget_asks_and_tells_what_it_erased(
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
                return str(conn.exec_driver_sql(f"SELECT {column} FROM raw.users WHERE id = %(id)s", {"id": user}).scalar_one())

        def name() -> str:
            return known("name")

        def login() -> str:
            return known("user_id")

        plain = shell.run("load", "--json", **variables)
        assert plain.code == 0, plain.err
        assert name() == sim.space.users[user].name
        masked = shell.run("--debug", "load", "--full", "--json", **variables, BACKLOG_PRIVACY_KEY_FILE=str(file))
        assert json.loads(masked.out)["status"] == "completed"
        assert name().startswith("user-")
        assert KEY not in masked.text
        unasked = shell.run("forget", "--user", str(user), **variables)
        asked = f"Erase user {user} ({name()}, {login()}) from the warehouse of acme? This cannot be taken back [y/N]:"
        assert (unasked.code, unasked.out[: len(asked)]) == (1, asked)
        assert name().startswith("user-")
        unknown = shell.run("forget", "--user", "4711", **variables)
        assert (unknown.code, unknown.out, len(unknown.lines)) == (2, "", 1)
        assert "--user is '4711': expected the id of a user of acme" in unknown.err
        done = shell.run("forget", "--user", str(user), "--yes", **variables, BACKLOG_PRIVACY_KEY_FILE=str(file))
        assert done.code == 0, done.err
        assert "raw.users" in done.out
        assert done.out.splitlines()[-1] == f"User {user} is forgotten: forgotten-{user} stands in place of names and addresses."
        assert name() == f"forgotten-{user}"
        again = shell.run("forget", "--user", str(user), **variables)
        assert (again.code, again.err) == (0, "")
        assert re.fullmatch(rf"User {user} was forgotten already, on \d{{4}}-\d\d-\d\d: nothing was changed.\n", again.out)
        engine.dispose()
