"""What a container engine would run, as processes: two spaces in one Dagster on one PostgreSQL, by the commands of compose.yaml.

Add here: what only processes apart can show. Keep out: the files of `deploy` as such (`tests/deploy`), workers (`test_celery.py`).
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from assets.failed_partitions import TABLES
from assets.partitions import RANGE_END_TAG, RANGE_START_TAG
from pipelines.retrying import RETRY_JOB
from resources.simulator import Fault, Simulator, SpaceSpec
from tests.integration.compose import Engine, engine, stored_issues, wait_until
from tests.integration.conftest import NewDatabase
from tests.sinks import MailSink, WebhookSink

pytestmark = pytest.mark.long

ACME = SpaceSpec(seed=3, users=4, projects=2, issues=30, history_days=240)
BETA = SpaceSpec(seed=5, users=3, projects=2, issues=20, history_days=240, space_key="beta")
#: The alerter looks twice a minute.
TOLD_SECONDS = 60.0
_PARTITIONS = "query($keys: [AssetKeyInput!]) { assetNodes(assetKeys: $keys) { assetKey { path } partitionStats { numFailed } } }"
_TERMINATE = 'mutation { terminateRun(runId: "none") { __typename } }'


@dataclass(frozen=True)
class Told:
    """Where the alerts about a space arrive."""

    slack: WebhookSink
    teams: WebhookSink
    mail: MailSink

    @property
    def variables(self) -> dict[str, str]:
        """What sends them there."""
        return {
            "BACKLOG_ALERT_SLACK_URL": f"{self.slack.url}/slack",
            "BACKLOG_ALERT_TEAMS_URL": f"{self.teams.url}/teams",
            "BACKLOG_ALERT_SMTP_URL": self.mail.url,
            "BACKLOG_ALERT_MAIL_FROM": "elt@example.com",
            "BACKLOG_ALERT_MAIL_TO": "ops@example.com",
        }

    def titles(self) -> dict[str, list[str]]:
        """Return the first line of each message, by channel."""
        cards = [json.loads(body)["attachments"][0]["content"] for _, body in self.teams.received]
        return {
            "slack": [json.loads(body)["text"].splitlines()[0] for _, body in self.slack.received],
            "teams": [card["body"][0]["text"] for card in cards],
            "mail": [mail["Subject"].removeprefix("[backlog-elt] ") for _, mail in self.mail.received],
        }

    def wait_for(self, *titles: str) -> None:
        """Wait until each channel has been told just this, in time."""
        try:
            wait_until(lambda: all(len(found) >= len(titles) for found in self.titles().values()), "too few", TOLD_SECONDS)
        finally:
            assert self.titles() == {channel: [*titles] for channel in self.titles()}


@dataclass(frozen=True)
class Deployed:
    """Two spaces, the services that load them, and where alerts about the first arrive."""

    engine: Engine
    spaces: dict[str, Simulator]
    warehouse_url: str
    told: Told

    def stored(self, space: str) -> set[int]:
        """Return the ids of the issues of a space in the warehouse."""
        return stored_issues(self.warehouse_url, space)

    def left_failed(self, space: str) -> dict[str, int]:
        """Return how many partitions of each table of issues Dagster shows as failed."""
        nodes = self.engine.ask(_PARTITIONS, keys=[{"path": [space, "raw", table]} for table in TABLES])["assetNodes"]
        return {"/".join(node["assetKey"]["path"]): node["partitionStats"]["numFailed"] for node in nodes}


@pytest.fixture(scope="module")
def deployed(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Start two code servers, webserver and daemon on one PostgreSQL."""
    folder, warehouse_url = tmp_path_factory.mktemp("deployed"), new_database()
    with ExitStack() as stack:
        acme, beta = (stack.enter_context(Simulator(spec)) for spec in (ACME, BETA))
        slack, teams, mail = WebhookSink(), WebhookSink(), MailSink()
        told = Told(stack.enter_context(slack), stack.enter_context(teams), stack.enter_context(mail))
        spaces = {"acme": acme, "beta": beta}
        secrets = {
            "warehouse_url": warehouse_url,
            "dagster_url": new_database(),
            "service_token": "a-token-of-the-service",
            **{f"{name}_api_key": sim.api_key for name, sim in spaces.items()},
        }
        own = {name: {"BACKLOG_URL": sim.url, "BACKLOG_HISTORY_START": "2026-01"} for name, sim in spaces.items()}
        own["acme"] |= told.variables
        with engine(folder, secrets, {**own, "service": own["acme"]}) as made:
            assert "warehouse: version " in made.run("migrate")
            made.write_workspace(*spaces)
            # All at once, as the file has it: who comes first waits for the others.
            for service in ("acme", "beta", "webserver", "daemon"):
                made.start(service)
            made.wait_healthy("acme", "beta", "webserver", "daemon")
            yield Deployed(made, spaces, warehouse_url, told)


