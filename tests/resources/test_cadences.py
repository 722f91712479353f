"""The table of cadences, and all that must follow from it: schedules, sensors, freshness, silence
and the documents.
"""

import re
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from pipelines.definitions import defs
from resources.cadences import (
    CADENCES,
    FRESH_WITHIN,
    MARTS,
    Cadence,
)
from resources.warehouse.raw.schema import SPECS

ROOT = Path(__file__).parents[2]
REPOSITORY = defs.get_repository_def()
SCHEDULED = [cadence for cadence in CADENCES if cadence.cron]
#: Without the reference, which is made from the table.
DOCUMENTS = sorted(
    {*ROOT.glob("README*.md"), *(ROOT / "docs").glob("*.md")} - {ROOT / "docs" / "reference.md"}
)


def test_each_schedule_and_each_sensor_has_an_entry_and_ticks_as_it_says() -> None:
    ticks = {schedule.name: schedule.cron_schedule for schedule in REPOSITORY.schedule_defs}
    assert ticks == {one.name: one.cron_of(None) for one in SCHEDULED}
    looks = {sensor.name: sensor.minimum_interval_seconds for sensor in REPOSITORY.sensor_defs}
    assert looks == {one.name: one.seconds for one in CADENCES if one.seconds}
    assert len(ticks) + len(looks) == len(CADENCES)


def test_each_entry_names_the_job_that_it_runs() -> None:
    jobs: dict[str, str | None] = {one.name: one.job_name for one in REPOSITORY.schedule_defs}
    jobs |= {one.name: one.job_name for one in REPOSITORY.sensor_defs if one.name == MARTS.name}
    assert {one.name: one.job for one in CADENCES if one.name in jobs} == jobs
    assert {one.job for one in CADENCES if one.job} <= {
        job.name for job in REPOSITORY.get_all_jobs()
    }


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("cadence", SCHEDULED, ids=lambda cadence: cadence.name)
def test_the_next_tick_is_the_one_that_dagster_takes(cadence: Cadence, zone: str) -> None:
    cron = cadence.cron_of("https://acme.backlog.com")
    # The first night of summer time in New York is among these days; in it Dagster makes up what
    # the clock leaves out.
    for day in (6, 7, 10):
        now = datetime(2026, 3, day, 11, 59, 30, tzinfo=UTC)
        expected = next(schedule_execution_time_iterator(now.timestamp(), cron, zone))
        assert cadence.next_tick(now, ZoneInfo(zone), "https://acme.backlog.com") == expected


def test_a_sensor_has_no_next_tick() -> None:
    assert MARTS.next_tick(datetime.now(UTC), UTC, None) is None


@pytest.mark.parametrize("cadence", SCHEDULED, ids=lambda cadence: cadence.name)
def test_the_interval_of_a_schedule_is_the_one_of_its_cron(cadence: Cadence) -> None:
    ticks = schedule_execution_time_iterator(
        datetime(2026, 7, 1, tzinfo=UTC).timestamp(), cadence.cron_of(None), "UTC"
    )
    moments = [next(ticks) for _ in range(30)]
    assert {later - earlier for earlier, later in pairwise(moments)} == {cadence.interval}


def test_each_table_is_kept_fresh_by_one_cadence_and_each_asset_says_so() -> None:
    assert [table for one in CADENCES for table in one.tables if table not in SPECS] == []
    assert sorted(table for one in CADENCES for table in one.tables) == sorted(SPECS)
    graph = defs.resolve_asset_graph()
    policies = {
        key: graph.get(key).freshness_policy
        for key in graph.materializable_asset_keys
        if graph.get(key).group_name in {"raw", "mart"}
    }
    for key, policy in policies.items():
        within = FRESH_WITHIN[key.path[-1]] if key.path[0] == "raw" else MARTS.fresh_within
        assert policy == dg.FreshnessPolicy.time_window(fail_window=within), key


def rows(document: Path) -> dict[str, str]:
    """Return name -> words of the rows of a document that say when a schedule or sensor ticks."""
    names = {one.name for one in CADENCES}
    found = re.findall(r"^\| `(\w+)`[^|]*\| ([^|]+) \|", document.read_text(), re.MULTILINE)
    return {name: words for name, words in found if name in names}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_a_document_that_says_when_something_runs_says_what_the_table_says(document: Path) -> None:
    found, japanese = rows(document), document.name.endswith(".ja.md")
    assert found == {
        one.name: one.when("ja" if japanese else "en") for one in CADENCES if one.name in found
    }


@pytest.mark.parametrize("japanese", [False, True], ids=["English", "Japanese"])
def test_the_documents_of_each_language_name_all_that_runs(japanese: bool) -> None:
    found = [
        set(rows(document))
        for document in DOCUMENTS
        if document.name.endswith(".ja.md") == japanese
    ]
    assert set().union(*found) == {one.name for one in CADENCES}
