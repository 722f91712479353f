"""The alerter on real runs, a real warehouse and real receivers: problems and recoveries are each
reported once, none is lost.
"""

import re
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

from assets.dagster_internals import remember, remembered
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


class Odd:
    """A channel with a failure that nobody has foreseen."""

    name = "odd"

    def send(self, message: object) -> None:
        """Fail."""
        raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")


def refused_at(deployment: Deployment) -> Deployment:
    """Return the deployment with a key that Backlog refuses."""
    return replace(deployment, api_key="of-nobody-at-all")


def test_a_failed_run_is_reported_once_with_its_cause_and_once_more_when_it_recovers(
    deployment: Deployment, sink: WebhookSink
) -> None:
    one, refused = watching(deployment, sink), refused_at(deployment)
    failed = refused.run("users")
    for _ in range(3):
        look(one)
    [said] = texts(sink)
    assert said.startswith("🔴 失敗 / failed: raw/users\n")
    assert re.search(r"BACKLOG_API_KEY(?s:.)*next step", said)
    assert said.endswith(f"http://dagster/runs/{failed.run_id}")
    assert refused.api_key not in said
    assert not refused.run("users").success
    look(one)
    assert len(texts(sink)) == 1, "the same cause again"
    assert deployment.run("users").success
    for _ in range(2):
        look(one)
    assert titles(sink)[1:] == ["🟢 復旧 / recovered: raw/users"]


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
    loaded.change("UPDATE ops.sync_history SET items_synced = 1 WHERE run_id = 'r0'")
    assert loaded.run("users").success
    assert look(one).open == {}
    assert titles(sink) == [
        "🔴 失敗 / failed: raw/users: rows_not_halved",
        "🟢 復旧 / recovered: raw/users: rows_not_halved",
    ]


def test_a_failing_channel_does_not_hold_up_the_others_and_gets_its_message_later(
    deployment: Deployment, sink: WebhookSink
) -> None:
    with WebhookSink() as broken:
        broken.status = 500
        channels = (Odd(), Teams(Secret(broken.url)), Slack(Secret(sink.url)))
        one = alerter(deployment, *channels)
        look(one)
        refused_at(deployment).run("users")
        for _ in range(3):
            look(one)
        assert (len(sink.received), len(broken.received)) == (1, 0)
        broken.status = 200
        assert [waiting.channels for waiting in look(one, minutes=11).waiting] == [("odd",)]
        assert (len(sink.received), len(broken.received)) == (1, 1)
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
    for table in ("users", "projects"):
        refused_at(deployment).run(table)
    with pytest.raises(Killed):
        look(alerter(deployment, Dying()))
    # What was remembered before the death is sent by the next one, each message once.
    ledger = Ledger.read(remembered(deployment.instance, alerts_of(deployment.sim.url)), NOW)
    slack = Slack(Secret(sink.url), name="dying")
    for _ in range(2):
        look(alerter(deployment, slack))
    assert len(sink.received) == len(set(texts(sink))) == len(ledger.waiting) >= 2


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
    for table in ("users", "projects"):
        refused_at(deployment).run(table)
    one = alerter(deployment, Slack(Secret(sink.url)))
    for each in (alerter(deployment, Filling()), one, one):
        with pytest.raises(DatabaseError, match="the disk is full"):
            look(each)
        assert len(sink.received) == 1
    execute("DROP TRIGGER full_disk")
    for _ in range(2):
        assert look(one).waiting == ()
    assert len(texts(sink)) == len(set(texts(sink)))
    assert {*titles(sink)} >= {f"🔴 失敗 / failed: raw/{table}" for table in ("users", "projects")}


def test_the_loss_of_the_warehouse_and_its_return_are_reported(
    loaded: Deployment, sink: WebhookSink
) -> None:
    one = alerter(loaded, Slack(Secret(sink.url)))
    nowhere = WarehouseResource(url="postgresql://nobody@127.0.0.1:9/none")
    [gone] = look(replace(one, warehouse=nowhere)).open.values()
    assert (gone.problem.code, gone.problem.parameters["cause"]) == ("warehouse_unusable",) * 2
    assert look(one).open == {}
    assert titles(sink) == ["🔴 失敗 / failed: warehouse", "🟢 復旧 / recovered: warehouse"]


