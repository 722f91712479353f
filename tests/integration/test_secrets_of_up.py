"""Every secret of a deployment is a text that can be searched for, and a whole `up` is looked
through while commands run beside it.

Searched are: what commands and the terminal say, files of the home, command lines, answers of the
service and of Dagster, dumps of both databases. The environment of each process has the secrets
that it needs, and no others.
"""

import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest
from cryptography.fernet import Fernet

from pipelines.hosting.children import NEEDED
from resources.variables import (
    ALERT_SLACK_URL,
    ALERT_TEAMS_URL,
    ALERT_URLS,
    API_KEY,
    CLIENT_SECRET,
    DAGSTER_POSTGRES_URL,
    SECRETS,
    SERVICE_TOKEN,
    TOKEN_KEY,
    WAREHOUSE_URL,
    WEBHOOK_SECRET,
)
from simulator import Simulator, SpaceSpec
from tests.all_secrets import MAIL, secret_of, variables
from tests.integration.commands import TIMEOUT_SECONDS, Shell
from tests.integration.compose import wait_until
from tests.integration.conftest import PASSWORD, NewDatabase
from tests.integration.dumps import dump, files
from tests.ports import free_port
from tests.sinks import WebhookSink

pytestmark = pytest.mark.long

SPEC = SpaceSpec(seed=3, users=2, projects=1, issues=5, history_days=240)
#: The first load, the marts and the report of an `up` on a machine whose cores are busy.
PATIENCE_SECONDS = 240.0
API = "api/v1/sync"
PLACE = {"repositoryLocationName": "backlog_elt", "repositoryName": "__repository__"}
#: All that Dagster tells of itself, of the definitions and of runs.
QUERIES = {
    (
        "{ instance { info daemonHealth { allDaemonStatuses { lastHeartbeatErrors "
        "{ message stack } } } } }"
    ): {},
    """query($place: RepositorySelector!) {
        allTopLevelResourceDetailsOrError(repositorySelector: $place) {
        ... on ResourceDetailsList {
        results { name configuredValues { key value type } } } } }""": {"place": PLACE},
    """{ runsOrError { ... on Runs { results { runId runConfigYaml tags { key value }
        eventConnection { events {
        ... on MessageEvent { message }
        ... on ErrorEvent { error { message stack } } } } } } } }""": {},
    """{ workspaceOrError { ... on Workspace { locationEntries {
        displayMetadata { key value } locationOrLoadError {
        ... on PythonError { message stack } } } } } }""": {},
}


class Watch:
    """What is seen of the processes below one: variables that hold secrets, by what they run, and
    command lines.
    """

    def __init__(self, top: psutil.Process) -> None:
        self._top = top
        self.secrets: dict[str, set[str]] = {}
        self.commands: set[str] = set()

    def look(self) -> None:
        """Look at all of them; what runs shortly is seen when somebody looks often."""
        for process in self._top.children(recursive=True):
            with suppress(psutil.Error):
                words = process.cmdline()
                held = {
                    name.removesuffix("_FILE") for name, value in process.environ().items() if value
                } & {*SECRETS}
                self.commands.add(" ".join(words))
                self.secrets.setdefault(self._kind(words), set()).update(held)

    @staticmethod
    def _kind(words: list[str]) -> str:
        """Return the module of a child of `up`; what is below the code server is `dagster`, but
        dbt.
        """
        if any(Path(word).name == "dbt" for word in words[:2]):
            return "dbt"
        return (
            words[words.index("pipelines.hosting.child") + 1]
            if "pipelines.hosting.child" in words
            else "dagster"
        )


