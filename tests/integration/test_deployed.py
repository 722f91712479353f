"""What a container engine would run, as processes: two spaces in one Dagster on one PostgreSQL, by
the commands of compose.yaml.
"""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Any

import httpx
import pytest

from assets.partitions import ISSUE_TABLES
from pipelines.processes import started
from pipelines.retrying import RETRY_JOB
from resources.dagster_tags import RANGE_END_TAG, RANGE_START_TAG
from resources.warehouse.server.connect import engine as connect
from simulator import Fault, Simulator, SpaceSpec
from tests.integration.compose import (
    ALERTS,
    WEBHOOKS,
    at,
    engine,
    wait_until,
)
from tests.integration.conftest import NewDatabase
from tests.integration.two_spaces import Deployed, Told
from tests.sinks import MailSink, WebhookSink

pytestmark = pytest.mark.long

ACME = SpaceSpec(seed=3, users=4, projects=2, issues=30, history_days=240)
BETA = SpaceSpec(seed=5, users=3, projects=2, issues=20, history_days=240, space_key="beta")
TOKEN, SECRET = "a-token-of-the-service", "a-secret-of-the-webhooks"
#: Where compose.yaml says that browsers reach Dagster.
PUBLIC = "http://127.0.0.1:3000"
_REPEATED = """
query($tags: [ExecutionTag!]) {
  runsOrError(filter: {tags: $tags}) { ... on Runs { results { status } } }
}"""


@pytest.fixture(scope="module")
def deployed(
    new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployed]:
    """Start two code servers, webserver and daemon on one PostgreSQL."""
    folder, warehouse_url = tmp_path_factory.mktemp("deployed"), new_database()
    with ExitStack() as stack:
        acme, beta = (stack.enter_context(Simulator(spec)) for spec in (ACME, BETA))
        slack, teams, mail = WebhookSink(), WebhookSink(), MailSink()
        notified = Told(
            stack.enter_context(slack), stack.enter_context(teams), stack.enter_context(mail)
        )
        spaces = {"acme": acme, "beta": beta}
        secrets = {
            "warehouse_url": warehouse_url,
            "dagster_url": new_database(),
            "service_token": TOKEN,
            "webhook_secret": SECRET,
            "alert_slack_url": f"{notified.slack.url}/alerts",
            **{f"{name}_api_key": sim.api_key for name, sim in spaces.items()},
        }
        own = {
            name: {"BACKLOG_URL": sim.url, "BACKLOG_HISTORY_START": "2026-01"}
            for name, sim in spaces.items()
        }
        own["acme"] |= notified.variables
        with engine(folder, secrets, {**own, "service": own["acme"]}, ALERTS, WEBHOOKS) as made:
            assert "warehouse: version " in made.run("migrate")
            made.write_workspace(*spaces)
            # All at once, as the file has it: who comes first waits for the others.
            for service in ("acme", "beta", "webserver", "daemon"):
                made.start(service)
            made.wait_healthy("acme", "beta", "webserver", "daemon")
            yield Deployed(made, spaces, warehouse_url, notified)


@pytest.fixture(autouse=True)
def _no_faults_left(deployed: Deployed) -> Iterator[None]:
    """Let a test that fails leave no faults to the next one."""
    yield
    for sim in deployed.spaces.values():
        sim.faults.clear()


def test_each_space_is_loaded_by_runs_of_its_own_code_location(
    deployed: Deployed,
) -> None:
    beta = deployed.spaces["beta"]
    beta.faults.add(Fault("slow", path="/issues", seconds=30.0))
    runs = {space: deployed.engine.launch_issues(space, projects=2) for space in deployed.spaces}
    wait_until(lambda: not beta.faults.pending(), "the run of beta is not at work")
    deployed.engine.kill("beta")
    deployed.engine.start("beta")
    assert deployed.engine.wait_for(*runs.values()) == ["SUCCESS", "FAILURE"]
    assert deployed.stored("acme") == {*deployed.spaces["acme"].space.issues}
    # Dagster starts the other once more, as its worker has died; nothing stands in the way.
    wait_until(
        lambda: deployed.stored("beta") == {*beta.space.issues}, "beta is not loaded after all"
    )
    beta.faults.add(Fault(status=400, path="/users", times=None))
    refused = deployed.engine.launch("beta", "users")
    assert deployed.engine.wait_for(refused) == ["FAILURE"]
    beta.faults.clear()
    link = f"{PUBLIC}/runs/{refused}"
    wait_until(
        lambda: any(link in body for _, body in deployed.notified.slack.received),
        "nobody was notified, or the link is missing",
    )
    assert not any(link in body for _, body in deployed.notified.teams.received), (
        "the alerter of acme tells of beta"
    )
    assert not any(runs["beta"] in body for _, body in deployed.notified.slack.received), (
        "what was started again is no news"
    )


