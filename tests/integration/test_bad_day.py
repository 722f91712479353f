"""What a stop or a kill breaks off at work heals by itself: nothing is red, and nothing is told."""

from collections.abc import Iterator

import pytest

from tests.integration.bad_day import KILLED, Day, a_day

pytestmark = [pytest.mark.long, pytest.mark.timeout(1_200)]


@pytest.fixture(scope="module")
def day() -> Iterator[Day]:
    """Return a home whose first load is done."""
    with a_day() as made:
        yield made


@pytest.mark.parametrize("what", KILLED)
def test_what_a_stop_or_a_kill_breaks_off_heals_and_is_no_news(day: Day, what: str) -> None:
    day.work()
    before = len(day.lines)
    day.kill(what)
    day.heals()
    told = [line for line in day.lines[before:] if "problem: " in line or "over: " in line]
    assert told == [], day.said()


def test_at_the_end_of_such_a_day_every_row_is_right(day: Day) -> None:
    assert day.shell.run("load", "--no-progress").code == 0
    done = day.shell.run("verify", "--deep", "--no-progress")
    assert done.code == 0, done.text
    assert len(day.lines) < 100, day.said()
