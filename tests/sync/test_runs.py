"""How a run stands, by what Dagster says of it and by its rows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from resources.dagster_tags import (
    AGAIN_TAG,
    CAUSE_TAG,
    CODE_LOCATION_TAG,
    FAILURE_REASON_TAG,
    FIRST_LOAD_TAG,
    GONE_ON_TAG,
    RETRIED_IN_TAG,
    WILL_RETRY_TAG,
)
from resources.warehouse.state.seen_conditions import Condition
from sync.runs import Judgement, Run, RunState, judge

BEGAN = datetime(2026, 7, 1, 9, tzinfo=UTC)
ENDED = BEGAN + timedelta(minutes=5)
OF_DAGSTER = {CODE_LOCATION_TAG: "acme"}
AWAY = Condition("unreachable", BEGAN, "no answer", ENDED, "no_answer")
BY_SIGNAL = {FAILURE_REASON_TAG: "UNEXPECTED_TERMINATION"}


def run(state: RunState, tags: dict[str, str] = OF_DAGSTER, **more: Any) -> Run:
    return Run("4a1c3484-1", "issues", state, BEGAN, BEGAN, ENDED, tags, (), **more)


@pytest.mark.parametrize(
    ("statuses", "seen", "judged"),
    [
        ([], run("queued"), Judgement("waiting")),
        (["in_progress", "failed"], run("running"), Judgement("working")),
        (["completed"], run("running"), Judgement("working")),
        (["failed", "completed"], run("completed"), Judgement("completed")),
        (["interrupted"], run("canceled"), Judgement("canceled")),
        (["interrupted"], run("failed", BY_SIGNAL), Judgement("canceled")),
        # One that was made again of such a run may have its tags.
        (["in_progress"], run("running", BY_SIGNAL), Judgement("working")),
        (["completed"], run("completed", BY_SIGNAL), Judgement("completed")),
        (["completed"], None, Judgement("completed")),
        (["in_progress"], None, Judgement("working")),
        # An earlier version noted in the row that a person had canceled the run.
        (["canceled"], None, Judgement("canceled")),
    ],
)
def test_a_run_that_works_went_well_or_was_canceled_has_no_cause(
    statuses: list[Any], seen: Run | None, judged: Judgement
) -> None:
    causes = ["interrupted" for one in statuses if one in ("interrupted", "failed", "canceled")]
    assert judge(statuses, causes, ENDED, seen, None) == judged


@pytest.mark.parametrize(
    ("tags", "more", "judged"),
    [
        # Dagster calls it running until it misses the process: nobody knows yet when it goes on.
        ({}, {"state": "running"}, Judgement("again", "interrupted")),
        ({}, {}, Judgement("again", "interrupted", ENDED + timedelta(minutes=1))),
        ({AGAIN_TAG: "1"}, {}, Judgement("again", "interrupted", ENDED + timedelta(minutes=10))),
        ({AGAIN_TAG: "3"}, {}, Judgement("failed", "interrupted")),
        ({AGAIN_TAG: "3", WILL_RETRY_TAG: "true"}, {}, Judgement("again", "interrupted")),
        (
            {WILL_RETRY_TAG: "true", RETRIED_IN_TAG: "b2"},
            {},
            Judgement("healed", "interrupted", None, "b2"),
        ),
        ({GONE_ON_TAG: "f95e@4a1c3484"}, {}, Judgement("healed", "interrupted", None, "f95e")),
        # A re-execution inherits the tag of the run before it.
        ({GONE_ON_TAG: "4a1c@00000000", AGAIN_TAG: "3"}, {}, Judgement("failed", "interrupted")),
        ({}, {"state": "canceled", "backfill_lost": True}, Judgement("again", "interrupted",
            ENDED + timedelta(minutes=1))),
    ],
)  # fmt: skip
def test_an_interrupted_run_goes_on_by_itself_until_it_was_tried_often_enough(
    tags: dict[str, str], more: dict[str, Any], judged: Judgement
) -> None:
    seen = run(**{"state": "failed", "tags": OF_DAGSTER | tags} | more)
    assert judge(["interrupted"], ["interrupted"], ENDED, seen, None) == judged


@pytest.mark.parametrize(
    ("cause", "condition", "state"),
    [
        ("no_answer", None, "again"),
        ("key_refused", None, "failed"),
        ("key_refused", AWAY, "again"),
        ("defect", AWAY, "failed"),
        (None, None, "failed"),
    ],
)
def test_a_failed_row_goes_on_where_its_cause_passes_or_an_outage_covers_it(
    cause: str | None, condition: Condition | None, state: str
) -> None:
    for seen in (run("failed"), None):
        assert judge(["failed"], [cause], ENDED, seen, condition).state == state


def test_a_command_that_was_killed_has_no_time_at_which_it_goes_on() -> None:
    assert judge(["interrupted"], ["interrupted"], ENDED, run("failed", {}), None) == Judgement(
        "again", "interrupted"
    )
    of_up = {FIRST_LOAD_TAG: "yes"} | BY_SIGNAL
    assert judge([], [], None, run("failed", of_up), None) == Judgement("again", "interrupted")


@pytest.mark.parametrize(
    ("tags", "seconds", "cause"),
    [
        ({CAUSE_TAG: "no_answer@4a1c3484", FAILURE_REASON_TAG: "STEP_FAILURE"}, 5, "no_answer"),
        ({CAUSE_TAG: "no_answer@00000000", FAILURE_REASON_TAG: "STEP_FAILURE"}, 5, "defect"),
        ({FAILURE_REASON_TAG: "JOB_INITIALIZATION_FAILURE"}, 5, "not_started"),
        ({}, 5, "interrupted"),
        ({}, 86_400, "overtime"),
    ],
)
def test_the_cause_of_a_run_without_a_row_is_that_of_its_tags(
    tags: dict[str, str], seconds: int, cause: str
) -> None:
    ended = Run("4a1c3484-1", "marts", "failed", BEGAN, BEGAN,
                BEGAN + timedelta(seconds=seconds), OF_DAGSTER | tags, ())  # fmt: skip
    assert judge([], [], None, ended, None).cause == cause