def test_a_run_of_a_container_that_is_asked_to_end_is_repeated_in_the_next(
    deployed: Deployed,
) -> None:
    made, beta = deployed.engine, deployed.spaces["beta"]
    beta.faults.add(Fault("slow", path="/users", seconds=60.0))
    run = made.launch("beta", "users")
    wait_until(lambda: not beta.faults.pending(), "the run is not at work")
    work = made.process_of(run)
    made.terminate("beta")
    wait_until(lambda: started(work) is None, "the run has not gone with its server")
    made.start("beta")
    again = [{"key": "dagster/root_run_id", "value": run}]

    def repeated() -> list[str]:
        found = made.ask(_REPEATED, tags=again)["runsOrError"]["results"]
        return [one["status"] for one in found]

    wait_until(lambda: repeated() == ["SUCCESS"], "it is not repeated")


def test_a_space_that_does_not_answer_delays_no_tick_of_another(deployed: Deployed) -> None:
    beta, now = deployed.spaces["beta"], time.time()
    beta.faults.add(Fault("slow", path="/.*", times=None, seconds=300.0))

    def others_tick_meanwhile() -> bool:
        """Say whether a tick of acme has begun and ended while one of beta was waiting."""
        ticks = deployed.ticks("acme", "activity_feed")
        waiting = deployed.ticks("beta", "activity_feed")
        # How a tick ends whose space does not answer is Dagster's affair.
        spans = [(begin, end or time.time()) for begin, end in waiting if begin > now]
        ended = [(begin, end) for begin, end in ticks if end]
        return any(began < begin and end < over for began, over in spans for begin, end in ended)

    try:
        wait_until(others_tick_meanwhile, "the ticks follow each other")
    finally:
        beta.faults.clear()


def test_a_run_whose_process_is_killed_does_not_block_the_next_of_its_kind(
    deployed: Deployed,
) -> None:
    """One that somebody cancels is in `up/test_syncs.py`."""
    made, faults = deployed.engine, deployed.spaces["acme"].faults
    faults.add(Fault("slow", path="/users", seconds=60.0))
    run = made.launch("acme", "users")
    wait_until(lambda: not faults.pending(), "the run is not at work")
    os.kill(made.process_of(run), signal.SIGKILL)
    assert made.wait_for(run) == ["FAILURE"]
    assert made.wait_for(made.launch("acme", "users")) == ["SUCCESS"]


def test_failed_partitions_are_reported_once_loaded_again_and_reported_as_recovered(
    deployed: Deployed,
) -> None:
    """By the real alerter and the real backfill daemon."""
    acme, made = deployed.spaces["acme"], deployed.engine
    key, tables = made.projects("acme")[0], [f"acme/raw/{table}" for table in ISSUE_TABLES]
    corners = {RANGE_START_TAG: f"{key}|2026-05", RANGE_END_TAG: f"{key}|2026-06"}
    tags = [{"key": name, "value": corner} for name, corner in corners.items()]
    acme.faults.add(Fault(status=403, path="/.*", times=None))
    selection = [{"path": table.split("/")} for table in tables]
    assert made.wait_for(
        made.launch("acme", "__ASSET_JOB", selection, executionMetadata={"tags": tags})
    ) == ["FAILURE"]
    # At once, since a schedule that is due meanwhile would have something to tell, too.
    acme.faults.clear()
    assert deployed.left_failed("acme") == dict.fromkeys(tables, 2)
    failed = f"🔴 失敗 / failed: {', '.join(sorted(tables))}"
    deployed.notified.wait_for(failed)
    assert made.wait_for(made.launch("acme", RETRY_JOB)) == ["SUCCESS"]
    wait_until(
        lambda: deployed.left_failed("acme") == dict.fromkeys(tables, 0),
        "what has failed is not loaded again",
    )
    deployed.notified.wait_for(failed, failed.replace("🔴 失敗 / failed", "🟢 復旧 / recovered"))


def test_processes_write_no_file(deployed: Deployed) -> None:
    homes = deployed.engine.folder / "home"
    assert [path.name for path in homes.rglob("*") if path.is_file()] == ["dagster.yaml"], (
        "that of backlog-elt migrate"
    )


