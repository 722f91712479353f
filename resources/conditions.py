"""What a request shows about the source as a whole: it answers, is unreachable, refuses access, or
is rate-limited by others.

The client (`backlog/`) reports outcomes, and the warehouse (`warehouse/state/seen_conditions.py`)
stores them. Neither knows the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol, get_args

#: unreachable: no answer, or not one of Backlog. refused: the key, the login or this machine is not
#: accepted. rate_limited: requests wait because other programs of the same user have used up the
#: limit.
ConditionKind = Literal["unreachable", "refused", "rate_limited"]
KINDS: Final[tuple[ConditionKind, ...]] = get_args(ConditionKind)
#: While one of these lasts, nothing can be read.
DISCONNECTED: Final[frozenset[ConditionKind]] = frozenset({"unreachable", "refused"})
#: How messages describe the source.
WORDS: Final[dict[ConditionKind, str]] = {
    "unreachable": "is unreachable",
    "refused": "refuses access",
    "rate_limited": "is rate-limited by other programs",
}


@dataclass(frozen=True)
class Outcome:
    """The outcome of a request.

    `kind` is None when it was answered; `throttled` then tells whether it had waited for the rate
    limit. Otherwise `message` is one line about what is wrong, and `seconds` is how long the
    request has been failing. `sure` is False for a wait that another run of this program may have
    caused. `cause` is the code of the cause, None when it was answered.
    """

    kind: ConditionKind | None = None
    message: str = ""
    seconds: float = 0.0
    throttled: bool = False
    sure: bool = True
    cause: str | None = None


Observer = Callable[[Outcome], None]


class ConditionBook(Protocol):
    """Stores conditions of sources; implemented by the warehouse."""

    def observer(self, url: str, *, runs: int) -> Observer:
        """Return a function that records the outcomes of requests to a space.

        Args:
            url: root of the space, without a slash at its end.
            runs: number of runs that the requests belong to: 1 within a run, 0 outside.
        """
