"""One rate-limit bucket: how many requests its window has left, by the answers, or by own requests
and refusals.

Times are seconds of the local clock. A window is a minute that begins with the first request of any
of the user's programs. Its limit may be lowered at any moment
(https://developer.nulab.com/docs/backlog/rate-limit/).
"""

import math
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field, replace

WINDOW_SECONDS = 60.0
MARGIN_SECONDS = 0.5
#: Share of the limit that is never used, even when nothing is reserved for people: each other
#: client of ours may have a request under way.
SPARE = 0.05
#: The smallest limits of any plan. A refusal after fewer requests of ours was caused by other
#: programs.
SMALLEST = {"read": 60, "search": 15, "update": 15, "icon": 15}
#: Seconds for which a refusal without headers is remembered.
LEARNED_SECONDS = 3600.0


@dataclass(frozen=True)
class Reported:
    """What an answer said about a bucket. `ends` is the end of its window, None when the answer's
    time is implausible.
    """

    limit: int | None
    remaining: int
    ends: float | None
    at: float


@dataclass
class Bucket:
    """The state of one bucket. `reported` is None when nothing is known about the present window.

    `headless`: answers lack usable headers. `others_lead`: by the last answer, other programs had
    used more of the window than this client.
    """

    name: str
    limit: int | None = None
    reported: Reported | None = None
    headless: bool = False
    others_lead: bool = False
    _sent: deque[float] = field(default_factory=deque)
    _learned: tuple[int, float] | None = None
    _remaining: int | None = None
    _opened: float = -math.inf

    def send(self, now: float) -> None:
        """Record an own request."""
        self._forget_before(now - WINDOW_SECONDS)
        self._sent.append(now)

    def take(self, reported: Reported) -> None:
        """Record what an answer reported."""
        if self._remaining is None or reported.remaining > self._remaining:
            self._opened = reported.at  # the count has risen: this is a new window
        self.headless, self._remaining = False, reported.remaining
        self.limit = reported.limit if reported.limit is not None else self.limit
        self.reported = replace(reported, limit=self.limit)
        self.others_lead = self.others() > self._ours(self.reported)

    def take_nothing(self) -> None:
        """Record an answer without usable headers: from now on own requests are counted."""
        self.headless, self.reported = True, None

    def refuse(self, now: float) -> None:
        """Record a 429. Without headers, the own requests of the last minute are taken as
        too many.
        """
        self.reported = None
        if not self.headless:
            return
        self._forget_before(now - WINDOW_SECONDS)
        passed = len(self._sent) - 1
        self.others_lead = passed < SMALLEST[self.name]
        # The first refusal may be due to other programs; a second one lowers the number all the
        # same.
        again = self._learned is not None and now - self._learned[1] < LEARNED_SECONDS
        self._learned = (max(1, passed if again else max(passed, SMALLEST[self.name])), now)

    def lower(self, share: float) -> None:
        """Lower the limit to a share of what it was, in the middle of the window."""
        if self.limit is None:
            return
        limit = max(1, int(self.limit * share))
        if self.reported is not None:
            self.reported = replace(
                self.reported,
                limit=limit,
                remaining=max(0, self.reported.remaining - (self.limit - limit)),
            )
        self.limit = limit

    def others(self) -> int:
        """Return how many requests of the window other programs sent, by the last answer."""
        if self.reported is None or self.reported.limit is None:
            return 0
        return max(0, self.reported.limit - self.reported.remaining - self._ours(self.reported))

    def _ours(self, reported: Reported) -> int:
        start = self._start(reported) - 2.0  # the server reports its clock in whole seconds
        return len(self._sent) - bisect_left(self._sent, start)

    def left(self, now: float) -> float:
        """Return how many requests the window has left if other programs continue at their rate;
        infinite when unknown.
        """
        reported = self.reported
        if reported is None or (reported.ends is not None and reported.ends <= now):
            return math.inf
        seconds = max(10.0, reported.at - self._start(reported))
        return reported.remaining - self.others() / seconds * (now - reported.at)

    def keep(self, reserve: float, limit: int | None) -> int:
        """Return how many requests of a window this client must leave to others."""
        return math.ceil((limit or 0) * max(reserve, SPARE))

    def seconds_to_wait(self, now: float, reserve: float, *, waited: bool) -> float:
        """Return the seconds until a request may be sent. The caller waits for them: at the next
        call they are over.

        After a wait (`waited`) one request is sent whenever the window has any left, so that work
        continues even when others use most of it.
        """
        if self.headless:
            return self._seconds_by_own_count(now, reserve)
        reported = self.reported
        if reported is None or reported.remaining > (
            0 if waited else self.keep(reserve, reported.limit)
        ):
            return 0.0
        self.reported = None
        end = self._end(reported, now)
        return end - now + MARGIN_SECONDS if end > now else 0.0

    def _seconds_by_own_count(self, now: float, reserve: float) -> float:
        """Limit own requests in any 60 seconds, so that no window holds more, wherever it
        begins.
        """
        known = [self.limit] if self.limit is not None else []
        if self._learned is not None and now - self._learned[1] < LEARNED_SECONDS:
            known.append(self._learned[0])
        if not known:
            return 0.0
        allowed = max(1, min(known) - self.keep(reserve, min(known)))
        self._forget_before(now - WINDOW_SECONDS)
        if len(self._sent) < allowed:
            return 0.0
        # Wait until several requests may be sent: waiting for each one takes as long, and reports
        # each wait.
        free = len(self._sent) - allowed + max(1, allowed // 10)
        until = self._sent[free - 1] + WINDOW_SECONDS
        self._forget_before(self._sent[free - 1])
        return until - now + MARGIN_SECONDS

    def _start(self, reported: Reported) -> float:
        return (
            reported.ends - WINDOW_SECONDS
            if reported.ends is not None
            else max(self._opened, reported.at - WINDOW_SECONDS)
        )

    def _end(self, reported: Reported, now: float) -> float:
        """Return when the window ends: as reported, else a minute after it opened, else a minute
        after the answer.
        """
        if reported.ends is not None:
            return reported.ends
        return (
            self._opened + WINDOW_SECONDS
            if self._opened + WINDOW_SECONDS > now
            else reported.at + WINDOW_SECONDS
        )

    def _forget_before(self, moment: float) -> None:
        while self._sent and self._sent[0] <= moment:
            self._sent.popleft()
