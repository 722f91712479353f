"""`backlog-elt load` from a source whose answers or lists have no end: a line, and no more memory
than for any other.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from simulator import Simulator, SpaceSpec
from tests.flooding import FLOODS
from tests.integration.commands import Shell, end
from tests.integration.conftest import NewDatabase
from tests.integration.odd.answers import Answer
from tests.integration.odd.proxy import Proxy

MOST_MEGABYTES = 300
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass
class Peak:
    """The most memory that a process had, in MB, as far as it was looked at."""

    megabytes: float = 0.0


class EndlessIssues(Proxy):
    """Makes up a page of issues at each offset, after the first one that the space has.

    It refuses their comments. Of an archived project that is no error: three in a row, and no more
    are asked for.
    """

    model: dict[str, Any] | None = None

    def spoilt(self, path: str, answer: Answer) -> Answer:
        parts = urlsplit(path)
        if parts.path.endswith("/comments"):
            refusal = {"errors": [{"message": "refused", "code": 5, "moreInfo": ""}]}
            return Answer(403, answer.headers, b"").with_json(refusal)
        if parts.path != "/api/v2/issues":
            return answer
        found = json.loads(answer.body)
        self.model = self.model or found[0]
        offset = int(parse_qs(parts.query)["offset"][0])
        return answer.with_json([self.made_up(number) for number in range(offset, offset + 100)])

    def made_up(self, number: int) -> dict[str, Any]:
        """Return an issue, the same at each request."""
        assert self.model
        at = f"{BEGIN + timedelta(seconds=number):%Y-%m-%dT%H:%M:%SZ}"
        return {**self.model, "id": 10**9 + number, "keyId": number, "created": at, "updated": at}


@contextmanager
def watched(pid: int) -> Iterator[Peak]:
    """Look at the peak of a process's memory until the block ends; its own, since what it was
    forked from has one, too.
    """
    peak, ended = Peak(), Event()

    def look() -> None:
        while not ended.wait(0.02):
            with suppress(OSError):
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                kilobytes = next(
                    (line.split()[1] for line in lines if line.startswith("VmHWM")), "0"
                )
                peak.megabytes = max(peak.megabytes, int(kilobytes) / 1_000)

    looking = Thread(target=look)
    looking.start()
    try:
        yield peak
    finally:
        ended.set()
        looking.join()


class EndlessBody(Proxy):
    """Answers the lists of issues with a body without end."""

    def spoilt(self, path: str, answer: Answer) -> Answer:
        of_issues = urlsplit(path).path == "/api/v2/issues"
        return answer.with_flood(FLOODS["gzip"]) if of_issues else answer


@pytest.mark.parametrize(
    ("source", "said"),
    [(EndlessBody, "GET /issues.*BACKLOG_"), (EndlessIssues, "the list does not end")],
)
def test_an_answer_or_a_list_without_end_is_one_line_and_little_memory(
    shell: Shell, new_database: NewDatabase, source: type[Proxy], said: str
) -> None:
    spec = SpaceSpec(seed=3, users=4, projects=1, issues=30, history_days=60)
    with Simulator(spec) as sim, source(sim.url) as endless:
        for project in sim.space.projects.values():
            sim.space.archive_project(project.key)
        process = shell.start(
            "load",
            "--no-progress",
            BACKLOG_URL=endless.url,
            BACKLOG_API_KEY=sim.api_key,
            WAREHOUSE_URL=new_database(),
            DAGSTER_POSTGRES_URL=new_database(),
        )
        with watched(process.pid) as peak:
            done = end(process)
    assert done.code == 1
    assert any(re.search(said, line) for line in done.lines), done.text
    assert "Traceback" not in done.text
    assert 0 < peak.megabytes <= MOST_MEGABYTES
