"""The alerter and a source that goes away and comes back: each is reported once, and the runs that
it failed are not.
"""

from resources.alerts.channels import Slack
from resources.secret import Secret
from tests.deployment import Deployment
from tests.pipelines.sensors.test_alerts import alerter, look, sink, texts
from tests.sinks import WebhookSink

__all__ = ["sink"]


def test_an_outage_is_reported_and_the_runs_that_it_failed_are_not(
    deployment: Deployment, sink: WebhookSink
) -> None:
    one = alerter(deployment, Slack(Secret(sink.url)))
    look(one)
    deployment.sim.stop()
    failed = deployment.run("users")
    assert not failed.success
    deployment.change("UPDATE ops.source_conditions SET began_at = began_at - interval '3 minutes'")
    assert look(one).open.keys() == {"source", "run/raw__users"}
    [said] = texts(sink)
    assert said.splitlines()[0].startswith("🔴 失敗 / failed: Backlog at 127.0.0.1:")
    assert "cause: it is unreachable since " in said
    assert "no answer from 127.0.0.1" in said
    assert "loads resume when it answers" in said
    look(one)
    assert len(texts(sink)) == 1
    deployment.sim.start()
    assert deployment.run("users").success
    assert look(one).open == {}
    assert [text.splitlines()[0].split(":")[0] for text in texts(sink)] == [
        "🔴 失敗 / failed",
        "🟢 復旧 / recovered",
    ]
