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

from pipelines.processes import alive, mark, runs, started
from pipelines.runs import (
    ACTIVE,
    OLD_PROCESS_TAG,
    PROCESS_TAG,
    SILENT_HOURS,
    command_tags,
    end_dead_runs,
    end_runs,
)
from resources.dagster_tags import MAX_RUNTIME_TAG

NOBODY = "999999999@1.0"


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    """Start a process that sleeps."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


def test_only_active_runs_of_commands_that_have_died_are_ended() -> None:
    with dg.DagsterInstance.ephemeral() as instance:

        def add(status: dg.DagsterRunStatus, process: str | None) -> str:
            tags = {PROCESS_TAG: process} if process else {}
            return instance.add_run(
                dg.DagsterRun(job_name="issues", status=status, tags=tags)
            ).run_id

        dead = {
            add(status, NOBODY) for status in ACTIVE if status != dg.DagsterRunStatus.QUEUED
        }  # Dagster adds no such run by hand
        # Of a version before this one.
        dead.add(
            instance.add_run(
                dg.DagsterRun("issues", status=ACTIVE[-1], tags={OLD_PROCESS_TAG: NOBODY})
            ).run_id
        )
        reused = add(dg.DagsterRunStatus.STARTED, mark().split("@")[0] + "@1.0")
        broken = add(dg.DagsterRunStatus.STARTED, "no mark")
        kept = {
            add(dg.DagsterRunStatus.STARTED, mark()): dg.DagsterRunStatus.STARTED,
            add(dg.DagsterRunStatus.STARTED, None): dg.DagsterRunStatus.STARTED,
            add(dg.DagsterRunStatus.SUCCESS, NOBODY): dg.DagsterRunStatus.SUCCESS,
        }
        ended = end_dead_runs(instance)
        assert set(ended) == dead | {reused, broken}
        assert {run.run_id: run.status for run in instance.get_runs() if run.run_id in kept} == kept
        statuses = [run.status for run in instance.get_runs() if run.run_id in ended]
        # What somebody has canceled is not started once more, as Dagster does with what has failed.
        assert statuses.count(dg.DagsterRunStatus.CANCELED) == 2
        assert statuses.count(dg.DagsterRunStatus.FAILURE) == len(ended) - 2
        assert end_dead_runs(instance) == []


@pytest.mark.parametrize(("hours", "ends"), [(SILENT_HOURS - 1, False), (SILENT_HOURS + 1, True)])
def test_a_command_of_another_machine_is_dead_when_its_run_was_silent_for_long(
    hours: int, ends: bool
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        tags = {PROCESS_TAG: "1@1.0@another-machine"}
        run = instance.add_run(
            dg.DagsterRun(job_name="issues", status=dg.DagsterRunStatus.STARTED, tags=tags)
        )
        said = dg.DagsterEvent(DagsterEventType.PIPELINE_START.value, "issues", message="at work")
        at = time.time() - hours * 3_600
        entry = dg.EventLogEntry(
            None, 20, "", run.run_id, at, job_name="issues", dagster_event=said
        )  # type: ignore[no-untyped-call]
        instance.store_event(entry)
        assert end_dead_runs(instance) == ([run.run_id] if ends else [])


def test_a_run_of_dagster_with_the_tags_of_a_command_is_left_to_dagster() -> None:
    server = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=4000)
    origin = RemoteRepositoryOrigin(server, "__repository__").get_job_origin("issues")
    run = dg.DagsterRun(
        job_name="issues",
        status=dg.DagsterRunStatus.STARTED,
        tags={PROCESS_TAG: NOBODY},
        remote_job_origin=origin,
    )
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_run(run)
        assert end_dead_runs(instance) == []


def test_a_run_lost_during_its_cancellation_is_canceled_and_any_other_failed() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        at_work = (
            dg.DagsterRunStatus.STARTED,
            dg.DagsterRunStatus.CANCELING,
            dg.DagsterRunStatus.CANCELED,
        )
        run_ids = [
            instance.add_run(dg.DagsterRun(job_name="issues", status=status)).run_id
            for status in at_work
        ]
        assert {*end_runs(instance, run_ids, "it is gone")} == {*run_ids[:2]}
        found = [instance.get_run_by_id(run_id) for run_id in run_ids]
        assert [run.status.value for run in found if run] == ["FAILURE", "CANCELED", "CANCELED"]


def test_this_process_is_alive_and_one_with_its_number_but_another_start_is_not() -> None:
    assert alive(mark())
    number, moment, host = mark().split("@")
    assert not alive(f"{number}@{float(moment) - 3600}@{host}")
    assert not alive(NOBODY)


@pytest.mark.parametrize("text", ["", "@", "12", "x@y"])
def test_a_mark_that_cannot_be_read_is_nobody(text: str) -> None:
    assert not alive(text)


def test_a_process_that_has_ended_does_not_run(sleeper: "subprocess.Popen[bytes]") -> None:
    born = started(sleeper.pid)
    assert born is not None
    assert runs(sleeper.pid, born)
    sleeper.kill()
    sleeper.wait()
    assert started(sleeper.pid) is None
    assert not runs(sleeper.pid, born)


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


def test_the_run_of_a_command_may_take_days_though_others_are_ended_after_hours() -> None:
    twelve_hours, log = 43_200, logging.getLogger("dagster.daemon")
    with dg.DagsterInstance.ephemeral() as instance:
        found = {}
        for tags in (command_tags("backlog_elt"), {}):
            run = instance.add_run(
                dg.DagsterRun("issues", status=dg.DagsterRunStatus.STARTED, tags=tags)
            )
            record = instance.get_run_records(dg.RunsFilter(run_ids=[run.run_id]))[0]
            check_run_timeout(
                instance,
                record._replace(start_time=time.time() - twelve_hours - 60),
                log,
                twelve_hours,
            )
            checked = instance.get_run_by_id(run.run_id)
            found[bool(tags)] = checked.status  # type: ignore[union-attr]
    assert found[True] == dg.DagsterRunStatus.STARTED
    assert found[False] != dg.DagsterRunStatus.STARTED
