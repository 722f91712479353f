"""Runs in the log of syncs: how the runs that recorded no sync ended.

A load that fails says so in its own row. Some runs end without one: they are refused or cancelled
in the queue, their worker is killed or never starts, they build marts or only evaluate checks.
Dagster alone knows of those. The sync service, the alerter and commands look at its runs and hand
them in here: each run is recorded once, by the first that finds it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, bindparam, text

from resources.dagster_tags import PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG
from resources.redact import plain_line
from resources.warehouse.history import DIED, covering

#: The mode of such a row.
MODE = "run"
CANCELED = "the run was canceled"
#: What a sync says of itself that was broken off by something other than its own failure.
UNFINISHED = "ended before it was done"
#: What the id begins with of a command that failed before its first run; Dagster does not know it.
OF_COMMAND = "command-"
#: Jobs whose runs sync the same tables as those of another one.
_KINDS = {"targeted_sync": "issues", "rolling_refresh": "issues"}
#: Longer causes are cut.
_LONGEST = 500

_UNTOLD = text(
    """
    SELECT ended.run_id FROM unnest(CAST(:run_ids AS text[]), CAST(:failed AS boolean[])) AS ended
        (run_id, failed)
    WHERE NOT EXISTS (
        SELECT FROM ops.sync_history AS h WHERE h.run_id = ended.run_id AND (h.status = 'failed'
            OR NOT ended.failed)
    )
    """
)
_RECORD = text(
    """
    INSERT INTO ops.sync_history
        (space_key, sync_type, mode, project_key, projects, status, started_at, ended_at, error,
            run_id)
    SELECT :space_key, :kind, 'run', :project_key, CAST(:projects AS text[]), :status, :started_at,
        :ended_at, :error, :run_id
    WHERE NOT EXISTS (
        SELECT FROM ops.sync_history AS h WHERE h.run_id = :run_id AND (h.status = 'failed'
            OR :status = 'completed')
    )
    ON CONFLICT (run_id) WHERE mode = 'run' DO NOTHING
    """
)
_CANCEL = text(
    """
    UPDATE ops.sync_history SET error = :canceled
    WHERE run_id = ANY(CAST(:run_ids AS text[])) AND status = 'failed'
        AND error = ANY(CAST(:broken_off AS text[]))
    """
)


@dataclass(frozen=True)
class RunEnd:
    """How a run ended: `error` says why it failed or was cancelled, None: it succeeded. `kind` is
    that of `kind_of`.
    """

    run_id: str
    kind: str
    started_at: datetime
    ended_at: datetime
    error: str | None = None
    projects: Sequence[str] | None = None


def kind_of(job: str, assets: Iterable[Sequence[str]]) -> str:
    """Return what stands as the type of a run without a sync: the table or kind of runs whose next
    success makes up for it.

    Args:
        job: the job of the run.
        assets: the paths of the assets that it was to materialize; for a job of Dagster's own they
            say what it was about.
    """
    if not job.startswith("__"):
        return _KINDS.get(job, job)
    first = next((path for path in assets), None)
    if first is None:
        return "checks"
    return first[-1] if "raw" in first[:-1] else "marts"


def projects_of(tags: Mapping[str, str]) -> list[str] | None:
    """Return the project of a run whose partitions are all of one, by its tags; None for other
    runs.
    """
    keys = [tags.get(RANGE_START_TAG), tags.get(RANGE_END_TAG)]
    found = {
        key.rpartition("|")[0]
        for key in (keys if all(keys) else [tags.get(PARTITION_TAG)])
        if key and "|" in key
    }
    return list(found) if len(found) == 1 else None


def one_line(said: str | None) -> str:
    """Return the first line of what is said of a failure, short and safe to show."""
    lines = [line.strip() for line in (said or "").splitlines() if line.strip()]
    return plain_line(lines[0])[:_LONGEST] if lines else "no reason was recorded: see the run"


def unreported(engine: Engine, ended: Mapping[str, bool]) -> set[str]:
    """Return the runs whose end the log lacks: failed ones without a failed row, others without any
    row.

    `ended` is run -> whether it failed or was cancelled.
    """
    if not ended:
        return set()
    with engine.connect() as conn:
        return set(
            conn.execute(
                _UNTOLD, {"run_ids": list(ended), "failed": list(ended.values())}
            ).scalars()
        )


def record_ends(engine: Engine, space_key: str, ends: Collection[RunEnd]) -> None:
    """Record how runs ended, each once; a run that has such a row already is left alone.

    `space_key` is that of `sync_log.place_of`.
    """
    if not ends:
        return
    rows = [
        {
            "space_key": space_key,
            "kind": end.kind,
            "status": "completed" if end.error is None else "failed",
            "started_at": end.started_at,
            "ended_at": end.ended_at,
            "error": end.error and one_line(end.error),
            "run_id": end.run_id,
            **covering(end.projects),
        }
        for end in ends
    ]
    with engine.begin() as conn:
        for row in rows:
            conn.execute(_RECORD.bindparams(bindparam("projects")), row)


def record_cancellations(engine: Engine, run_ids: Collection[str]) -> None:
    """Say of the syncs that runs have broken off that these were canceled: only Dagster knows that,
    and no sync.
    """
    with engine.begin() as conn:
        conn.execute(
            _CANCEL,
            {"run_ids": list(run_ids), "canceled": CANCELED, "broken_off": [UNFINISHED, DIED]},
        )
