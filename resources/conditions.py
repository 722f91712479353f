"""What a request shows of the source as a whole: that it answers, or that it is unreachable,
refuses, or is used up by others.

The client (`backlog/`) says it, the warehouse (`warehouse/conditions.py`) remembers it; neither
knows the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol, get_args

#: unreachable: there is no answer, or it is not Backlog's. refused: the key, the login or this
#: machine is not accepted. rate_limited: requests wait because other programs of the same user have
#: used up the limit.
ConditionKind = Literal["unreachable", "refused", "rate_limited"]
KINDS: Final[tuple[ConditionKind, ...]] = get_args(ConditionKind)
#: While one of these lasts, nothing can be read.
DISCONNECTED: Final[frozenset[ConditionKind]] = frozenset({"unreachable", "refused"})
#: What is said of the source.
WORDS: Final[dict[ConditionKind, str]] = {
    "unreachable": "is unreachable",
    "refused": "refuses access",
    "rate_limited": "is rate-limited by other programs",
}


@dataclass(frozen=True)
class Outcome:
    """What a request has reported.

    `kind` is None when it was answered, and `throttled` says whether that took a wait for the rate
    limit. Otherwise `message` says in one line what is wrong, and `seconds` for how long the
    request has met it. `sure` is False for a wait that another run of our own may have caused.
    """

    kind: ConditionKind | None = None
    message: str = ""
    seconds: float = 0.0
    throttled: bool = False
    sure: bool = True


Observer = Callable[[Outcome], None]


class ConditionBook(Protocol):
    """Where conditions are remembered: the warehouse."""

    def observer(self, url: str, *, runs: int) -> Observer:
        """Return what remembers the outcomes of requests to a space.

        Args:
            url: root of the space, without a slash at its end.
            runs: how many runs the requests belong to: 1 within a run, 0 for a look from outside.
        """
