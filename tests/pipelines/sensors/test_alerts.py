"""The alerter on real runs, a real warehouse and real receivers: problems and recoveries are each
reported once, none is lost.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterEvent, DagsterEventType
from dagster._core.execution.plan.objects import StepSuccessData
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteRepositoryOrigin
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from pipelines.alerting.alerter import Alerter
from pipelines.alerting.facts import MOST_RUNS, Place
from pipelines.alerting.ledger import Ledger
from pipelines.cli.in_process import run_job
from pipelines.sensors.alerts import alerts
from resources.alerts.channels import Slack, Teams
from resources.alerts.message_layout import Message
from resources.dagster_tags import KIND_TAG
from resources.secret import Secret
from resources.tokens import TokenState
from resources.warehouse.state.heartbeats import alerter_state, alerts_of, last_beat
from resources.warehouse.warehouse_resource import WarehouseResource
from tests.deployment import Deployment, checks
from tests.pipelines.reports import alerter, look, texts, titles, watching
from tests.pipelines.ticking import Daemon
from tests.sinks import WebhookSink

NOW = datetime.now(UTC)


def test_a_failed_run_is_reported_once_with_its_cause_and_once_more_when_it_recovers(
    deployment: Deployment, sink: WebhookSink
) -> None:
    one = watching(deployment, sink)
    refused = replace(deployment, api_key="of-nobody-at-all")
    failed = refused.run("users")
    assert not failed.success
    for _ in range(3):
        look(one)
    [said] = texts(sink)
    assert said.splitlines()[0] == "🔴 失敗 / failed: raw/users"
    assert "BACKLOG_API_KEY" in said
    assert "next step" in said
    assert said.endswith(f"http://dagster/runs/{failed.run_id}")
    assert "of-nobody-at-all" not in said
    assert not refused.run("users").success
    look(one)
    assert len(texts(sink)) == 1, "the same cause again"
    assert deployment.run("users").success
    for _ in range(2):
        look(one)
    assert titles(sink)[1] == "🟢 復旧 / recovered: raw/users"
    assert len(texts(sink)) == 2


def test_a_table_that_lost_many_rows_is_reported(loaded: Deployment, sink: WebhookSink) -> None:
    one = watching(loaded, sink)
    loaded.change(
        "INSERT INTO ops.sync_history"
        " (space_key, sync_type, mode, status, items_synced, run_id, started_at, ended_at)"
        " SELECT 'acme', 'users', 'full', 'completed', 200, 'r0', at, at"
        " FROM (VALUES (now() - interval '1 day')) AS read (at)"
    )
    assert loaded.run("users").success
    for _ in range(2):
        look(one)
    [said] = texts(sink)
    assert said.splitlines()[0] == "🔴 失敗 / failed: raw/users: rows_not_halved"
    loaded.change("UPDATE ops.sync_history SET items_synced = 1 WHERE run_id = 'r0'")
    assert loaded.run("users").success
    assert look(one).open == {}
    assert titles(sink)[1] == "🟢 復旧 / recovered: raw/users: rows_not_halved"


def test_a_failing_channel_does_not_hold_up_the_others_and_gets_its_message_later(
    deployment: Deployment, sink: WebhookSink
) -> None:
    with WebhookSink() as broken:
        broken.status = 500
        one = alerter(deployment, Teams(Secret(broken.url)), Slack(Secret(sink.url)))
        look(one)
        replace(deployment, api_key="of-nobody-at-all").run("users")
        for _ in range(3):
            look(one)
        assert (len(sink.received), len(broken.received)) == (1, 0)
        broken.status = 200
        assert len(look(one, minutes=11).waiting) == 0
        assert (len(sink.received), len(broken.received)) == (1, 1)


def test_a_channel_with_an_unforeseen_failure_does_not_hold_up_the_others(
    deployment: Deployment, sink: WebhookSink
) -> None:
    class Odd:
        name = "odd"

        def send(self, message: object) -> None:
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")

    one = alerter(deployment, Odd(), Slack(Secret(sink.url)))
    look(one)
    replace(deployment, api_key="of-nobody-at-all").run("users")
    assert [waiting.channels for waiting in look(one).waiting] == [("odd",)]
    assert len(sink.received) == 1
    beat = last_beat(deployment.engine, alerts_of(deployment.sim.url))
    assert beat is not None
    assert beat[1]


def test_a_death_right_after_a_message_does_not_send_it_again(
    deployment: Deployment, sink: WebhookSink
) -> None:
    class Killed(BaseException):
        pass

    class Dying:
        name = "dying"

        def send(self, message: object) -> None:
            raise Killed

    look(alerter(deployment))
    refused = replace(deployment, api_key="of-nobody-at-all")
    refused.run("users")
    refused.run("projects")
    with pytest.raises(Killed):
        look(alerter(deployment, Dying()))
    # What was remembered before the death is sent by the next one, each message once.
    name = alerts_of(deployment.sim.url)
    ledger = Ledger.read(
        deployment.instance.daemon_cursor_storage.get_cursor_values({name})[name], NOW
    )
    waiting = len(ledger.waiting)
    assert waiting >= 2
    slack = Slack(Secret(sink.url), name="dying")
    for _ in range(2):
        look(alerter(deployment, slack))
    assert len(sink.received) == len(set(texts(sink))) == waiting


def test_a_message_that_cannot_be_recorded_is_sent_once_and_nothing_is_lost(
    deployment: Deployment, sink: WebhookSink
) -> None:
    storage: Any = deployment.instance.daemon_cursor_storage

    def execute(sql: str) -> None:
        with storage.connect() as connection:
            connection.execute(text(sql))

    class Filling:
        """A channel that takes a message, whereupon the disk under Dagster's storage is full."""

        name = "slack"

        def send(self, message: Message) -> None:
            Slack(Secret(sink.url)).send(message)
            execute(
                "CREATE TRIGGER full_disk BEFORE UPDATE ON kvs BEGIN SELECT RAISE(ABORT, "
                "'the disk is full'); END"
            )

    look(alerter(deployment))
    refused = replace(deployment, api_key="of-nobody-at-all")
    refused.run("users")
    refused.run("projects")
    one = alerter(deployment, Slack(Secret(sink.url)))
    for each in (alerter(deployment, Filling()), one, one):
        with pytest.raises(DatabaseError, match="the disk is full"):
            look(each)
        assert len(sink.received) == 1
    execute("DROP TRIGGER full_disk")
    for _ in range(2):
        assert look(one).waiting == ()
    assert len(texts(sink)) == len(set(texts(sink))) >= 2
    assert {*titles(sink)} >= {f"🔴 失敗 / failed: raw/{table}" for table in ("users", "projects")}


