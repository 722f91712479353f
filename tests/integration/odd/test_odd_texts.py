"""A source whose names and errors act on who reads them, or have no end: people get text of it."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from sqlalchemy import text

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient
from resources.warehouse.server.connect import engine
from simulator import Simulator, SpaceSpec
from tests.integration.commands import Shell
from tests.integration.conftest import NewDatabase
from tests.integration.odd.answers import Answer
from tests.integration.odd.mutations import Mutation
from tests.integration.odd.proxy import Proxy
from tests.unsafe import EVIL, IMAGE, unsafe

SPEC = SpaceSpec(seed=3, users=5, projects=2, issues=24, history_days=90)
NAMES = f"{IMAGE} {EVIL}"
ENDLESS = f"{EVIL} {'long ' * 100_000}"
#: Bytes of a line that quotes an error: 2 kB of it, and what stands before it.
LONGEST = 2_300


def refusal(message: str) -> Mutation:
    """Return what makes of every answer to `/issues/count` an error with a text."""

    def refused(_rng: object, answer: Answer) -> Answer:
        body = {"errors": [{"message": message, "code": 5, "moreInfo": ""}]}
        return Answer(403, answer.headers, b"").with_json(body)

    return Mutation("/issues/count", "refused", refused, 0, always=True)


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(SPEC) as made:
        space = made.space
        for user in list(space.users):
            space.rename_user(user, NAMES)
        space.rename_project("OPS", name=NAMES)
        space.add_category("OPS", NAMES)
        space.add_version("OPS", NAMES)
        space.add_status("OPS", NAMES)
        space.rename_issue_type("OPS", min(space.project("OPS").issue_types), NAMES)
        for issue in list(space.issues):
            space.edit_issue(issue, summary=NAMES)
            space.comment(issue, NAMES)
        yield made


def odd(lines: Iterable[str]) -> list[str]:
    """Return the lines that are more than text, longer than they may be, or forged."""
    return [
        line[:200]
        for line in lines
        if unsafe(line) or len(line.encode()) > LONGEST or line.startswith("Error: forged")
    ]


def more_than_text(markdown: str) -> bool:
    """Whether Markdown makes more than text or code of it, but for the picture that a chart holds
    itself.
    """
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    found = [child for token in tokens for child in token.children or []]
    kinds = {
        child.type for child in found if not str(child.attrs.get("src", "")).startswith("data:")
    }
    return not kinds <= {"text", "text_special", "code_inline"}


@pytest.mark.long
@pytest.mark.timeout(600)
def test_names_and_errors_of_a_source_reach_people_as_text(
    sim: Simulator, new_database: NewDatabase, tmp_path: Path
) -> None:
    warehouse_url, dagster_url = new_database(), new_database()
    with Proxy(sim.url) as proxy:
        shell = Shell(
            tmp_path,
            {
                "BACKLOG_ELT_HOME": str(tmp_path / "home"),
                "BACKLOG_URL": proxy.url,
                "BACKLOG_API_KEY": sim.api_key,
                "BACKLOG_HISTORY_START": "2026-01",
                "WAREHOUSE_URL": warehouse_url,
                "DAGSTER_POSTGRES_URL": dagster_url,
            },
        )
        loaded = shell.succeed("load")
        warehouse = engine(warehouse_url)
        with warehouse.begin() as connection:
            stored = set(connection.execute(text("SELECT name FROM raw.users")).scalars())
            assert stored == {NAMES}, "a table keeps what the source says"
            connection.execute(text("UPDATE raw.issues SET summary = summary || 'x'"))
        person = shell.run("forget", "--user", str(min(sim.space.users)))
        compared = shell.run("verify", "--deep")
        built, report = shell.succeed("marts"), shell.succeed("report")
        assert "summary=" in compared.out
        proxy.spoil([refusal(ENDLESS)])
        failed = shell.run("--debug", "load", "--json", BACKLOG_LOG_FORMAT="json")
        status, alerts = shell.run("status"), shell.run("alerts")
        assert (failed.code, status.code) == (1, 0)
    assert "bytes left out" in failed.err + status.out
    for done in (loaded, person, compared, built, report, alerts):
        assert done.text
        assert odd(done.text.splitlines()) == []
    assert odd([*failed.lines, *json.loads(failed.out)["errors"]]) == []
    # The table of the last syncs is longer.
    assert unsafe(status.out.replace("\n", "")) == []
    page = (tmp_path / "backlog-report.html").read_text()
    assert unsafe(re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)) == []
    storage = engine(dagster_url)
    with warehouse.connect() as connection, storage.connect() as kept:
        noted = connection.exec_driver_sql(
            "SELECT error FROM ops.sync_history WHERE error IS NOT NULL"
        ).scalars()
        assert odd(said := [*noted]) == []
        assert said
        events = kept.exec_driver_sql("SELECT event FROM event_logs").scalars().all()
    for one in (warehouse, storage):
        one.dispose()
    written = [
        json.loads(found)
        for event in events
        for found in re.findall(r'"md_str": ("(?:[^"\\]|\\.)*")', event)
    ]
    assert any("evil" in one for one in written)
    assert [one[:200] for one in written if more_than_text(one)] == []
    assert max(len(event) for event in events) < 100_000


def test_a_cookie_that_cannot_be_sent_back_ends_nothing() -> None:
    def with_cookie(_rng: object, answer: Answer) -> Answer:
        return answer.with_header("Set-Cookie", "\u00e9")

    with Simulator(SPEC) as sim, Proxy(sim.url) as proxy:
        proxy.spoil([Mutation("/users", "cookie", with_cookie, 0, always=True)])
        with BacklogClient(proxy.url, ApiKeyQuery(sim.api_key)) as client:
            assert client.users() == client.users() != []
