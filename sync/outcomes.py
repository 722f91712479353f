"""How a run stands: the one judgement that page, `status`, `/metrics` and the tags in Dagster show.

Pure functions.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from resources.cadences import PAUSES

#: waiting, working and canceling: it has not ended. again: it was interrupted, and its work goes on
#: by itself. healed: another run has done its work. failed: nobody does it, so a person must look.
State = Literal[
    "waiting", "working", "canceling", "completed", "canceled", "again", "healed", "failed"
]
#: How a run that has ended can stand.
ENDED: Final[tuple[State, ...]] = ("completed", "canceled", "again", "healed", "failed")
#: The worst of the rows that a run has in the history. gone: interrupted, or in progress by the
#: history while no process works on it.
Row = Literal["none", "working", "gone", "completed", "failed"]
#: What Dagster says of a run. unknown: it does not know the run, or does not answer.
DagsterState = Literal[
    "queued", "running", "canceling", "completed", "failed", "canceled", "unknown"
]


@dataclass(frozen=True)
class Seen:
    """What is seen of a run.

    `by_person`: of one that Dagster calls canceled, whether a person did that, and not Dagster.
    `passes`: what ended it mostly ends by itself. `retried`: Dagster starts it once more.
    `times`: how often in a row its work was interrupted before. `outage`: the source cannot be
    read now. `followed`: another run or backfill has taken over its work, or has done it.
    """

    row: Row
    dagster: DagsterState
    by_person: bool = True
    passes: bool = True
    retried: bool = False
    times: int = 0
    outage: bool = False
    followed: bool = False


def outcome(seen: Seen) -> State:
    """Return how a run stands; the first case that fits."""
    match seen:
        case Seen(dagster="canceled", by_person=True):
            return "canceled"
        case Seen(dagster="canceling"):
            return "canceling"
        case Seen(dagster="completed"):  # a pass that failed has gone well at the second try
            return "completed"
        case Seen(dagster="queued"):
            return "waiting"
        case Seen(row="working"):
            return "working"
        case Seen(dagster="running", row="none" | "completed" | "failed"):  # between two tables
            return "working"
        case Seen(dagster="unknown", row="none" | "completed"):
            return "completed"
        case Seen(followed=True):
            return "healed"
        case Seen(passes=True) if seen.retried or seen.outage or seen.times < len(PAUSES):
            return "again"
    return "failed"


@dataclass(frozen=True)
class Counts:
    """How many runs have ended how."""

    completed: int
    canceled: int
    again: int
    healed: int
    failed: int

    @property
    def success_rate(self) -> float | None:
        """Share of the completed runs in those that are completed or failed; None without any."""
        ended = self.completed + self.failed
        return self.completed / ended if ended else None


def counts(states: Iterable[State]) -> Counts:
    """Return how many runs have ended how; those that have not are left out."""
    found = Counter(states)
    return Counts(*(found[state] for state in ENDED))
