"""The alerter and loads that fail: what ends their alert, and what does not."""

import json
from contextlib import closing
from datetime import UTC, datetime

from pipelines.alerting.alerter import Alerter
from resources.alerts.channels import Slack
from resources.secret import Secret
from resources.warehouse.sync_log import failing_projects
from simulator import Fault
from tests.deployment import Deployment
from tests.sinks import WebhookSink


def test_a_failed_load_is_over_when_the_last_of_its_projects_is_loaded_and_neither_with_another_nor_with_a_count(
    loaded: Deployment,
) -> None:
    with WebhookSink() as sink:
        alerter = Alerter(loaded.instance, loaded.warehouse, loaded.sim.url, [Slack(Secret(sink.url))], "http://dagster")
        alerter.look(datetime.now(UTC))
        loaded.sim.faults.add(Fault(status=403, path="/issues", times=None))
        assert not loaded.run_issues(mode="incremental").success
        alerter.look(datetime.now(UTC))
        loaded.sim.faults.clear()
        first, *others = loaded.partitions
        assert loaded.run_issues(first, mode="incremental").success
        assert loaded.run("count_reconciliation").success
        [lasting] = alerter.look(datetime.now(UTC)).open.values()
        assert others[0] in lasting.problem.cause
        with closing(loaded.warehouse) as warehouse:
            assert {*failing_projects(warehouse.engine, loaded.sim.space.spec.space_key)} == {*others}
        assert loaded.run_issues(*others, mode="incremental").success
        assert alerter.look(datetime.now(UTC)).open == {}
        lines = [json.loads(body)["text"].splitlines()[0] for _, body in sink.received]
    assert [line[:10] for line in lines] == ["🔴 失敗 / fai", "🟢 復旧 / rec"]