def test_each_space_is_loaded_by_runs_of_its_own_code_location_also_after_a_container_is_killed(deployed: Deployed) -> None:
    beta = deployed.spaces["beta"]
    beta.faults.add(Fault("slow", path="/issues", seconds=30.0))
    runs = {space: deployed.engine.launch_issues(space, projects=2) for space in deployed.spaces}
    wait_until(lambda: not beta.faults.pending(), "the run of beta is not at work")
    deployed.engine.kill("beta")
    deployed.engine.start("beta")
    assert deployed.engine.wait_for(*runs.values()) == ["SUCCESS", "FAILURE"]
    assert deployed.stored("acme") == {*deployed.spaces["acme"].space.issues}
    # Dagster starts the other once more, as its worker has died; nothing stands in the way.
    wait_until(lambda: deployed.stored("beta") == {*beta.space.issues}, "beta is not loaded after all")


def test_partitions_that_fail_are_told_on_every_channel_once_loaded_again_and_told_to_be_well(deployed: Deployed) -> None:
    """By the real alerter and the real backfill daemon; that a run of the other space was killed is not told here."""
    acme, made = deployed.spaces["acme"], deployed.engine
    key, tables = made.projects("acme")[0], [f"acme/raw/{table}" for table in TABLES]
    corners = {RANGE_START_TAG: f"{key}|2026-05", RANGE_END_TAG: f"{key}|2026-06"}
    tags = [{"key": name, "value": corner} for name, corner in corners.items()]
    acme.faults.add(Fault(status=403, path="/.*", times=None))
    selection = [{"path": table.split("/")} for table in tables]
    assert made.wait_for(made.launch("acme", "__ASSET_JOB", selection, executionMetadata={"tags": tags})) == ["FAILURE"]
    assert deployed.left_failed("acme") == dict.fromkeys(tables, 2)
    failed = f"🔴 失敗 / failed: {', '.join(sorted(tables))}"
    deployed.told.wait_for(failed)
    acme.faults.clear()
    assert made.wait_for(made.launch("acme", RETRY_JOB)) == ["SUCCESS"]
    wait_until(lambda: deployed.left_failed("acme") == dict.fromkeys(tables, 0), "what has failed is not loaded again")
    deployed.told.wait_for(failed, failed.replace("🔴 失敗 / failed", "🟢 復旧 / recovered"))


def test_processes_write_no_file(deployed: Deployed) -> None:
    homes = deployed.engine.folder / "home"
    assert [path.name for path in homes.rglob("*") if path.is_file()] == ["dagster.yaml"], "that of backlog-elt migrate"


def test_a_webserver_to_look_at_takes_no_run(deployed: Deployed) -> None:
    looking = Engine(deployed.engine.folder, {}, deployed.engine.variables)
    try:
        looking.start("webserver", "--read-only")
        looking.wait_healthy("webserver")
        assert "permissions" in looking.ask("{ permissions { permission value } }")
        refused = looking.ask(_TERMINATE)["terminateRun"]
        assert refused == {"__typename": "UnauthorizedError"}
    finally:
        looking.stop()


def test_the_service_is_healthy_beside_them(deployed: Deployed) -> None:
    deployed.engine.start("service")
    deployed.engine.wait_healthy("service")
