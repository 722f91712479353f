"""Masking that is switched on later, and forgetting: whole dumps of both databases and all files of
the home are searched.
"""

import html
import re
import shutil
import subprocess
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest

from resources.warehouse.server import embedded
from simulator import Simulator, SpaceSpec
from tests.databases import home_of_its_own
from tests.integration.commands import Done, Shell
from tests.integration.dumps import dump, files

SMALL = SpaceSpec(seed=3, users=8, projects=2, issues=60, history_days=60)
KEY = {"BACKLOG_PRIVACY_KEY": "a key that comes later"}
#: Texts that nobody but the person has, so that no text of an issue has them by chance.
OLD_NAME, NAME, LOGIN = "Zaphod 旧姓", "Zaphod 新姓", "z.beeblebrox"
OLD_MAIL, MAIL = "zaphod@heart.test", "beeblebrox@heart.test"
#: How the person is called after being forgotten.
NEXT_NAME = "Zaphod 三番目"


@dataclass(frozen=True)
class Deployed:
    """A space and a home into which it was loaded, with marts."""

    sim: Simulator
    home: Path

    def run(self, *arguments: str, code: int = 0, more: Mapping[str, str] | None = None) -> Done:
        """Run a command, and expect how it ends."""
        variables = {
            "BACKLOG_URL": self.sim.url,
            "BACKLOG_API_KEY": self.sim.api_key,
            "BACKLOG_HISTORY_START": "2026-01",
            "BACKLOG_ELT_HOME": str(self.home),
        }
        done = Shell(self.home.parent, variables).run(*arguments, **(more or {}))
        assert done.code == code, done.text
        return done


@pytest.fixture(scope="module")
def lived_in() -> Iterator[Deployed]:
    """Return a space that was loaded and built without a key; its server has stopped.

    Somebody was renamed in between and got a new address.
    """
    with home_of_its_own("privacy") as home, Simulator(SMALL) as sim:
        made, space = Deployed(sim, home), sim.space
        someone = space.add_user(OLD_NAME, login=LOGIN, mail=OLD_MAIL)
        project = next(iter(space.projects.values()))
        space.add_member(project.key, someone.id)
        for _ in range(5):
            space.create_issue(
                project.key, by=someone.id, assignee_id=someone.id, due_date="2020-01-31"
            )
        first = min(project.issues)
        space.edit_issue(first, assignee_id=someone.id, by=space.administrator.id)
        space.edit_issue(first, assignee_id=space.administrator.id, by=someone.id)
        for name, mail in ((OLD_NAME, OLD_MAIL), (NAME, MAIL)):
            space.rename_user(someone.id, name)
            someone.mail = mail
            made.run("load")
            made.run("marts")
        (home / "logs").mkdir(exist_ok=True)
        (home / "logs" / "up.log").write_text(f"a line of {NAME}\n")
        embedded.stop(home)
        yield made


@pytest.fixture
def deployed(lived_in: Deployed) -> Iterator[Deployed]:
    """Return the space with a copy of its home."""
    # Beside it, where the server may read; with the owner of the data, who need not run the tests.
    home = lived_in.home.with_name("copy")
    subprocess.run(["cp", "-a", str(lived_in.home), str(home)], check=True)
    yield Deployed(lived_in.sim, home)
    embedded.stop(home)
    shutil.rmtree(home)


def words_of(sim: Simulator) -> set[str]:
    """Return every name, login and address that `/users` shows or has shown."""
    users = sim.space.users.values()
    return {OLD_NAME, OLD_MAIL} | {
        word for user in users for word in (user.name, user.login, user.mail, user.nulab_id) if word
    }


def found(home: Path, words: Collection[str]) -> dict[str, set[str]]:
    """Return place -> the words that stand there: in dumps of the databases, and in the other files
    of the home.
    """
    server = embedded.ensure_server(home)
    places = {
        "warehouse": dump(server.url(embedded.WAREHOUSE)),
        "Dagster's storage": dump(server.url(embedded.DAGSTER)),
        # Files of the database itself keep pages of rows that are gone until PostgreSQL writes over
        # them.
        "files": "\n".join(files(home, without="postgres/")),
        "log of the server": "\n".join(
            path.read_text() for path in (home / "postgres").glob("log*")
        ),
    }
    shown = {}
    for place, text in places.items():
        escaped = re.sub(r"\\+u([0-9a-f]{4})", lambda one: chr(int(one[1], 16)), text)
        every = "\n".join((text.replace("''", "'"), escaped, html.unescape(unquote(text))))
        # Letters first: few words stand there, and to look for a whole word takes twenty times
        # as long.
        shown[place] = {
            word
            for word in words
            if word in every and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", every)
        }
    return {place: some for place, some in shown.items() if some}