def test_silence_is_measured_from_the_sync_history_of_who_loads_a_space(
    loaded: Deployment, sink: WebhookSink
) -> None:
    one = alerter(loaded, Slack(Secret(sink.url)))
    assert loaded.run("projects").success
    look(one)
    assert look(one, minutes=6 * 60).open == {}
    assert list(look(one, minutes=8 * 60).open) == ["silent/projects"]
    assert "no sync of projects has succeeded" in texts(sink)[0]
    of_no_space = replace(alerter(loaded), url="")
    look(of_no_space)
    assert look(of_no_space, minutes=48 * 60).open == {}


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
    refused = refused_at(deployment).raw_definitions
    made = replace(
        alerter(deployment, Slack(Secret(sink.url))), place=Place("__repository__@acme", "acme")
    )
    beta = replace(made, url="http://beta.example", place=Place("__repository__@beta", "beta"))
    marts = replace(made, url="", place=Place("__repository__@marts", None))

    def open_problems() -> list[int]:
        return [len(look(one).open) for one in (made, beta, marts)]

    assert open_problems() == [0, 0, 0]
    assert list(run_job(refused, deployment.instance, "users", tags={KIND_TAG: "users@acme"}))
    assert open_problems() == [1, 0, 0]
    # A single location has no name in its kinds, and tells of its commands all the same.
    assert list(run_job(refused, deployment.instance, "users"))
    [command] = deployment.instance.get_runs(limit=1)
    assert command.tags[KIND_TAG] == "users"
    places = (Place("__repository__@backlog_elt", ""), made.place, beta.place, marts.place)
    assert [bool(place and place.has(command)) for place in places] == [True, False, False, False]
    launched(deployment, "acme", DagsterEventType.RUN_SUCCESS)
    assert open_problems() == [0, 0, 0]
    assert titles(sink) == [
        "🔴 失敗 / failed: raw/users",
        "🟢 復旧 / recovered: raw/users",
    ]


def test_the_sensor_looks_and_a_dead_alerter_is_seen_by_a_check_and_by_status(
    loaded: Deployment,
) -> None:
    def seen() -> bool:
        return checks(loaded.run("count_reconciliation"))["alerter_is_alive"]

    assert seen(), "no daemon was ever started"
    assert Daemon(loaded, alerts).tick() == (None, "0 problems, nothing waits")
    assert seen()
    for age, alive in (("9 minutes", True), ("11 minutes", False), ("-1 hour", False)):
        loaded.change(f"UPDATE ops.heartbeats SET beat_at = now() - interval '{age}'")
        assert seen() is alive, age
        notified = alerter_state(loaded.engine, loaded.sim.url)
        assert (notified["alive"], notified["open"]) == (alive, []), age


def test_what_fails_after_a_look_by_a_clock_that_was_ahead_is_reported(
    deployment: Deployment, sink: WebhookSink
) -> None:
    one = watching(deployment, sink)
    ledger = Ledger.read(remembered(deployment.instance, alerts_of(deployment.sim.url)), NOW)
    ahead = NOW + timedelta(days=1)
    ledger = replace(ledger, since=ahead, looked_at=ahead)
    remember(deployment.instance, alerts_of(deployment.sim.url), ledger.text())
    assert not refused_at(deployment).run("users").success
    assert look(one).since < ahead
    assert titles(sink) == ["🔴 失敗 / failed: raw/users"]


def test_a_token_that_is_not_renewed_is_reported(loaded: Deployment, sink: WebhookSink) -> None:
    one = watching(loaded, sink)
    look(replace(one, tokens=TokenState(NOW, NOW, NOW, "invalid_grant: it was revoked")))
    [said] = texts(sink)
    assert re.search(
        r"access to 127\.0\.0\.1(?s:.)*invalid_grant: it was revoked(?s:.)*backlog-elt login", said
    )
    look(replace(one, tokens=TokenState(NOW, NOW, None, None)))
    assert "recovered: access to 127.0.0.1" in texts(sink)[1]