def test_the_service_next_to_them_starts_a_sync_and_reports_it(deployed: Deployed) -> None:
    made = deployed.engine
    made.start("service")
    made.wait_healthy("service")
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(
        base_url=f"http://127.0.0.1:{made.port('service')}", timeout=30, trust_env=False
    ) as service:
        assert service.post("/api/v1/sync/projects/all").status_code == 401
        answer = service.post("/api/v1/sync/projects/all", headers=bearer)
        assert answer.status_code == 202, answer.text
        run = answer.json()["run_id"]
        assert answer.json()["status_url"] == f"{PUBLIC}/runs/{run}"
        assert made.wait_for(run) == ["SUCCESS"]
        history = service.get(
            "/api/v1/sync/history", params={"type": "projects"}, headers=bearer
        ).json()["items"]
        assert {one["status"] for one in history if one["run_id"] == run} == {"completed"}
        assert service.post("/webhooks/backlog/of-nobody", content=b"{}").status_code == 404
        assert service.post(f"/webhooks/backlog/{SECRET}", content=b"{}").status_code == 200


_EVALUATE = """
mutation($sensor: SensorSelector!) {
  sensorDryRun(selectorData: $sensor, cursor: null) {
    ... on DryRunInstigationTick { evaluationResult { skipReason error { message } } }
    ... on Error { message }
  }
}"""
_TICKS = """
query($sensor: SensorSelector!) {
  sensorOrError(sensorSelector: $sensor) {
    ... on Sensor { sensorState { ticks(limit: 1) { status } } }
  }
}"""
NO_ANSWER = "the activity feed could not be read: GET /space"


def test_everything_reports_the_same_while_the_source_is_stopped_and_when_it_is_back(
    deployed: Deployed,
) -> None:
    """By a code server, the daemon, the service and commands, each a process of its own."""
    made, acme = deployed.engine, deployed.spaces["acme"]
    warehouse = connect(deployed.warehouse_url)

    def evaluate(sensor: str) -> dict[str, Any]:
        found: dict[str, Any] = made.ask(_EVALUATE, sensor=at("acme", sensorName=sensor))
        return dict(found["sensorDryRun"]["evaluationResult"])

    def ticked() -> str:
        """Return how the daemon's last tick ended."""
        found = made.ask(_TICKS, sensor=at("acme", sensorName="activity_feed"))["sensorOrError"]
        return str(found["sensorState"]["ticks"][0]["status"])

    def notified() -> list[str]:
        titles = deployed.notified.titles()["teams"]
        return [
            title.split(": ")[0]
            for title in titles
            if f"Backlog at {acme.url.removeprefix('http://')}" in title
        ]

    bearer = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(
        base_url=f"http://127.0.0.1:{made.port('service')}",
        headers=bearer,
        timeout=30,
        trust_env=False,
    ) as service:

        def connection() -> dict[str, Any]:
            found: dict[str, Any] = service.get("/api/v1/sync/connection/status").json()
            return found

        acme.stop()
        assert NO_ANSWER in evaluate("activity_feed")["error"]["message"]
        with warehouse.begin() as database:  # two minutes go by
            database.exec_driver_sql(
                "UPDATE ops.source_conditions SET began_at = began_at - interval '3 minutes'"
            )
        wait_until(lambda: connection()["condition"] is not None, "the service does not know it")
        condition = connection()["condition"]
        assert (connection()["connected"], condition["kind"]) == (False, "unreachable")
        assert (
            'backlog_elt_source_condition{kind="unreachable"} 1.0' in service.get("/metrics").text
        )
        evaluate("alerts")
        wait_until(lambda: notified() == ["🔴 失敗 / failed"], "nobody is notified")
        with ThreadPoolExecutor() as shells:
            ours = shells.map(partial(made.run, "acme", "backlog-elt"), ("status", "alerts"))
            of_marts = shells.submit(made.run, "marts", "backlog-elt", "alerts")
            status, listed = ours
            assert "Backlog does not answer" not in of_marts.result()
        for said, what in ((status, "it is unreachable"), (listed, "Backlog does not answer")):
            assert what in said
            assert "since 20" in said
            assert condition["message"] in said
        wait_until(lambda: ticked() == "FAILURE", "no tick of the daemon has failed")

        acme.start()
        assert evaluate("activity_feed")["error"] is None
        wait_until(
            lambda: connection()["condition"] is None, "the service does not know that it is over"
        )
        assert connection()["connected"] is True
        assert "backlog_elt_source_up 1.0" in service.get("/metrics").text
        evaluate("alerts")
        wait_until(
            lambda: notified() == ["🔴 失敗 / failed", "🟢 復旧 / recovered"],
            "nobody is notified that it is over",
        )
        assert "Backlog at 127.0.0.1" not in made.run("acme", "backlog-elt", "alerts")
    warehouse.dispose()
