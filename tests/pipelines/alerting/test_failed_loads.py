"""The alerter and loads that fail: what is reported, and what ends their alert."""

import dagster as dg
import pytest

from resources.dagster_tags import FIRST_LOAD_TAG, RANGE_END_TAG, RANGE_START_TAG
from resources.warehouse.state.known_spaces import failing_projects
from simulator import Fault
from tests.deployment import Deployment
from tests.pipelines.reports import alerter, look, texts, titles, watching
from tests.sinks import WebhookSink


def test_a_failed_load_is_over_when_the_last_of_its_projects_is_loaded(
    loaded: Deployment, sink: WebhookSink
) -> None:
    one = watching(loaded, sink)
    loaded.sim.faults.add(Fault(status=403, path="/issues", times=None))
    assert not loaded.run_issues(mode="incremental").success
    look(one)
    loaded.sim.faults.clear()
    first, *others = loaded.partitions
    assert loaded.run_issues(first, mode="incremental").success
    [lasting] = look(one).open.values()
    assert others[0] in lasting.problem.cause
    assert {*failing_projects(loaded.engine, loaded.sim.space.spec.space_key)} == {*others}
    assert loaded.run_issues(*others, mode="incremental").success
    assert look(one).open == {}
    assert [title[0] for title in titles(sink)] == ["🔴", "🟢"]


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_failed_load_is_not_over_with_a_count(loaded: Deployment, by_hand: bool) -> None:
    one = alerter(loaded)
    look(one)
    loaded.sim.faults.add(Fault(status=403, path="/issues/.*/comments", times=None))
    assert not loaded.run_issues().success
    [failed] = look(one).open
    assert not failing_projects(loaded.engine, loaded.sim.space.spec.space_key), (
        "the issues themselves were read"
    )
    counts = dg.AssetCheckKey(dg.AssetKey(["raw", "issues"]), "issue_counts_match_source")
    counted = loaded.by_hand(checks=[counts]) if by_hand else loaded.run("count_reconciliation")
    assert counted.success
    assert [*look(one).open] == [failed]


def test_an_unknown_key_is_not_reported_but_the_partitions_that_it_blocked_are(
    loaded: Deployment, sink: WebhookSink
) -> None:
    one = watching(loaded, sink)
    loaded.instance.add_dynamic_partitions("backlog_projects", ["TYPO"])
    assert not loaded.by_hand("issues", tags={"dagster/partition": "TYPO|2026-05"}).success
    loaded.run("count_reconciliation")
    assert look(one).open == {}
    mixed = {RANGE_START_TAG: "OPS|2026-05", RANGE_END_TAG: "TYPO|2026-05"}
    assert not loaded.by_hand("issues", tags=mixed).success
    [problem] = look(one).open.values()
    assert "no project has or had the key TYPO" in problem.problem.cause
    assert loaded.run_issues("OPS", "APP", first="2026-05", last="2026-05").success
    assert look(one).open == {}
    assert titles(sink) == ["🔴 失敗 / failed: raw/issues", "🟢 復旧 / recovered: raw/issues"]


def test_an_outage_is_reported_and_the_runs_that_it_failed_are_not(
    deployment: Deployment, sink: WebhookSink
) -> None:
    one = watching(deployment, sink)
    deployment.sim.stop()
    assert not deployment.run("users").success
    deployment.change("UPDATE ops.source_conditions SET began_at = began_at - interval '3 minutes'")
    for _ in range(2):
        assert look(one).open.keys() == {"source", "run/raw__users"}
    [said] = texts(sink)
    assert said.startswith("🔴 失敗 / failed: Backlog at 127.0.0.1:")
    assert "no answer from 127.0.0.1" in said
    deployment.sim.start()
    assert deployment.run("users").success
    assert look(one).open == {}
    assert titles(sink)[1].startswith("🟢 復旧 / recovered: Backlog at ")


@pytest.mark.parametrize("first", [True, False])
def test_a_first_load_that_is_broken_off_is_told_at_once_and_another_is_not(
    deployment: Deployment, sink: WebhookSink, first: bool
) -> None:
    one = watching(deployment, sink)
    tags = {FIRST_LOAD_TAG: "true"} if first else {}
    deployment.sim.faults.add(Fault(status=503, path="/users", times=None))
    assert not deployment.run("users", tags=tags).success
    assert look(one).open.keys() == {"run/raw__users"}
    assert [title[0] for title in titles(sink)] == ["🔴"] * first
    deployment.sim.faults.clear()
    assert deployment.run("users", tags=tags).success
    assert look(one).open == {}
    assert [title[0] for title in titles(sink)] == ["🔴", "🟢"] * first
