"""The way of an issue through a team: what will happen to it and when, drawn when it is made.

Most wait, are worked on, looked at by somebody else and closed within days or a few weeks; some are
put aside, come back after they were closed, or are never begun.
"""

from math import log
from random import Random

from simulator.clock import DAY
from simulator.worktime import WorkTime

#: (moment, what a team does then: a method of `Team`).
Step = tuple[int, str]
_LATER, _DROPPED, _HELD, _REVIEWED, _BOUNCED, _RESOLVED, _REOPENED = (
    0.04,
    0.05,
    0.06,
    0.6,
    0.12,
    0.7,
    0.05,
)
#: What happens on the way, and to how many of a hundred issues.
_DETOURS = (
    ("remark", 55),
    ("remark", 40),
    ("remark", 25),
    ("put_off", 14),
    ("hand_over", 9),
    ("touch_up", 22),
    ("star_or_file", 16),
)


def way(rng: Random, made: int, time: WorkTime) -> list[Step]:
    """Return what will happen to an issue that is made at a moment, in the order of time."""
    steps: list[Step] = []
    at = made

    def then(action: str, days: float, spread: float) -> None:
        nonlocal at
        at = time.from_then(at + 60 + int(DAY * rng.lognormvariate(log(days), spread)), rng)
        steps.append((at, action))

    fate = rng.random()
    if fate < _LATER:
        then("shelve", 12, 0.6)
        return _with_detours(rng, steps, made, made + 40 * DAY, time)
    if fate < _LATER + _DROPPED:
        then("drop", 9, 0.9)
        return _with_detours(rng, steps, made, at, time)
    then("start", 3.5, 1.2)
    if rng.random() < 0.4:
        then("book", 1.5, 0.8)
    if rng.random() < _HELD:
        then("hold", 0.8, 0.6)
        then("start", 7, 0.7)
    if rng.random() < _REVIEWED:
        then("review", 2.6, 0.9)
        if rng.random() < _BOUNCED:
            then("start", 0.6, 0.7)
            then("review", 0.8, 0.7)
        then("resolve" if rng.random() < _RESOLVED else "close", 1.0, 1.0)
    else:
        then("resolve" if rng.random() < _RESOLVED else "close", 3.4, 1.0)
    if steps[-1][1] == "resolve":
        then("close", 0.9, 0.9)
    ended = at
    if rng.random() < _REOPENED:
        then("reopen", 4, 0.8)
        then("close", 1.5, 0.8)
    return _with_detours(rng, steps, made, ended, time)


def _with_detours(
    rng: Random, steps: list[Step], made: int, ended: int, time: WorkTime
) -> list[Step]:
    for action, share in _DETOURS:
        if rng.random() * 100 < share:
            steps = [
                *steps,
                (time.from_then(made + 60 + int((ended - made) * rng.random()), rng), action),
            ]
    return sorted(steps)
