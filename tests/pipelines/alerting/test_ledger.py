"""What is reported of a problem: its start and its end, each once, on each channel."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pipelines.alerting.ledger import DROPPED_AFTER, FORGOTTEN_AFTER, Ledger
from resources.problems.problem import Problem

NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
URL = "http://dagster"
REFUSED = Problem(
    "run/raw__users",
    "run_failed",
    {"subject": "raw/users", "said": "GET /users: 401", "cause": "key_refused"},
    "r1",
)


def failed_of(cause: str, line: str = "why") -> Problem:
    return replace(REFUSED, parameters={**REFUSED.parameters, "said": line, "cause": cause})


def observed(
    ledger: Ledger, *problems: Problem, ended: tuple[str, ...] = (), later: int = 0
) -> Ledger:
    return ledger.observe(problems, ended, NOW + timedelta(seconds=later), ("slack", "mail"), URL)


def titles(ledger: Ledger) -> list[str]:
    return [waiting.message.title for waiting in ledger.waiting]


def test_a_problem_is_reported_once_when_it_begins_and_once_when_it_ends() -> None:
    ledger = observed(observed(Ledger(NOW, NOW), REFUSED), REFUSED, later=30)
    assert titles(ledger) == ["🔴 失敗 / failed: raw/users"]
    assert ledger.open[REFUSED.key].times == 2
    for later in (90, 120):
        ledger = observed(ledger, ended=(REFUSED.key,), later=later)
    assert titles(ledger)[1:] == ["🟢 復旧 / recovered: raw/users"]
    assert dict(ledger.waiting[1].message.facts)["duration"] == "0:01:30"
    assert not ledger.open


def test_another_cause_is_reported_too_and_another_line_of_the_same_is_not() -> None:
    first, second = (failed_of("unavailable", line) for line in ("WEB: 503", "OPS: 500, a page"))
    ledger = observed(observed(Ledger(NOW, NOW), first), second, later=30)
    assert len(ledger.waiting) == 1
    assert (ledger.open[first.key].problem, ledger.open[first.key].since) == (second, NOW)
    ended = observed(ledger, ended=(first.key,))
    assert dict(ended.waiting[1].message.facts)["was"] == second.cause
    other = failed_of("not_allowed", "OPS: 500, a page")
    others = observed(ledger, other, later=60)
    assert [dict(one.message.facts)["cause"] for one in others.waiting] == [
        first.cause,
        other.cause,
    ]
    assert others.open[first.key].since == NOW


def test_a_channel_that_refuses_is_tried_again_ever_later_for_a_day_and_no_other() -> None:
    begun = observed(Ledger(NOW, NOW), REFUSED)
    ledger = begun.sent(0, ["slack"], NOW)
    pauses = []
    for _ in range(7):
        pauses.append((ledger.waiting[0].due - NOW).total_seconds())
        assert ledger.waiting[0].channels == ("mail",)
        ledger = ledger.sent(0, [], NOW)
    assert pauses == [30, 60, 120, 240, 480, 600, 600]
    assert ledger.sent(0, ["mail"], NOW).waiting == ()
    dropped = begun.sent(0, [], NOW + DROPPED_AFTER)
    assert (dropped.waiting, list(dropped.open)) == ((), [REFUSED.key])


def test_a_problem_that_began_long_before_it_was_seen_is_tried_as_long_as_any_other() -> None:
    before = NOW - 3 * DROPPED_AFTER
    ledger = Ledger(NOW, NOW).observe([REFUSED], [], NOW, ["slack"], URL, since=before)
    assert ledger.open[REFUSED.key].since == before
    ledger = ledger.sent(0, (), NOW)
    assert titles(ledger) == ["🔴 失敗 / failed: raw/users"]
    ledger = ledger.observe([], [REFUSED.key], NOW, ["slack"], URL)
    assert dict(ledger.waiting[-1].message.facts)["duration"] == "3 days, 0:00:00"


def test_a_failure_of_what_is_not_run_any_more_is_forgotten_after_a_week() -> None:
    source = replace(REFUSED, key="source")
    ledger = observed(Ledger(NOW, NOW), REFUSED, source)
    met_again = observed(ledger, REFUSED, later=3 * 86_400)
    week = FORGOTTEN_AFTER + timedelta(seconds=1)
    assert list(met_again.forget(NOW + week).open) == [REFUSED.key, "source"]
    left = Ledger.read(ledger.text(), NOW).forget(NOW + week)
    assert (list(left.open), left.waiting) == (["source"], ledger.waiting)


def test_what_was_broken_off_is_reported_at_its_third_time_in_a_row() -> None:
    broken = failed_of("interrupted")
    ledger = Ledger(NOW, NOW)
    for time in (1, 2, 3, 4):
        quiet = ledger.may_end_by_itself(broken)
        assert quiet == (time < 3)
        ledger = ledger.observe([broken], (), NOW, ("slack",), URL, quiet=quiet)
        assert len(ledger.waiting) == len(ledger.reported) == (time >= 3)
    once = Ledger(NOW, NOW).observe([broken], (), NOW, ("slack",), URL, quiet=True)
    assert once.observe((), [broken.key], NOW, ("slack",), URL).waiting == ()
    assert not once.may_end_by_itself(failed_of("not_allowed"))
    full = failed_of("disk_full")
    assert not Ledger(NOW, NOW).may_end_by_itself(full), "somebody has to free space"
    assert "by themselves" in full.texts("en").step


def test_partitions_left_failed_are_no_news_while_their_backfill_is_started_again() -> None:
    key = "check/raw/issues: no_partition_left_failed"
    left = Problem(
        key, "partitions_failed", {"subject": "raw/issues", "said": "failed loads"}, "r2"
    )
    backfill = replace(failed_of("interrupted"), key="backfill/x", code="backfill_failed")
    for quiet in (True, False):
        ledger = Ledger(NOW, NOW).observe([backfill], (), NOW, ("slack",), URL, quiet=quiet)
        assert ledger.may_end_by_itself(left) == quiet
    assert not Ledger(NOW, NOW).may_end_by_itself(left)


def test_without_channels_problems_are_known_and_no_message_waits() -> None:
    ledger = Ledger(NOW, NOW).observe([REFUSED], (), NOW, (), URL)
    assert (ledger.waiting, list(ledger.open)) == ((), [REFUSED.key])


def test_what_is_remembered_is_read_back_but_for_a_code_of_another_version() -> None:
    other = replace(REFUSED, key="k", code="check_red")
    ledger = observed(Ledger(NOW, NOW, seen=("r0",)), REFUSED, other).sent(0, ["slack"], NOW)
    assert Ledger.read(ledger.text(), NOW + timedelta(days=1)) == ledger
    assert Ledger.read(None, NOW) == Ledger(NOW, NOW)
    left = Ledger.read(ledger.text().replace("check_red", "unknown"), NOW)
    assert list(left.open) == [REFUSED.key]


def test_a_problem_that_is_part_of_another_is_reported_only_when_it_occurs_alone() -> None:
    ledger = Ledger(NOW, NOW).observe([REFUSED], (), NOW, ("slack",), URL, quiet=True)
    assert (titles(ledger), list(ledger.open)) == ([], [REFUSED.key])
    assert Ledger.read(ledger.text(), NOW) == ledger
    assert titles(observed(ledger, ended=(REFUSED.key,))) == [], (
        "a problem that was never reported does not recover"
    )
    notified = observed(ledger, REFUSED)
    assert len(notified.waiting) == 1
    again = notified.observe([REFUSED], (), NOW, ("slack",), URL, quiet=True)
    assert len(observed(again, ended=(REFUSED.key,)).waiting) == 2
