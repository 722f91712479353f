"""The alerter and loads that fail: what ends their alert, and what does not."""

import json
from contextlib import closing
from datetime import UTC, datetime

import dagster as dg
import pytest

from pipelines.alerting.alerter import Alerter
from resources.alerts.channels import Slack
from resources.secret import Secret
from resources.warehouse.known_spaces import failing_projects
from simulator import Fault
from tests.deployment import Deployment
from tests.sinks import WebhookSink


def test_a_failed_load_is_over_when_the_last_of_its_projects_is_loaded(loaded: Deployment) -> None:
    with WebhookSink() as sink:
        alerter = Alerter(
            loaded.instance,
            loaded.warehouse,
            loaded.sim.url,
            [Slack(Secret(sink.url))],
            "http://dagster",
        )
        alerter.look(datetime.now(UTC))
        loaded.sim.faults.add(Fault(status=403, path="/issues", times=None))
        assert not loaded.run_issues(mode="incremental").success
        alerter.look(datetime.now(UTC))
        loaded.sim.faults.clear()
        first, *others = loaded.partitions
        assert loaded.run_issues(first, mode="incremental").success
        [lasting] = alerter.look(datetime.now(UTC)).open.values()
        assert others[0] in lasting.problem.cause
        with closing(loaded.warehouse) as warehouse:
            assert {*failing_projects(warehouse.engine, loaded.sim.space.spec.space_key)} == {
                *others
            }
        assert loaded.run_issues(*others, mode="incremental").success
        assert alerter.look(datetime.now(UTC)).open == {}
        lines = [json.loads(body)["text"].splitlines()[0] for _, body in sink.received]
    assert [line.split(":")[0] for line in lines] == ["🔴 失敗 / failed", "🟢 復旧 / recovered"]


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_failed_load_is_not_over_with_a_count(loaded: Deployment, by_hand: bool) -> None:
    alerter = Alerter(loaded.instance, loaded.warehouse, loaded.sim.url, [], "http://dagster")
    alerter.look(datetime.now(UTC))
    loaded.sim.faults.add(Fault(status=403, path="/issues/.*/comments", times=None))
    assert not loaded.run_issues().success
    [failed] = alerter.look(datetime.now(UTC)).open
    with closing(loaded.warehouse) as warehouse:
        assert not failing_projects(warehouse.engine, loaded.sim.space.spec.space_key), (
            "the issues themselves were read"
        )
    counts = dg.AssetCheckKey(dg.AssetKey(["raw", "issues"]), "issue_counts_match_source")
    assert (
        loaded.by_hand(checks=[counts]) if by_hand else loaded.run("count_reconciliation")
    ).success
    assert [*alerter.look(datetime.now(UTC)).open] == [failed]