def test_the_loss_of_the_warehouse_and_its_return_are_reported(
    loaded: Deployment, sink: WebhookSink
) -> None:
    one = alerter(loaded, Slack(Secret(sink.url)))
    gone = Alerter(
        loaded.instance,
        WarehouseResource(url="postgresql://nobody@127.0.0.1:9/none"),
        one.url,
        one.channels,
        "",
    )
    look(gone)
    assert titles(sink)[0] == "🔴 失敗 / failed: warehouse"
    look(one)
    assert titles(sink)[1] == "🟢 復旧 / recovered: warehouse"


def test_silence_is_measured_from_the_sync_history(loaded: Deployment, sink: WebhookSink) -> None:
    one = alerter(loaded, Slack(Secret(sink.url)))
    assert loaded.run("projects").success
    look(one)
    assert look(one, minutes=6 * 60).open == {}
    assert list(look(one, minutes=8 * 60).open) == ["silent/projects"]
    assert "no sync of projects has succeeded" in texts(sink)[0]


def launched(deployment: Deployment, location: str, end: DagsterEventType) -> None:
    """Write down a run of `users` that Dagster has started in a code location, and that has
    ended.
    """
    server = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=4000, location_name=location)
    origin = RemoteRepositoryOrigin(server, "__repository__").get_job_origin("users")
    run = deployment.instance.add_run(dg.DagsterRun(job_name="users", remote_job_origin=origin))
    if end == DagsterEventType.RUN_SUCCESS:
        step = DagsterEvent(
            "STEP_SUCCESS",
            "users",
            step_key="raw__users",
            event_specific_data=StepSuccessData(1.0),  # type: ignore[no-untyped-call]
        )
        deployment.instance.report_dagster_event(step, run.run_id)
    deployment.instance.report_dagster_event(DagsterEvent(end.value, "users"), run.run_id)


