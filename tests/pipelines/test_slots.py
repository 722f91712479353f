"""The slots for runs in dagster.yaml: no run that may last for hours keeps one waiting that is
short.
"""

from typing import Any

import dagster as dg
import pytest
from dagster._utils.tags import TagConcurrencyLimitsCounter
from dagster_shared.yaml_utils import load_yaml_from_path

from pipelines.hosting.environment import PROJECT_ROOT
from pipelines.jobs import JOBS
from resources.dagster_tags import KIND_TAG

INSTANCE: Any = load_yaml_from_path(str(PROJECT_ROOT / "dagster.yaml"))
RUNS = INSTANCE["concurrency"]["runs"]
KINDS = {job.name: dict(job.tags or {}) for job in JOBS}
BACKFILL = {"dagster/backfill": "abcdefgh"}
#: They read many issues, or wait for a load that does.
MAY_LAST = [KINDS["issues"], KINDS["targeted_sync"], KINDS["rolling_refresh"], BACKFILL]


def blocked(tags: dict[str, str], *working: dict[str, str]) -> bool:
    """Say whether the daemon lets a run wait while others work."""
    runs = [dg.DagsterRun(job_name="a", tags=one) for one in working]
    if len(runs) >= RUNS["max_concurrent_runs"]:
        return True
    return bool(
        TagConcurrencyLimitsCounter(RUNS["tag_concurrency_limits"], runs).is_blocked(
            dg.DagsterRun(job_name="b", tags=tags)
        )
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_waits_for_one_of_its_kind_and_for_no_other_kind(kind: str) -> None:
    assert KINDS[kind][KIND_TAG] == kind
    assert blocked(KINDS[kind], KINDS[kind])
    assert not blocked(KINDS[kind], *(one for one in MAY_LAST if one != KINDS[kind]))


def test_the_runs_of_backfills_follow_each_other() -> None:
    assert blocked({"dagster/backfill": "another"}, BACKFILL)


def test_two_short_runs_find_a_slot_while_all_long_runs_are_running() -> None:
    assert not blocked(KINDS["users"], *MAY_LAST)
    assert not blocked(KINDS["projects"], *MAY_LAST, KINDS["users"])
