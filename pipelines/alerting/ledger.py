"""What is known to be wrong, and which messages wait. A problem is reported when it begins and when
it has ended, each once.

Pure values.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from pipelines.alerting.notifications import begun, recovered
from resources.alerts.message_layout import HEADS, Message
from resources.problems.problem import Problem

#: A message that no channel has taken for so long is dropped; the problem still stands in
#: `backlog-elt status`.
DROPPED_AFTER = timedelta(days=1)
#: Tries on a channel that refuses: after 0, 30, 60, 120 … seconds, ten minutes at most.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=10)
#: What every schedule runs again and again, is met again within a day; what is not, for so long, is
#: not run any more.
FORGOTTEN_AFTER = timedelta(days=7)
#: What mostly ends by itself is reported when it was met so often in a row.
REPORTED_AT = 3
#: What the keys of failures of runs and of checks begin with.
OF_RUNS = ("run/", "check/")


@dataclass(frozen=True)
class Open:
    """A problem that lasts: since when, how often it was met, and when last.

    `quiet`: it was not reported, since another problem covers it, or it may end by itself.
    """

    problem: Problem
    since: datetime
    times: int = 1
    quiet: bool = False
    seen_at: datetime | None = None

    def is_forgotten(self, now: datetime) -> bool:
        """Return whether this is a failure of something that has not run for a week, to fail again
        or to succeed.
        """
        return (
            self.problem.key.startswith(OF_RUNS)
            and now - (self.seen_at or self.since) > FORGOTTEN_AFTER
        )


@dataclass(frozen=True)
class Waiting:
    """A message that channels have not taken yet: which, since when it waits, and when it is tried
    again.
    """

    message: Message
    channels: tuple[str, ...]
    since: datetime
    due: datetime
    tries: int = 0


@dataclass(frozen=True)
class Ledger:
    """All that the alerter remembers.

    `since`: its first look; `looked_at`: what ended before is dealt with; `seen`: runs that ended
        shortly before that, and are too.
    """

    since: datetime
    looked_at: datetime
    open: Mapping[str, Open] = field(default_factory=dict)
    waiting: tuple[Waiting, ...] = ()
    seen: tuple[str, ...] = ()

    @property
    def reported(self) -> list[Open]:
        """What is wrong, as far as people are told."""
        return [one for one in self.open.values() if not one.quiet]

    def may_end_by_itself(self, problem: Problem) -> bool:
        """Return whether a problem is not reported yet: what was broken off is started again, and
        until then the check of failed partitions is red.
        """
        if problem.code == "partitions_failed":
            backfills = [one for one in self.open.values() if one.problem.code == "backfill_failed"]
            return any(one.quiet for one in backfills)
        before = self.open.get(problem.key)
        seldom = before is None or (before.quiet and before.times + 1 < REPORTED_AT)
        return problem.passes and seldom

    def observe(
        self,
        problems: Iterable[Problem],
        ended: Iterable[str],
        now: datetime,
        channels: Iterable[str],
        dagster_url: str,
        *,
        since: datetime | None = None,
        quiet: bool = False,
    ) -> "Ledger":
        """Return the ledger after what was observed: what is wrong now, in the order of time, and
        the keys of what is over.

        `since`: when that began, where it was not now.

        A problem that is observed again with the same cause is counted, whatever its line says. It
        is reported again only with another cause. `quiet`: these problems are remembered and not
        reported, since they are part of one that is reported already, or may end by themselves.
        """
        names, known, messages = tuple(channels), dict(self.open), []
        for problem in problems:
            before = known.get(problem.key)
            if (
                before
                and _matter(before.problem) == _matter(problem)
                and (quiet or not before.quiet)
            ):
                known[problem.key] = replace(
                    before, problem=problem, times=before.times + 1, seen_at=now
                )
                continue
            first = before or Open(problem, since or now, 0, quiet=True)
            known[problem.key] = Open(
                problem, first.since, first.times + 1, quiet and first.quiet, now
            )
            messages += [] if quiet else [begun(problem, dagster_url, first.since)]
        over = [known.pop(key) for key in dict.fromkeys(ended) if key in known]
        messages += [
            recovered(one.problem, dagster_url, one.since, now) for one in over if not one.quiet
        ]
        new = tuple(Waiting(message, names, now, now) for message in messages) if names else ()
        return replace(self, open=known, waiting=(*self.waiting, *new))

    def forget(self, now: datetime) -> "Ledger":
        """Return the ledger without failures of runs and checks that were not met again for a week:
        nothing runs them any more.

        So it is with what a person has started once, or with a schedule or check that there is no
        more. It has not recovered, so nothing is said.
        """
        return replace(
            self, open={key: one for key, one in self.open.items() if not one.is_forgotten(now)}
        )

    def sent(self, number: int, taken: Iterable[str], now: datetime) -> "Ledger":
        """Return the ledger after the message at a place was tried on its channels: those that have
        taken it are done with.
        """
        tried = self.waiting[number]
        left = tuple(name for name in tried.channels if name not in set(taken))
        pause = min(FIRST_PAUSE * 2 ** min(tried.tries, 10), LONGEST_PAUSE)
        again = replace(tried, channels=left, due=now + pause, tries=tried.tries + 1)
        keep = (again,) if left and now - tried.since < DROPPED_AFTER else ()
        return replace(self, waiting=(*self.waiting[:number], *keep, *self.waiting[number + 1 :]))

    def text(self) -> str:
        """Return the ledger as JSON."""
        return json.dumps(asdict(self), default=lambda moment: moment.isoformat())

    @classmethod
    def read(cls, text: str | None, now: datetime) -> "Ledger":
        """Return what `text` has written; a new one, which begins now, where there is none.

        What only an earlier version reported is left out: a problem that lasts is found again.
        """
        if not text:
            return cls(now, now)
        found = json.loads(text)
        return cls(
            _moment(found["since"]),
            _moment(found["looked_at"]),
            {key: one for key, was in found["open"].items() if (one := _open(was))},
            tuple(_waiting(one) for one in found["waiting"] if one["message"]["kind"] in HEADS),
            tuple(found["seen"]),
        )


def _matter(problem: Problem) -> tuple[str, str]:
    """Return what a problem is about: its code and that of its cause."""
    return problem.code, problem.parameters.get("cause", "")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _open(found: dict[str, Any]) -> Open | None:
    problem = Problem.read(found["problem"])
    if problem is None:
        return None
    seen = found.get("seen_at") or found["since"]
    since, quiet = _moment(found["since"]), found.get("quiet", False)
    return Open(problem, since, found["times"], quiet, _moment(seen))


def _waiting(found: dict[str, Any]) -> Waiting:
    return Waiting(
        Message.of_json(found["message"]),
        tuple(found["channels"]),
        _moment(found["since"]),
        _moment(found["due"]),
        found["tries"],
    )
