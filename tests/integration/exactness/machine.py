"""The state machine: people work in a space while it is read, the reader dies, the network fails,
and in the end all is equal.
"""

from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, ClassVar

import dagster as dg
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from simulator import Simulator, SpaceSpec, Switches
from tests.deployment import Deployment, Run, failures, quiet
from tests.instances import in_memory
from tests.integration.exactness.databases import Databases
from tests.integration.exactness.differences import differences
from tests.integration.exactness.people import People
from tests.integration.exactness.sabotage import Sabotage, sabotages
from tests.integration.exactness.syncs import backfill, incremental, look_whole, refresh, targeted

#: When the seeded history ends. The nearer to the time of this machine, the fewer months a read of
#: changes covers.
HISTORY_END = "2026-10-31T09:00:00Z"
SPEC = SpaceSpec(seed=3, users=8, projects=3, issues=40, history_days=240, history_end=HISTORY_END)
#: The space's clock stands here at first, before the time of this machine, and moves only when a
#: test moves it.
BEGIN = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)

SEEDS = st.integers(0, 2**32 - 1)
SWITCHES = st.fixed_dictionaries(
    {},
    optional={
        "inclusive_ids": st.just(False),
        "date_zone": st.sampled_from(["utc", "user"]),
        "inclusive_dates": st.just(False),
        "comment_moves_updated": st.just(True),
        "empty_patch_moves_updated": st.just(False),
        "star_moves_updated": st.just(True),
        "date_only": st.just("space"),
        "all_projects_by_default": st.just(False),
        "clamp_count": st.just(True),
        "stable_ties": st.just(True),
        "retry_after": st.just(True),
        "activity_retention_days": st.sampled_from([1, 30]),
        "late_activity_seconds": st.sampled_from([90, 3600]),
        "removed_item_clears": st.just(False),
        "archived_issues_listed": st.just(False),
    },
)


@dataclass
class Figures:
    """What a run of the machine has done."""

    examples: int = 0
    mutations: int = 0
    syncs: int = 0
    failed: int = 0
    seconds: float = 0.0
    comparisons: int = 0
    unequal: list[str] = field(default_factory=list)


class Syncs(RuleBasedStateMachine):
    """Plays one space and one warehouse per example. Set `databases` in a subclass, see
    `machine`.
    """

    databases: ClassVar[Databases]
    figures: ClassVar[Figures]
    kinds: ClassVar[Collection[str]] = ()

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self._started = False

    @initialize(switches=SWITCHES, seed=SEEDS)
    def start(self, switches: dict[str, Any], seed: int) -> None:
        """Start a space and an empty warehouse."""
        url, engine = self._stack.enter_context(self.databases.fresh())
        self.sim = self._stack.enter_context(Simulator(SPEC, switches=Switches(**switches)))
        self.sim.clock.freeze(BEGIN)
        instance = self._stack.enter_context(in_memory())
        self.deployment = Deployment(self.sim, url, engine, instance, self.sim.api_key, quiet())
        self.people = People(self.sim.space)
        self.sabotage: Sabotage | None = None
        self.sim.before_request(
            lambda request: self.sabotage.before(request) if self.sabotage else None
        )
        self.people.burst(10, seed)
        self._started = True

    @rule(seed=SEEDS, count=st.integers(120, 600))
    def people_work(self, seed: int, count: int) -> None:
        """Change the space between two syncs."""
        self.people.burst(count, seed)

    @rule(seconds=st.sampled_from([1, 59, 3600, 43_200, 86_400 * 3]))
    def time_goes_by(self, seconds: int) -> None:
        """Move the space's clock."""
        self.sim.clock.advance(seconds)

    @rule(
        how=st.sampled_from([incremental, incremental, targeted, backfill, refresh]),
        sabotage=sabotages(),
        seed=SEEDS,
    )
    def read_in_bad_times(self, how: Callable[..., bool], sabotage: Sabotage, seed: int) -> None:
        """Sync while people work and things break; it may fail."""
        self.sabotage = sabotage.begin(
            self.sim,
            self.people,
            lambda: self.databases.cut_off(str(self.deployment.engine.url.database)),
        )
        deployment = self.deployment.with_progress(sabotage)
        try:
            self._sync(how, deployment, Random(seed))  # noqa: S311 - data, not secrets
        finally:
            self.sabotage = None
            self.sim.faults.clear()

    @rule()
    def read_in_peace(self) -> None:
        """Sync what has changed, undisturbed: it must not fail, and misses nothing that somebody
        tells of.
        """
        # as above
        assert self._sync(incremental, self.deployment, Random(0)), self._why()  # noqa: S311
        switches = self.sim.space.switches
        if not switches.late_activity_seconds and not switches.activity_retention_days:
            self._compare(masters=False)

    def teardown(self) -> None:
        """Look at everything once more, and compare."""
        try:
            if self._started:
                late = self.sim.space.switches.late_activity_seconds
                self.sim.clock.advance(late + 60)
                # An activity that became visible more than a quarter of an hour late is for the
                # rolling refresh to find.
                for how in (
                    (look_whole, refresh, incremental) if late else (look_whole, incremental)
                ):
                    # as above
                    assert self._sync(how, self.deployment, Random(0)), self._why()  # noqa: S311
                self.people.silence.clear()
                self._compare(masters=True)
                assert not self.deployment.query(
                    "SELECT id FROM ops.sync_outcomes WHERE status = 'in_progress'"
                )
                self.figures.examples += 1
        finally:
            self.figures.mutations += self.people.count if self._started else 0
            self._stack.close()

    def _sync(self, how: Callable[..., bool], deployment: Deployment, rng: Random) -> bool:
        self.figures.syncs += 1
        done = how(deployment, rng)
        self.figures.failed += not done
        return done

    def _why(self) -> str:
        failed = self.deployment.instance.get_runs(
            dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]), limit=1
        )
        reasons = (
            failures(Run(False, failed[0].run_id, self.deployment.instance))
            if failed
            else ["it died"]
        )
        return "\n".join(["an undisturbed sync failed:", *reasons])

    def _compare(self, *, masters: bool) -> None:
        found = differences(self.deployment, silence=self.people.silence, masters=masters)
        self.figures.comparisons += 1
        self.figures.unequal += found
        assert not found, "\n".join(found[:20])


def machine(databases: Databases, figures: Figures) -> type[Syncs]:
    """Return the machine on a server; what it does is added up in `figures`."""
    return type("SyncsHere", (Syncs,), {"databases": databases, "figures": figures})