def values(
    sim: Simulator, sink: WebhookSink, new_database: NewDatabase
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the variables of a deployment with all secrets, and what to search for, by the
    variable.
    """
    token_key = Fernet.generate_key().decode()
    given = variables(
        **{
            API_KEY: sim.api_key,
            TOKEN_KEY: token_key,
            WAREHOUSE_URL: new_database(),
            DAGSTER_POSTGRES_URL: new_database(),
            ALERT_SLACK_URL: f"{sink.url}/{{}}",
            ALERT_TEAMS_URL: f"{sink.url}/{{}}",
            ALERT_URLS: f"json://{sink.url.removeprefix('http://')}/{{}}",
        }
    )
    del given[CLIENT_SECRET]
    marks = {name: secret_of(name) for name in given} | {
        API_KEY: sim.api_key,
        TOKEN_KEY: token_key,
        **{
            name: httpx.URL(given[name]).password or PASSWORD
            for name in (WAREHOUSE_URL, DAGSTER_POSTGRES_URL)
        },
    }
    space = {"BACKLOG_URL": sim.url, "BACKLOG_HISTORY_START": "2026-01"}
    return {**given, **MAIL, **space}, marks


def commands(shell: Shell) -> Iterator[str]:
    """Yield what commands say beside a running `up`, good ones and such that fail, at DEBUG."""
    for line in ("status", "status --json", "alerts --test", "forget --user 7 --yes", "logout"):
        yield shell.run("--debug", *line.split()).text


def answers(url: str, service: str, given: Mapping[str, str]) -> Iterator[str]:
    """Yield what the service and Dagster answer."""
    token = {"Authorization": f"Bearer {given[SERVICE_TOKEN]}"}
    paths = (
        "",
        "healthz",
        "metrics",
        "openapi.json",
        *(f"{API}/{one}" for one in ("connection/status", "monitor/stats", "history")),
    )
    for path in paths:
        for headers in (token, {}):
            answer = httpx.get(f"{service}/{path}", headers=headers, timeout=TIMEOUT_SECONDS)
            yield f"{answer.headers} {answer.text}"
    yield httpx.post(
        f"{service}/webhooks/backlog/{given[WEBHOOK_SECRET]}",
        json={"id": 1},
        timeout=TIMEOUT_SECONDS,
    ).text
    for query, more in QUERIES.items():
        answer = httpx.post(
            f"{url}/graphql", json={"query": query, "variables": more}, timeout=TIMEOUT_SECONDS
        )
        assert "errors" not in answer.json(), answer.text[:2_000]
        yield answer.text


@pytest.mark.timeout(
    600
)  # the first load, the marts and the report, beside all else that a busy machine does
def test_no_secret_is_found_and_no_process_has_one_that_it_does_not_need(
    tmp_path: Path, new_database: NewDatabase
) -> None:
    with Simulator(SPEC) as sim, WebhookSink() as sink:
        given, marks = values(sim, sink, new_database)
        # All that its processes log, requests included, is in a file of the home.
        shell = Shell(
            tmp_path,
            {**given, "BACKLOG_ELT_HOME": str(tmp_path / "home"), "BACKLOG_LOG_LEVEL": "DEBUG"},
        )
        port, service_port = free_port(), free_port()
        terminal = shell.on_terminal("up", "--port", str(port), "--service-port", str(service_port))
        watch = Watch(psutil.Process(terminal.process.pid))
        try:

            def loaded() -> bool:
                watch.look()
                return "  loaded: " in terminal.written or terminal.process.poll() is not None

            wait_until(loaded, f"not loaded: {terminal.written}", PATIENCE_SECONDS, pause=0.5)
            said = [
                *commands(shell),
                *answers(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{service_port}", given),
            ]
        finally:
            terminal.process.send_signal(signal.SIGTERM)
            terminal.process.wait(TIMEOUT_SECONDS)
        found = {
            "said": "\n".join([*said, terminal.written]),
            "command lines": "\n".join(watch.commands),
            "files": "\n".join(files(tmp_path)),
            "warehouse": dump(given[WAREHOUSE_URL]),
            "Dagster's storage": dump(given[DAGSTER_POSTGRES_URL]),
        }
    assert "  loaded: " in terminal.written, terminal.written
    assert "backlog_elt.requests" in found["files"], "no request was logged"
    assert "BACKLOG_API_KEY" in found["said"], "Dagster tells the names of variables"
    assert len(sink.received) >= 2, "the channels were tried"
    assert [
        (name, place)
        for name, mark in marks.items()
        for place, text in found.items()
        if mark in text
    ] == []
    watch.secrets.pop(
        "dbt", None
    )  # of the marts, which may begin meanwhile: `tests/pipelines/hosting/test_child_secrets.py`
    assert watch.secrets == {kind: needed & {*marks} for kind, needed in NEEDED.items()}
    assert json.dumps(sink.received).count("s3cr3t-of-") == len(sink.received), (
        "only the channels have the addresses"
    )
