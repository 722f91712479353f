"""What is a problem and what is over: runs, checks, silence, the source."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipelines.alerting.facts import Check, Ended, FailedStep
from pipelines.alerting.problems import (
    LEFT_FAILED,
    STALE,
    are_of_backfills,
    covered,
    of_backfills,
    of_run,
    of_silence,
    of_source,
    tells_of_half_a_space,
)
from resources.conditions import ConditionKind
from resources.problems.causes import Failure
from resources.problems.names import LANGUAGES
from resources.warehouse.state.seen_conditions import Condition

NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
WHY = Failure("not_allowed", "GET /issues: 403")
FAILED = Ended(
    "r1",
    "issues",
    NOW,
    succeeded=False,
    partition="A|2026-01 … B|2026-02",
    failures=(FailedStep("raw__issues", "raw/issues", WHY),),
)
LOAD = replace(FAILED, failures=(FailedStep("issue_tables", "raw/issues", WHY),))


def test_a_failed_step_is_a_problem_until_it_succeeds_in_a_later_run() -> None:
    [problem], _ = of_run(FAILED)
    said = {"asset": "raw/issues", "partition": FAILED.partition, "run_id": "r1"}
    said |= {"cause": "the user lacks the permission (GET /issues: 403)", "severity": "act"}
    assert problem.as_json().items() >= said.items()
    later = replace(FAILED, run_id="r2", partition="A|2026-02", failures=())
    later = replace(later, succeeded=True, steps=("raw__issues",))
    assert of_run(later) == ([], [problem.key, "run/issues"])


def test_a_failed_load_of_issues_is_a_problem_until_every_project_is_read() -> None:
    [problem], _ = of_run(LOAD, all_read=False)
    steps = ("issue_tables", "raw__users")
    one = replace(LOAD, succeeded=True, partition="A|2026-01", failures=(), steps=steps)
    assert of_run(one, all_read=False)[1] == ["run/raw__users", "run/issues"]
    assert problem.key in of_run(one)[1]
    assert of_run(replace(one, job="__ASSET_JOB"))[1] == [], "partitions are matters of their own"


#: What a build could not make -> the keys of those of three open problems that it ends.
BUILDS = [
    (None, []),
    ({}, ["view/mart.a", "view/mart.b"]),
    ({"mart.b": "why", "mart.c": "why"}, ["view/mart.a"]),
]


@pytest.mark.parametrize(("not_made", "ends"), BUILDS)
def test_a_view_is_a_problem_until_a_build_can_make_it(
    not_made: dict[str, str] | None, ends: list[str]
) -> None:
    other = {"relation": "mart.d", "line": "it has no primary key", "view_not_made": False}
    notes = not_made and [
        {"relation": relation, "line": line, "view_not_made": True}
        for relation, line in not_made.items()
    ]
    run = Ended("r1", "marts", NOW, succeeded=True, partition="")
    run = replace(run, notes=None if not_made is None else [other, *(notes or ())])
    found, ended = of_run(run, known=["view/mart.a", "view/mart.b", "run/raw__users"])
    assert [one.cause for one in found] == ["was not made anew: why"] * len(not_made or ())
    assert [one.key for one in found] == [f"view/{relation}" for relation in not_made or ()]
    assert ended == ["run/marts", *ends]


#: Runs that fail in the same step, and do not end failures of each other.
PAIRS = [
    # Checks alone, and loads.
    *(
        (
            LOAD,
            replace(
                LOAD,
                job=job,
                partition="",
                failures=(FailedStep("issue_tables", f"job {job}", WHY),),
            ),
        )
        for job in ("count_reconciliation", "__ASSET_JOB")
    ),
    # Targeted runs, and scheduled ones.
    *((FAILED, replace(FAILED, job=job)) for job in ("targeted_sync", "rolling_refresh")),
]


@pytest.mark.parametrize(("one", "another"), PAIRS)
def test_runs_that_read_something_else_do_not_end_failures_of_each_other(
    one: Ended, another: Ended
) -> None:
    step = one.failures[0].step
    for mine, other in ((one, another), (another, one)):
        [problem], _ = of_run(mine)
        for run, ends in ((mine, True), (other, False)):
            well = replace(run, succeeded=True, failures=(), steps=(step,))
            assert (problem.key in of_run(well)[1]) is ends


def test_a_backfill_that_failed_is_over_when_none_of_its_partitions_is_left() -> None:
    backfill = replace(FAILED, job="__ASSET_JOB", partition="A|2026-01 … B|2026-02")
    [problem], _ = of_run(backfill)
    [again], _ = of_run(replace(backfill, run_id="r2", partition="A|2026-02 … B|2026-02"))
    assert again.key == problem.key, "what is left of it is the same matter"
    assert "retry_failed_partitions" in problem.texts("en").step
    assert problem.kind.action == "retry"
    known = {problem.key: problem, "run/raw__users": problem}
    assert are_of_backfills(known)
    assert not are_of_backfills(["run/raw__users"])
    for left in ("A", "B", "X"):
        assert of_backfills(known, {left, "D"}, ["A", "X", "B", "D"]) == []
    assert of_backfills(known, {"D"}, ["A", "X", "B", "D"]) == [problem.key]
    assert of_backfills(known, (), ["A"]) == [LEFT_FAILED, problem.key]


def test_a_run_that_died_before_any_step_is_a_problem_of_its_job() -> None:
    died = replace(
        FAILED,
        failures=(FailedStep("", "job issues", Failure("interrupted", "its worker is gone")),),
    )
    [problem], _ = of_run(died)
    assert (problem.key, problem.texts("en").subject) == ("run/issues", "job issues")
    assert "run/issues" in of_run(replace(died, succeeded=True, failures=()))[1]


def test_a_red_check_is_a_problem_until_it_is_not_red() -> None:
    red = replace(
        FAILED,
        failures=(),
        checks=(
            Check("raw/issues: keys_are_unique", True, "2 rows"),
            Check("raw/users: fresh", False, ""),
        ),
    )
    [problem], ended = of_run(red)
    assert (problem.texts("en").subject, problem.cause) == ("raw/issues: keys_are_unique", "2 rows")
    assert ended == ["check/raw/users: fresh"]


def test_checks_of_the_operation_say_what_is_left_in_both_languages() -> None:
    found = [
        Check(key.removeprefix("check/"), True, said, projects)
        for key, said, projects in ((STALE, "two", "OPS, WEB"), (LEFT_FAILED, "failed loads", ""))
    ]
    stale, left = of_run(replace(FAILED, failures=(), checks=tuple(found)))[0]
    assert (stale.code, stale.kind.action) == ("projects_stale", "sync")
    assert (left.code, left.kind.action) == ("partitions_failed", "retry")
    for language in LANGUAGES:
        assert stale.texts(language).cause.endswith(": OPS, WEB")


def test_silence_is_a_cadence_an_hour_of_grace_and_half_an_hour_of_work() -> None:
    for hours, silent in ((13.4, []), (13.6, ["silent/issues"])):
        last = {"users": NOW, "projects": NOW, "issues": NOW - timedelta(hours=hours)}
        found, ended = of_silence(last, NOW - timedelta(days=9), NOW)
        assert [problem.key for problem in found] == silent
        assert ("silent/issues" in ended) == (not silent)
    assert of_silence({}, NOW, NOW)[0] == [], "before the first tick"
    found, _ = of_silence({}, NOW - timedelta(days=2), NOW)
    tables = ("users", "projects", "issues")
    assert [problem.key for problem in found] == [f"silent/{table}" for table in tables]


SINCE = NOW - timedelta(minutes=2)
DOWN = Condition(
    "unreachable", SINCE, "GET /space: refused", NOW - timedelta(seconds=20), "no_answer"
)


def test_a_condition_of_the_source_is_a_problem_from_two_minutes_on_until_it_ends() -> None:
    url = "https://acme.backlog.com"
    assert of_source(url, DOWN, NOW - timedelta(seconds=1)) == ([], [])
    assert of_source(url, replace(DOWN, seen_at=SINCE), NOW) == ([], []), "nobody has met it again"
    [problem], ended = of_source(url, DOWN, NOW)
    assert (problem.kind.head, ended) == ("failed", [])
    assert problem.texts("en").subject == "Backlog at acme.backlog.com"
    assert problem.cause == "Backlog does not answer (GET /space: refused)"
    assert of_source(url, None, NOW) == ([], [problem.key])
    [slow], _ = of_source(url, replace(DOWN, kind="rate_limited"), NOW)
    assert slow.kind.head == "anomaly"


@pytest.mark.parametrize(
    ("cause", "ended", "kind", "is_part"),
    [
        ("no_answer", NOW, "unreachable", True),
        ("key_refused", NOW, "refused", True),
        ("rate_limited", NOW, "rate_limited", False),
        ("no_answer", SINCE - timedelta(seconds=1), "unreachable", False),
        ("disk_full", NOW, "unreachable", False),
        ("not_allowed", NOW, "unreachable", False),
    ],
)
def test_a_run_that_fails_while_the_source_cannot_be_read_is_a_part_of_that(
    cause: str, ended: datetime, kind: ConditionKind, is_part: bool
) -> None:
    failed = FailedStep("raw__users", "raw/users", Failure(cause, "GET /users: no answer"))
    run = replace(FAILED, ended_at=ended, failures=(failed,))
    found, _ = of_run(run)
    assert covered(found, run, replace(DOWN, kind=kind)) == (found if is_part else [])
    assert covered(found, run, None) == []


@pytest.mark.parametrize("partition", ["", "TYPO|2026-05"])
def test_a_failure_that_is_information_is_no_problem(partition: str) -> None:
    failed = FailedStep("raw__issues", "raw/issues", Failure("no_such_project", "no key TYPO"))
    assert of_run(replace(FAILED, partition=partition, failures=(failed,))) == ([], [])


def test_a_first_load_that_somebody_has_ended_tells_of_no_half_a_space() -> None:
    interrupted = Failure("interrupted", "the run was interrupted")
    killed, asked = (FailedStep("a", "raw/a", interrupted, asked) for asked in (False, True))
    first = replace(FAILED, of_first_load=True)
    for failures, tells in (((killed,), True), ((asked,), False), ((killed, asked), True)):
        assert tells_of_half_a_space(replace(first, failures=failures)) is tells
        assert not tells_of_half_a_space(replace(FAILED, failures=failures))
