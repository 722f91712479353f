"""What a round of odd answers is made of: people at work, a choice of mutations, a load, and what
must hold after it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from resources.backlog.backlog_resource import BacklogResource
from simulator import Simulator
from tests.deployment import Deployment, HastyBacklog, Run, failures
from tests.integration.odd.mutations import LIES, RECORDS, WIRE, Mutation
from tests.integration.odd.proxy import ROUTES
from tests.pipelines.cli.verifying import deep
from tests.unsafe import unsafe

#: Routes that every load asks first: one that is always spoilt there keeps the others from being
#: met.
_FIRST = frozenset({"/space", "/projects"})
#: Bytes of a message, and of a step's name before it.
_LONGEST_SHOWN = 2_100
_HALF_WRITTEN = """
    SELECT 'comment without its issue' AS what, c.id FROM raw.comments c
    LEFT JOIN raw.issues i ON (i.space_key, i.id) = (c.space_key, c.issue_id) WHERE i.id IS NULL
        AND c.deleted_at IS NULL
    UNION ALL
    SELECT 'change without its comment', h.comment_id FROM raw.issue_changes h
    LEFT JOIN raw.comments c ON (c.space_key, c.id) = (h.space_key, h.comment_id)
        WHERE c.id IS NULL AND h.deleted_at IS NULL
    UNION ALL
    SELECT 'watermark to come', project_id FROM ops.sync_state
        WHERE watermark > now() + interval '1 hour'
    UNION ALL
    SELECT 'sync that goes on', id FROM ops.sync_outcomes WHERE status = 'in_progress'
    UNION ALL
    SELECT 'row to come', id FROM raw.issues WHERE updated_at > now() + interval '2 days'
"""


@dataclass(frozen=True)
class Behind(Deployment):
    """A deployment that reaches the space through a proxy, and does not wait long for an answer."""

    proxy_url: str = ""
    total: float = 1.0

    @property
    def backlog(self) -> BacklogResource:
        """A new resource on the proxy."""
        return HastyBacklog(
            url=self.proxy_url, api_key=self.api_key, total=self.total, conditions=self.warehouse
        )


@dataclass(frozen=True)
class Ended:
    """How a load ended: a line for each step that failed, and those of them that are no error of
    ours.
    """

    lines: list[str]
    untyped: list[str]


def work(sim: Simulator, rng: Random) -> None:
    """Let people do something in every list that a load of changes reads."""
    space = sim.space
    issues = sorted(issue.id for issue in space.issues.values())
    for issue in rng.sample(issues, 4):
        space.comment(issue, f"said {rng.random()}")
        space.edit_issue(
            issue, summary=f"now {rng.random()}", estimated_hours=float(rng.randrange(9))
        )
    space.create_issue(rng.choice(["OPS", "WEB"]), summary="new")
    sim.clock.advance(90)


def choose(rng: Random, *, lie: bool, number: int, start: int) -> list[Mutation]:
    """Return mutations of several endpoints, each in its turn; at most one that may keep a load
    from going on.
    """
    routes = list(ROUTES.values())
    chosen = [routes[(start + place) % len(routes)] for place in range(number)]
    chosen += [
        rng.choice(["/issues", "/space/activities", "/issues/:id/comments"]) for _ in range(2)
    ]
    found = []
    for place, route in enumerate(chosen):
        hard = place == 0 or (rng.random() < 0.15 and route not in _FIRST)
        kinds = WIRE if hard else LIES if lie and rng.random() < 0.6 else RECORDS
        name = rng.choice(sorted(kinds))
        always = rng.random() < 0.5 and not (hard and route in _FIRST and rng.random() < 0.8)
        found.append(Mutation(route, name, kinds[name], rng.randrange(10**6), always))
    return found


def load(stage: Deployment, *, whole: bool) -> Ended:
    """Load as the schedules do, or all again; return what failed."""
    stage.discover()
    mode = "backfill" if whole else "incremental"
    runs = [
        stage.run("users"),
        stage.run("projects"),
        stage.run_issues(mode=mode),  # type: ignore[arg-type]
    ]
    return Ended(
        [line for run in runs for line in failures(run)],
        [line for run in runs for line in _untyped(run)],
    )


def _untyped(run: Run) -> list[str]:
    failed = [event.step_failure_data for event in run.events if event.is_step_failure]
    return [
        str(data.error)[-3_000:]
        for data in failed
        if not (data.user_failure_data and data.user_failure_data.description)
    ]


def waiting(stage: Deployment) -> int:
    """Return how many records are in quarantine."""
    [row] = stage.query("SELECT count(*) AS n FROM ops.rejected_records WHERE resolved_at IS NULL")
    return int(row["n"])


def half_written(stage: Deployment) -> list[str]:
    """Return what is stored without what belongs to it."""
    return [f"{row['what']}: {row['id']}" for row in stage.query(_HALF_WRITTEN)]


def unsafe_to_show(stage: Deployment, lines: Sequence[str]) -> list[str]:
    """Return what a load, its notes and Dagster say that is more than text, or too long."""
    noted = stage.query("SELECT error FROM ops.sync_history WHERE error IS NOT NULL")
    said = [*lines, *(str(row["error"]) for row in noted), *_shown_by_dagster(stage)]
    return [
        f"{line[:100]!r}" for line in said if unsafe(line) or len(line.encode()) > _LONGEST_SHOWN
    ]


def _shown_by_dagster(stage: Deployment) -> Iterator[str]:
    """Yield the texts of the run's log and its failures."""
    for run in stage.instance.get_runs(limit=3):
        for entry in stage.instance.all_logs(run.run_id):
            yield from entry.user_message.splitlines() if entry.dagster_event is None else ()
            if entry.dagster_event and entry.dagster_event.is_step_failure:
                data = entry.dagster_event.step_failure_data
                yield str(data.user_failure_data.description if data.user_failure_data else "")


def differences(stage: Deployment) -> list[str]:
    """Return what differs from the source, row by row, and what is in quarantine still."""
    found = deep(stage).found
    rows = [
        f"{one.table}/{one.key}: {one.kind}, {one.source} / {one.warehouse}"
        for one in found.differences
    ]
    missing = {one.id for one in stage.sim.space.activities} - {
        row["id"] for row in stage.rows("activities")
    }
    entries = stage.query(
        "SELECT table_name, record_key, error FROM ops.rejected_records WHERE "
        "resolved_at IS NULL ORDER BY id"
    )
    return [
        *found.errors,
        *rows,
        *(f"activity {one} is missing" for one in sorted(missing)),
        *(
            f"in quarantine still: {row['table_name']}/{row['record_key']}: {row['error']}"
            for row in entries
        ),
    ]
