"""The alerter and partition keys that are not a project's: nothing is reported that nobody can
load.
"""

import json
from datetime import UTC, datetime

from pipelines.alerting.alerter import Alerter
from resources.alerts.channels import Slack
from resources.dagster_tags import RANGE_END_TAG, RANGE_START_TAG
from resources.secret import Secret
from tests.deployment import Deployment
from tests.sinks import WebhookSink


def test_an_unknown_key_is_not_reported_but_the_partitions_that_it_blocked_are(
    loaded: Deployment,
) -> None:
    with WebhookSink() as sink:
        alerter = Alerter(
            loaded.instance,
            loaded.warehouse,
            loaded.sim.url,
            [Slack(Secret(sink.url))],
            "http://dagster",
        )
        alerter.look(datetime.now(UTC))
        loaded.instance.add_dynamic_partitions("backlog_projects", ["TYPO"])
        assert not loaded.by_hand("issues", tags={"dagster/partition": "TYPO|2026-05"}).success
        loaded.run("count_reconciliation")
        assert alerter.look(datetime.now(UTC)).open == {}
        mixed = {RANGE_START_TAG: "OPS|2026-05", RANGE_END_TAG: "TYPO|2026-05"}
        assert not loaded.by_hand("issues", tags=mixed).success
        [problem] = alerter.look(datetime.now(UTC)).open.values()
        assert "no project has or had the key TYPO" in problem.problem.cause
        assert loaded.run_issues("OPS", "APP", first="2026-05", last="2026-05").success
        assert alerter.look(datetime.now(UTC)).open == {}
        lines = [json.loads(body)["text"].splitlines()[0] for _, body in sink.received]
    assert lines == ["🔴 失敗 / failed: raw/issues", "🟢 復旧 / recovered: raw/issues"]
