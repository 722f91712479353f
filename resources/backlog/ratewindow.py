"""One rate-limit bucket: what its window has left, by the answers, or as far as our own requests
and refusals show it.

Times are seconds of the local clock. A window is a minute that opens with the first request in it,
by whichever of the user's programs; its limit may be lowered at any moment
(https://developer.nulab.com/docs/backlog/rate-limit/).
"""

import math
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field, replace

WINDOW_SECONDS = 60.0
MARGIN_SECONDS = 0.5
#: Requests that are left over even when nothing is reserved for people: other clients of ours have
#: one under way each.
SPARE = 0.05
#: The smallest limits of any plan; a refusal after fewer requests of ours says more of other
#: programs than of the limit.
SMALLEST = {"read": 60, "search": 15, "update": 15, "icon": 15}
#: For so long a refusal without headers is remembered.
LEARNED_SECONDS = 3600.0


@dataclass(frozen=True)
class Reported:
    """What an answer said of a bucket: `ends` is when the window does, None when the answer's time
    cannot be true.
    """

    limit: int | None
    remaining: int
    ends: float | None
    at: float


@dataclass
class Bucket:
    """The state of one bucket. `reported` is None when nothing is known of the present window.

    `others_lead`: by the last answer, other programs had used more of the window than we had.
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
        """Note a request of ours."""
        self._forget_before(now - WINDOW_SECONDS)
        self._sent.append(now)

    def take(self, reported: Reported) -> None:
        """Take in what an answer said."""
        if self._remaining is None or reported.remaining > self._remaining:
            self._opened = reported.at  # a count that rises is a new window
        self.headless, self._remaining = False, reported.remaining
        self.limit = reported.limit if reported.limit is not None else self.limit
        self.reported = replace(reported, limit=self.limit)
        self.others_lead = self.others() > self._ours(self.reported)

    def take_nothing(self) -> None:
        """An answer had no usable headers: from now on our own requests are counted against what
        was known before.
        """
        self.headless, self.reported = True, None

    def refuse(self, now: float) -> None:
        """A 429 came. Without headers it teaches: so many requests as ours in the last minute were
        too many.
        """
        self.reported = None
        if not self.headless:
            return
        self._forget_before(now - WINDOW_SECONDS)
        passed = len(self._sent) - 1
        self.others_lead = passed < SMALLEST[self.name]
        # The first time others may be to blame; a second time it was too many all the same.
        again = self._learned is not None and now - self._learned[1] < LEARNED_SECONDS
        self._learned = (max(1, passed if again else max(passed, SMALLEST[self.name])), now)

    def lower(self, share: float) -> None:
        """Expect that the limit has fallen to a share of what it was, in the middle of the
        window.
        """
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
        """Return how many requests of the window were not ours, by the last answer."""
        if self.reported is None or self.reported.limit is None:
            return 0
        return max(0, self.reported.limit - self.reported.remaining - self._ours(self.reported))

    def _ours(self, reported: Reported) -> int:
        start = self._start(reported) - 2.0  # the server reports its clock in whole seconds
        return len(self._sent) - bisect_left(self._sent, start)

    def left(self, now: float) -> float:
        """Return how many requests the window has left, if others went on as they did; without end
        when nothing is known.
        """
        reported = self.reported
        if reported is None or (reported.ends is not None and reported.ends <= now):
            return math.inf
        seconds = max(10.0, reported.at - self._start(reported))
        return reported.remaining - self.others() / seconds * (now - reported.at)

    def keep(self, reserve: float, limit: int | None) -> int:
        """Return how many requests of a window are not for us."""
        return math.ceil((limit or 0) * max(reserve, SPARE))

    def wait(self, now: float, reserve: float, *, waited: bool) -> float:
        """Return the seconds until a request may go; the caller waits them, so that they are over
        at the next call.

        After a wait (`waited`) one request goes whenever the window has any left, so that work goes
        on whatever others do.
        """
        if self.headless:
            return self._wait_by_own_count(now, reserve)
        reported = self.reported
        if reported is None or reported.remaining > (
            0 if waited else self.keep(reserve, reported.limit)
        ):
            return 0.0
        self.reported = None
        end = self._end(reported, now)
        return end - now + MARGIN_SECONDS if end > now else 0.0

    def _wait_by_own_count(self, now: float, reserve: float) -> float:
        """Bound our requests of any 60 seconds: then no minute holds more, wherever the server's
        windows begin.
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
        # Wait for several places at once: a wait for each request would be as long, and said each
        # time.
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
        """Return when the window ends: as reported, else a minute after it was seen to open, else a
        minute after the answer.
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
