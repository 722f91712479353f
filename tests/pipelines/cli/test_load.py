"""What a load on the command line can be asked for, and how its figures add up."""

from datetime import UTC, datetime

import pytest

from pipelines.cli.in_process import Recorder
from pipelines.cli.load_command import LoadRequest, next_line
from resources.problems.causes import Failure
from resources.progress import LogProgress
from resources.warehouse.state.builds import begin_build, end_build
from resources.warehouse.state.marts_behind import marts_status
from sync.results.command_results import Rows, load_result
from tests.deployment import Deployment


def request(**options: object) -> LoadRequest:
    given: dict[str, object] = {"full": False, "projects": (), "from_month": None, "to_month": None}
    # The command gives them just like this.
    return LoadRequest.create(**{**given, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "whole"),
    [
        ({}, False),
        ({"projects": ("OPS",)}, False),
        ({"full": True}, True),
        ({"from_month": "2026-01"}, True),
        ({"to_month": "2026-01"}, True),
        ({"from_month": "2026-03", "to_month": "2026-03"}, True),
    ],
)
def test_asking_for_everything_or_for_months_reads_windows_again_whole(
    options: dict[str, object], whole: bool
) -> None:
    assert request(**options).backfill is whole


def test_a_project_that_is_named_twice_counts_once() -> None:
    assert request(projects=("WEB", "OPS", "WEB")).projects == ("WEB", "OPS")


def test_the_figures_of_runs_add_up_table_by_table_and_everything_is_passed_on() -> None:
    lines: list[str] = []
    recorder = Recorder(LogProgress(write=lines.append))
    recorder.start("issues", 200)
    recorder.advance("issues", 100)
    recorder.wait("search rate limit of Backlog", 12, datetime(2026, 7, 1, tzinfo=UTC))
    for rows in (2, 3):
        recorder.done("issues", {"read": rows, "inserted": 1}, {"search": 4, "retries": 1})
    recorder.done("users", {"read": 7}, {"read": 1})
    assert recorder.tables == {"issues": {"read": 5, "inserted": 2}, "users": {"read": 7}}
    assert recorder.requests == {"search": 8, "retries": 2, "read": 1}
    assert lines[0] == "waiting up to 12 s for the search rate limit of Backlog, until 00:00:00 UTC"
    assert lines[1:] == [
        "issues: 2 read, 1 inserted",
        "issues: 3 read, 1 inserted",
        "users: 7 read",
    ]


def test_a_summary_is_completed_without_failures_and_failed_with_one() -> None:
    rows: Rows = {
        "read": 1,
        "inserted": 0,
        "updated": 0,
        "unchanged": 1,
        "deleted": 0,
        "rejected": 0,
    }
    assert load_result({"users": rows}, {"read": 2}, 1.239, [], simulated=False) == {
        "status": "completed", "simulated": False, "tables": {"users": rows},
        "requests": {"read": 2}, "seconds": 1.24,
        "errors": [], "causes": [],
    }  # fmt: skip
    refused, late = Failure("not_allowed", "teams: refused"), Failure("no_answer", "users: no")
    failed = load_result({}, {}, 0, [refused, refused, late], simulated=True)
    assert (failed["status"], failed["errors"]) == ("failed", ["teams: refused", "users: no"])
    assert failed["causes"] == ["not_allowed", "no_answer"]


def test_a_load_says_that_marts_are_missing_or_older(loaded: Deployment) -> None:
    assert marts_status(loaded.engine) == "missing"
    assert next_line("missing") == (
        "Next: backlog-elt marts builds the marts (there are none yet); a running backlog-elt up "
        "does so after each load."
    )
    end_build(loaded.engine, begin_build(loaded.engine, "project", "run"))
    assert (marts_status(loaded.engine), next_line("current")) == ("current", "")
    loaded.change("UPDATE raw.activities SET loaded_at = clock_timestamp()")
    assert marts_status(loaded.engine) == "current", "no mart is made of it"
    loaded.change("UPDATE raw.users SET loaded_at = clock_timestamp()")
    assert marts_status(loaded.engine) == "older"
    assert next_line("older").startswith(
        "Next: backlog-elt marts builds the marts (they are older than what is loaded); "
    )
