"""Runs whose process is gone, and how processes are distinguished."""

import logging
import subprocess
import sys
import time
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster import DagsterEventType
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.storage.tags import REPOSITORY_LABEL_TAG, TagType, get_tag_type
from dagster._daemon.monitoring.run_monitoring import check_run_timeout

from pipelines.living_runs import (
    ACTIVE,
    OLD_PROCESS_TAG,
    PROCESS_TAG,
    SILENT_HOURS,
    command_tags,
    end_dead_runs,
    end_runs,
)
from pipelines.processes import alive, mark, runs, started
from resources.dagster_tags import MAX_RUNTIME_TAG

NOBODY = "999999999@1.0"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def test_only_active_runs_of_commands_that_have_died_are_ended(
    instance: dg.DagsterInstance,
) -> None:
    def add(status: dg.DagsterRunStatus, process: str = "", tag: str = PROCESS_TAG) -> str:
        tags = {tag: process} if process else {}
        return instance.add_run(dg.DagsterRun(job_name="issues", status=status, tags=tags)).run_id

    started = dg.DagsterRunStatus.STARTED
    dead = {
        *(add(status, NOBODY) for status in ACTIVE if status != dg.DagsterRunStatus.QUEUED),
        add(ACTIVE[-1], NOBODY, OLD_PROCESS_TAG),  # of a version before this one
        add(started, mark().split("@")[0] + "@1.0"),
        add(started, "no mark"),
    }  # Dagster adds no queued run by hand
    kept = {
        add(started, mark()): started,
        add(started): started,
        add(dg.DagsterRunStatus.SUCCESS, NOBODY): dg.DagsterRunStatus.SUCCESS,
    }
    assert {*end_dead_runs(instance)} == dead
    found = {run.run_id: run.status for run in instance.get_runs()}
    assert found.items() >= kept.items()
    statuses = [found[run_id] for run_id in dead]
    # What somebody has canceled is not started once more, as Dagster does with what has failed.
    assert statuses.count(dg.DagsterRunStatus.CANCELED) == 2
    assert statuses.count(dg.DagsterRunStatus.FAILURE) == len(dead) - 2
    assert end_dead_runs(instance) == []


@pytest.mark.parametrize(("hours", "ends"), [(SILENT_HOURS - 1, False), (SILENT_HOURS + 1, True)])
def test_a_command_of_another_machine_is_dead_when_its_run_was_silent_for_long(
    instance: dg.DagsterInstance, hours: int, ends: bool
) -> None:
    tags = {PROCESS_TAG: "1@1.0@another-machine"}
    run = instance.add_run(
        dg.DagsterRun(job_name="issues", status=dg.DagsterRunStatus.STARTED, tags=tags)
    )
    said = dg.DagsterEvent(DagsterEventType.PIPELINE_START.value, "issues", message="at work")
    at = time.time() - hours * 3_600
    instance.report_dagster_event(said, run.run_id, timestamp=at)
    assert end_dead_runs(instance) == ([run.run_id] if ends else [])


def test_a_run_of_dagster_with_the_tags_of_a_command_is_left_to_dagster(
    instance: dg.DagsterInstance,
) -> None:
    server = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=4000)
    run = dg.DagsterRun(
        job_name="issues",
        status=dg.DagsterRunStatus.STARTED,
        tags={PROCESS_TAG: NOBODY},
        remote_job_origin=RemoteRepositoryOrigin(server, "__repository__").get_job_origin("issues"),
    )
    instance.add_run(run)
    assert end_dead_runs(instance) == []


def test_a_run_lost_during_its_cancellation_is_canceled_and_any_other_failed(
    instance: dg.DagsterInstance,
) -> None:
    run_ids = [
        instance.add_run(
            dg.DagsterRun(job_name="issues", status=dg.DagsterRunStatus[status])
        ).run_id
        for status in ("STARTED", "CANCELING", "CANCELED")
    ]
    assert {*end_runs(instance, run_ids, "it is gone")} == {*run_ids[:2]}
    found = {run.run_id: run.status.value for run in instance.get_runs()}
    assert found == dict(zip(run_ids, ("FAILURE", "CANCELED", "CANCELED"), strict=True))


def test_this_process_is_alive_and_one_with_its_number_but_another_start_is_not() -> None:
    assert alive(mark())
    number, moment, host = mark().split("@")
    earlier = f"{number}@{float(moment) - 3600}@{host}"
    assert [text for text in (earlier, NOBODY, "", "@", "12", "x@y") if alive(text)] == []


def test_a_process_that_has_ended_does_not_run() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        born = started(process.pid)
        assert born is not None
        assert runs(process.pid, born)
        process.kill()
        process.wait()
        assert started(process.pid) is None
        assert not runs(process.pid, born)


def test_the_run_of_a_command_is_listed_with_its_job_and_shows_no_tag_of_its_process() -> None:
    tags = command_tags("backlog_elt")
    shown = {
        name
        for name in tags
        if get_tag_type(name) != TagType.HIDDEN  # type: ignore[no-untyped-call]
    }
    assert shown == {MAX_RUNTIME_TAG}
    assert tags[REPOSITORY_LABEL_TAG] == "__repository__@backlog_elt"
    assert alive(tags[PROCESS_TAG])


@pytest.mark.parametrize("tags", [command_tags("backlog_elt"), {}], ids=["a command", "another"])
def test_the_run_of_a_command_may_take_days_though_others_are_ended_after_hours(
    instance: dg.DagsterInstance, tags: dict[str, str]
) -> None:
    twelve_hours, log = 43_200, logging.getLogger("dagster.daemon")
    started = dg.DagsterRunStatus.STARTED
    run = instance.add_run(dg.DagsterRun("issues", status=started, tags=tags))
    [record] = instance.get_run_records()
    long_ago = record._replace(start_time=time.time() - twelve_hours - 60)
    check_run_timeout(instance, long_ago, log, twelve_hours)
    checked = instance.get_run_by_id(run.run_id)
    assert checked is not None
    assert (checked.status == started) == bool(tags)