@pytest.mark.timeout(900)  # a dozen commands, each a process of its own
def test_after_the_documented_steps_no_dump_holds_a_name_login_or_address_of_before(
    deployed: Deployed,
) -> None:
    sim, home, run = deployed.sim, deployed.home, deployed.run
    words = words_of(sim)
    before = found(home, words)
    assert before["warehouse"] == words
    assert OLD_MAIL in before["warehouse"], "the history of users keeps it"
    assert before["Dagster's storage"], "charts show names"
    left = run("privacy", "status", code=1, more=KEY)
    for table in ("raw.users", "mart.dim_user", "Dagster's event_logs"):
        line = rf"^{re.escape(table)} +\d+ rows? +backlog-elt load --full$"
        assert re.search(line, left.out, re.MULTILINE), left.out
    assert found(home, words) == before, "to look changes nothing"
    run("load", "--full", more=KEY)
    left = run("privacy", "status", code=1, more=KEY)
    assert "load --full" not in left.out
    assert re.search(r"^mart\.issue +\d+ rows +backlog-elt marts --full$", left.out, re.MULTILINE)
    run("marts", "--full", more=KEY)
    assert found(home, words) == {}
    done = run("privacy", "status", more=KEY)
    assert "no table of the warehouse or of Dagster's storage shows them" in done.out
    assert "(BACKLOG_PRIVACY_KEY is not set)" in run("privacy", "status").out
    # A build without the key is found.
    run("load")
    run("marts")
    left = run("privacy", "status", code=1, more=KEY)
    assert "raw.users" in left.out
    assert "mart.dim_user" in left.out


@pytest.mark.timeout(900)
def test_who_is_forgotten_is_in_no_dump_and_no_file_whatever_their_next_name(
    deployed: Deployed,
) -> None:
    sim, home, run = deployed.sim, deployed.home, deployed.run
    space, someone = sim.space, next(u for u in sim.space.users.values() if u.name == NAME)
    mine = {OLD_NAME, NAME, LOGIN, OLD_MAIL, MAIL}
    embedded.ensure_server(home)
    with (home / "postgres" / "log").open("a") as file:
        file.write(f"of an older version: {NAME}\n")
    before = found(home, mine)
    assert before["warehouse"] == mine
    assert NAME in before["Dagster's storage"], "the chart of what is overdue shows it"
    assert before["files"] == before["log of the server"] == {NAME}
    unknown = run("forget", "--user", "4711", code=2)
    assert (unknown.out, len(unknown.lines)) == ("", 1)
    assert "--user is '4711'" in unknown.err
    forget = ("forget", "--user", str(someone.id))
    unasked = run(*forget, code=1).out
    assert f"Erase user {someone.id} ({NAME}, {LOGIN})" in unasked
    assert "raw.users" in run(*forget, "--yes").out, "nothing was erased unasked"
    assert found(home, mine) == {}
    done = run("privacy", "status")
    assert "1 forgotten: no table of the warehouse or of Dagster's storage shows them." in done.out
    # The person is renamed, and named by others.
    space.rename_user(someone.id, NEXT_NAME)
    first, second = sorted(next(iter(space.projects.values())).issues)[:2]
    for issue, assignee in ((first, someone), (second, someone), (second, space.administrator)):
        space.edit_issue(issue, assignee_id=assignee.id, by=space.administrator.id)
    said = [run(*words).text for words in (["load"], ["load", "--full"], ["marts", "--full"])]
    assert found(home, mine | {NEXT_NAME}) == {}
    again = run(*forget).text
    assert "was forgotten already" in again
    assert NEXT_NAME not in "\n".join([*said, again])
    others = words_of(sim) - mine - {NEXT_NAME}
    assert others & found(home, others)["warehouse"], "nobody else is forgotten"
