"""The alerter on real runs, a real warehouse and real receivers: told once, well again told once, and nothing lost between."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.storage.tags import CODE_LOCATION_TAG

from pipelines.alerting.ledger import Ledger
from pipelines.alerting.sensor import Alerter, alerts
from pipelines.state import alerts as status_alerts
from resources.alerts.channels import Channel, Slack, Teams
from resources.simulator import Fault
from resources.tokens import TokenState
from resources.warehouse.heartbeats import alerts_of, last_beat
from resources.warehouse.resource import WarehouseResource
from tests.deployment import Deployment, checks
from tests.pipelines.ticking import Daemon
from tests.sinks import WebhookSink

NOW = datetime.now(UTC)


@pytest.fixture
def sink() -> Iterator[WebhookSink]:
    with WebhookSink() as made:
        yield made


def alerter(deployment: Deployment, *channels: Channel) -> Alerter:
    return Alerter(deployment.instance, deployment.warehouse, deployment.sim.url, channels, "http://dagster")


def look(one: Alerter, minutes: float = 0.0) -> Ledger:
    return one.look(datetime.now(UTC) + timedelta(minutes=minutes))


def texts(sink: WebhookSink) -> list[str]:
    return [json.loads(body)["text"] for _, body in sink.received]


def test_a_failed_run_is_told_once_with_its_cause_and_once_more_when_it_is_well_again(
    deployment: Deployment, sink: WebhookSink
) -> None:
    one = alerter(deployment, Slack(sink.url))
    look(one)
    refused = Deployment(**{**deployment.__dict__, "api_key": "of-nobody-at-all"})
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
    assert texts(sink)[1].splitlines()[0] == "🟢 復旧 / recovered: raw/users"
    assert len(texts(sink)) == 2


def test_a_red_check_is_told_with_what_it_says(loaded: Deployment, sink: WebhookSink) -> None:
    one = alerter(loaded, Slack(sink.url))
    look(one)
    loaded.change("DELETE FROM raw.issues WHERE id = (SELECT min(id) FROM raw.issues)")
    loaded.run("census")
    look(one)
    [said] = texts(sink)
    assert said.splitlines()[0] == "🔴 失敗 / failed: raw/issues: issue_counts_match_source"
    assert "cause: 2 of 3 projects are equal; not WEB" in said


def test_a_channel_that_fails_keeps_no_other_from_being_told_and_is_told_later_itself(
    deployment: Deployment, sink: WebhookSink
) -> None:
    with WebhookSink() as broken:
        broken.status = 500
        one = alerter(deployment, Teams(broken.url), Slack(sink.url))
        look(one)
        Deployment(**{**deployment.__dict__, "api_key": "of-nobody-at-all"}).run("users")
        for _ in range(3):
            look(one)
        assert (len(sink.received), len(broken.received)) == (1, 0)
        broken.status = 200
        assert len(look(one, minutes=11).waiting) == 0
        assert (len(sink.received), len(broken.received)) == (1, 1)


def test_a_death_right_after_a_message_does_not_tell_it_again(deployment: Deployment, sink: WebhookSink) -> None:
    class Killed(Exception):  # noqa: N818 - it stands for a signal
        pass

    class Dying:
        name = "dying"

        def send(self, message: object) -> None:
            raise Killed

    look(alerter(deployment))
    refused = Deployment(**{**deployment.__dict__, "api_key": "of-nobody-at-all"})
    refused.run("users")
    refused.run("projects")
    with pytest.raises(Killed):
        look(alerter(deployment, Dying()))
    # What was remembered before the death is sent by the next one, each message once.
    name = alerts_of(deployment.sim.url)
    ledger = Ledger.read(deployment.instance.daemon_cursor_storage.get_cursor_values({name})[name], NOW)
    waiting = len(ledger.waiting)
    assert waiting >= 2
    slack = Slack(sink.url, name="dying")
    for _ in range(2):
        look(alerter(deployment, slack))
    assert len(sink.received) == len(set(texts(sink))) == waiting


def test_a_warehouse_that_is_gone_is_told_and_so_is_its_return(loaded: Deployment, sink: WebhookSink) -> None:
    one = alerter(loaded, Slack(sink.url))
    gone = Alerter(loaded.instance, WarehouseResource(url="postgresql://nobody@127.0.0.1:9/none"), one.url, one.channels, "")
    look(gone)
    assert texts(sink)[0].splitlines()[0] == "🔴 失敗 / failed: warehouse"
    look(one)
    assert texts(sink)[1].splitlines()[0] == "🟢 復旧 / recovered: warehouse"


def test_silence_is_told_by_what_the_log_of_syncs_says(loaded: Deployment, sink: WebhookSink) -> None:
    one = alerter(loaded, Slack(sink.url))
    assert loaded.run("projects").success
    look(one)
    assert look(one, minutes=6 * 60).open == {}
    assert list(look(one, minutes=8 * 60).open) == ["silent/projects"]
    assert "no sync of projects has succeeded" in texts(sink)[0]


def test_a_location_that_loads_no_space_is_not_told_to_be_silent(loaded: Deployment) -> None:
    one = replace(alerter(loaded), url="")
    look(one)
    assert look(one, minutes=48 * 60).open == {}


def test_runs_of_another_code_location_are_told_by_that_one(deployment: Deployment, sink: WebhookSink) -> None:
    one = replace(alerter(deployment, Slack(sink.url)), location="acme")
    look(one)
    deployment.sim.faults.add(Fault(status=400, path="/.*", times=None))
    assert not deployment.run("users", tags={CODE_LOCATION_TAG: "beta"}).success
    assert look(one).open == {}
    assert not deployment.run("users", tags={CODE_LOCATION_TAG: "acme"}).success
    look(one)
    assert len(texts(sink)) == 1


def test_a_look_gives_a_sign_of_life_with_what_is_open(loaded: Deployment) -> None:
    name = alerts_of(loaded.sim.url)
    assert last_beat(loaded.engine, name) is None
    look(alerter(loaded))
    beat = last_beat(loaded.engine, name)
    assert beat is not None
    assert beat[1]
    assert beat[2] == {"open": [], "waiting": 0, "channels": []}
    loaded.change("UPDATE ops.heartbeats SET beat_at = now() - interval '11 minutes'")
    beat = last_beat(loaded.engine, name)
    assert beat is not None
    assert not beat[1]


def test_a_dead_alerter_is_seen_by_a_check_and_by_status(loaded: Deployment) -> None:
    def seen() -> bool:
        return checks(loaded.run("census"))["alerter_is_alive"]

    assert seen(), "no daemon was ever started"
    look(alerter(loaded))
    assert seen()
    loaded.change("UPDATE ops.heartbeats SET beat_at = now() - interval '11 minutes'")
    assert not seen()
    told = status_alerts(loaded.backlog, loaded.warehouse)
    assert (told["alive"], told["open"]) == (False, [])


def test_a_token_that_is_not_renewed_is_told(loaded: Deployment, sink: WebhookSink) -> None:
    one = alerter(loaded, Slack(sink.url))
    look(one)
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
    assert isinstance(alerts, dg.SensorDefinition)
    assert alerts.default_status == dg.DefaultSensorStatus.RUNNING
