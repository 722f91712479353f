"""A run as Dagster knows it, and how it stands together with its rows in the history.

The service reads runs over Dagster's GraphQL API, commands and sensors from its instance; both make
the same value of them. Pure functions.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from resources.cadences import starts_again_at
from resources.dagster_tags import (
    AGAIN_TAG,
    CAUSE_TAG,
    CODE_LOCATION_TAG,
    FAILURE_REASON_TAG,
    FIRST_LOAD_TAG,
    GONE_ON_TAG,
    KIND_TAG,
    RETRIED_IN_TAG,
    WILL_RETRY_TAG,
)
from resources.problems.causes import cause_of, worst
from resources.problems.run_causes import cause_of_end
from resources.warehouse.history.history_reader import SyncStatus
from resources.warehouse.state.seen_conditions import Condition
from sync.outcomes import DagsterState, Row, Seen, State, outcome

RunState = Literal["queued", "starting", "running", "canceling", "completed", "failed", "canceled"]
#: What Dagster calls a run -> its state here.
STATES: Final[Mapping[str, RunState]] = {
    "QUEUED": "queued",
    "NOT_STARTED": "queued",
    "STARTING": "starting",
    "STARTED": "running",
    "CANCELING": "canceling",
    "SUCCESS": "completed",
    "FAILURE": "failed",
    "CANCELED": "canceled",
}
#: The worst of the statuses of a run's rows decides; which is worse than the others comes first.
_ROWS: Final[tuple[tuple[SyncStatus, Row], ...]] = (
    ("in_progress", "working"),
    ("interrupted", "gone"),
    ("failed", "failed"),
    ("canceled", "failed"),
    ("completed", "completed"),
)


@dataclass(frozen=True)
class Run:
    """A run as Dagster knows it. `assets` are the paths of those that it selects.

    `backfill_lost`: Dagster has given up the backfill that it belongs to, and canceled its runs.
    """

    run_id: str
    job: str
    state: RunState
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    tags: Mapping[str, str]
    assets: Sequence[Sequence[str]]
    backfill_lost: bool = False

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.state == "completed" or self.ended_badly

    @property
    def ended_badly(self) -> bool:
        """Whether it failed or was canceled."""
        return self.state in ("failed", "canceled")

    @property
    def of_command(self) -> bool:
        """Whether it works in the process of a command, and Dagster does not start it again."""
        return CODE_LOCATION_TAG not in self.tags

    def is_of(self, location: str, prefix: Sequence[str]) -> bool:
        """Return whether it belongs to a code location whose asset keys begin with `prefix`.

        A run of a command has no location; its kind says where it belongs.
        """
        if self.of_command:
            return self.tags.get(KIND_TAG, "@").partition("@")[2] == "@".join(prefix)
        return self.tags[CODE_LOCATION_TAG] == location

    @property
    def canceled_by_person(self) -> bool:
        """Whether a person ended it: in Dagster, or a command with Ctrl-C."""
        if self.state == "canceled":
            return not self.backfill_lost
        # This reason is noted by a process that a signal has ended, not of one that was killed. The
        # command of a first load ends with `up`, which goes on with it.
        asked = self.tags.get(FAILURE_REASON_TAG) == "UNEXPECTED_TERMINATION"
        of_person = self.of_command and FIRST_LOAD_TAG not in self.tags
        return self.state == "failed" and asked and of_person

    @property
    def cause(self) -> str:
        """The code of the cause of its bad end, as far as its tags say it."""
        code, _, of = self.tags.get(CAUSE_TAG, "").partition("@")
        if of and self.run_id.startswith(of):
            return code
        if self.state == "canceled":
            return "interrupted"
        if self.tags.get(FAILURE_REASON_TAG) == "STEP_FAILURE":
            return "defect"
        worked = (self.ended_at or self.created_at) - (self.started_at or self.created_at)
        return cause_of_end(self.tags, "", max(worked, timedelta()).total_seconds())

    @property
    def gone_on_in(self) -> str | None:
        """The run or backfill that has taken over its work, or has done it; None for none."""
        follower, _, of = self.tags.get(GONE_ON_TAG, "").partition("@")
        if of and self.run_id.startswith(of):
            return follower
        return self.tags.get(RETRIED_IN_TAG)

    @property
    def retried(self) -> bool:
        """Whether Dagster starts it once more, and has not yet."""
        return self.tags.get(WILL_RETRY_TAG) == "true" and RETRIED_IN_TAG not in self.tags

    @property
    def times(self) -> int:
        """How often in a row what it loads was interrupted before."""
        return int(self.tags.get(AGAIN_TAG, "0"))


@dataclass(frozen=True)
class Judgement:
    """How a run stands. Of one that ended badly: the code of its cause, when it goes on by itself,
    if that is known, and in which run or backfill it has gone on.
    """

    state: State
    cause: str | None = None
    again_at: datetime | None = None
    gone_on_in: str | None = None


def judge(
    statuses: Collection[SyncStatus],
    causes: Sequence[str | None],
    ended_at: datetime | None,
    run: Run | None,
    condition: Condition | None,
) -> Judgement:
    """Return how a run stands.

    Args:
        statuses: of its rows in `ops.sync_outcomes`.
        causes: of its rows that ended badly; None for one that an earlier version wrote.
        ended_at: when the last of its rows ended; None without one.
        run: what Dagster says of it; None: it does not know it, or does not answer.
        condition: that of the source that lasts.
    """
    row: Row = next((row for status, row in _ROWS if status in statuses), "none")
    cause = worst([one or "" for one in causes]) if causes else run.cause if run else "interrupted"
    ended_at = (run and run.ended_at) or ended_at
    kind, covered = cause_of(cause), bool(condition and ended_at and ended_at >= condition.since)
    canceled = run.canceled_by_person if run else "canceled" in statuses
    seen = Seen(
        row=row,
        dagster="canceled" if canceled else _seen(run),
        by_person=canceled,
        passes=kind.passes or (kind.of_source and covered),
        retried=run is not None and run.retried,
        times=run.times if run else 0,
        outage=bool(condition and condition.disconnected),
        followed=run is not None and run.gone_on_in is not None,
    )
    state = outcome(seen)
    if state not in ("again", "healed", "failed"):
        return Judgement(state)
    by_itself = state == "again" and run and run.ended_badly and not (run.of_command or run.retried)
    again_at = starts_again_at(ended_at, run.times) if run and by_itself and ended_at else None
    return Judgement(state, cause, again_at, run.gone_on_in if run else None)


def _seen(run: Run | None) -> DagsterState:
    if run is None:
        return "unknown"
    return "queued" if run.state == "starting" else run.state