def test_its_own_runs_are_reported_however_many_runs_of_others_ended_before(
    deployment: Deployment, sink: WebhookSink
) -> None:
    beta = replace(
        alerter(deployment, Slack(Secret(sink.url))), place=Place("__repository__@beta", "beta")
    )
    look(beta)
    for _ in range(MOST_RUNS + 1):
        launched(deployment, "acme", DagsterEventType.RUN_FAILURE)
    launched(deployment, "beta", DagsterEventType.RUN_FAILURE)
    assert look(beta).open.keys() == {"run/users"}
    assert look(beta).looked_at > datetime.now(UTC) - timedelta(minutes=1)
    for _ in range(MOST_RUNS + 1):
        launched(deployment, "beta", DagsterEventType.RUN_FAILURE)
    assert [len(look(beta).seen) for _ in range(3)] == [1 + MOST_RUNS, 2 + MOST_RUNS, 2 + MOST_RUNS]
    assert len(texts(sink)) == 1


def test_each_of_two_locations_reports_its_own_runs_including_those_of_commands(
    deployment: Deployment, sink: WebhookSink
) -> None:
    refused = replace(deployment, api_key="of-nobody-at-all").raw_definitions
    made = replace(
        alerter(deployment, Slack(Secret(sink.url))), place=Place("__repository__@acme", "acme")
    )
    beta = replace(made, url="http://beta.example", place=Place("__repository__@beta", "beta"))
    marts = replace(made, url="", place=Place("__repository__@marts", None))
    for one in (made, beta, marts):
        look(one)
    assert list(run_job(refused, deployment.instance, "users", tags={KIND_TAG: "users@acme"}))
    assert [len(look(one).open) for one in (made, beta, marts)] == [1, 0, 0]
    # A single location has no name in its kinds, and tells of its commands all the same.
    assert list(run_job(refused, deployment.instance, "users"))
    alone = Place("__repository__@backlog_elt", "")
    [command] = deployment.instance.get_runs(limit=1)
    assert command.tags[KIND_TAG] == "users"
    assert [
        place.has(command) for place in (alone, made.place, beta.place, marts.place) if place
    ] == [True, False, False, False]
    launched(deployment, "acme", DagsterEventType.RUN_SUCCESS)
    assert [len(look(one).open) for one in (made, beta, marts)] == [0, 0, 0]
    assert titles(sink) == [
        "🔴 失敗 / failed: raw/users",
        "🟢 復旧 / recovered: raw/users",
    ]


def test_a_location_that_loads_no_space_is_not_reported_as_silent(loaded: Deployment) -> None:
    one = replace(alerter(loaded), url="")
    look(one)
    assert look(one, minutes=48 * 60).open == {}


def test_a_dead_alerter_is_seen_by_a_check_and_by_status(loaded: Deployment) -> None:
    def seen() -> bool:
        return checks(loaded.run("count_reconciliation"))["alerter_is_alive"]

    assert seen(), "no daemon was ever started"
    look(alerter(loaded))
    assert seen()
    loaded.change("UPDATE ops.heartbeats SET beat_at = now() - interval '11 minutes'")
    assert not seen()
    notified = alerter_state(loaded.engine, loaded.sim.url)
    assert (notified["alive"], notified["open"]) == (False, [])


def test_a_token_that_is_not_renewed_is_reported(loaded: Deployment, sink: WebhookSink) -> None:
    one = watching(loaded, sink)
    refused = TokenState(NOW, NOW, NOW, "invalid_grant: it was revoked")
    look(replace(one, tokens=refused))
    [said] = texts(sink)
    assert "access to 127.0.0.1" in said
    assert "invalid_grant: it was revoked" in said
    assert "backlog-elt login" in said
    look(replace(one, tokens=TokenState(NOW, NOW, None, None)))
    assert "recovered: access to 127.0.0.1" in texts(sink)[1]


def test_the_sensor_looks_and_requests_no_run(loaded: Deployment) -> None:
    assert Daemon(loaded, alerts).tick() == (None, "0 problems, nothing waits")
    assert last_beat(loaded.engine, alerts_of(loaded.sim.url)) is not None
