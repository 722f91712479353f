"""Questions that are asked at the same time, and are not waited for longer than promised."""

import threading
import time

import pytest

from pipelines.cli.asking import Patience, Question


def test_who_never_answers_is_waited_for_once_for_all() -> None:
    never = threading.Event()
    patience, began = Patience(1.2), time.monotonic()
    silent = [Question(never.wait) for _ in range(2)]
    assert patience.answer(Question(lambda: 7)) == 7
    for _ in range(2):
        with pytest.raises(TimeoutError):
            patience.answer(silent.pop())
    # What is asked late still has a second.
    with pytest.raises(TimeoutError):
        patience.answer(Question(never.wait))
    assert 2.2 <= time.monotonic() - began < 4
    never.set()


def test_an_error_is_that_of_the_question() -> None:
    with pytest.raises(ZeroDivisionError):
        Patience(5).answer(Question(lambda: 1 // 0))
