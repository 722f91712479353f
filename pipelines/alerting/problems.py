"""Which events are problems, what their alerts say, and which problems are over.

Pure functions.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from pipelines.alerting.facts import Ended, RunDuration
from pipelines.alerting.ledger import Problem
from pipelines.jobs import rolling_refresh_job, targeted_sync_job
from pipelines.retrying import RETRY_JOB
from resources.cadences import CADENCES
from resources.conditions import WORDS, ConditionKind
from resources.tokens import TokenState
from resources.warehouse.baselines import Baseline
from resources.warehouse.conditions import Condition
from resources.warehouse.errors import WarehouseError
from resources.warehouse.run_pages import JOB_OF_MODE

RUNBOOK = "docs/operating.md, section"
#: What is usual is known from so many syncs or runs on.
ENOUGH = 8
#: A sync or a run is slow that takes so many times the usual time, and so much longer at least.
SLOWER, SLOWER_BY = 5, timedelta(minutes=5)
#: A sync that reads a table whole is unusual when it finds less than a half or more than three times as much.
FEWER, MORE, SMALL = 0.5, 3.0, 20
#: A condition of the source is reported when it has lasted so long, and was met again after some of that time.
LASTING, MET_AGAIN = timedelta(minutes=2), timedelta(minutes=1)

#: The keys of the problems that the source cannot be read, and that the warehouse cannot be used.
SOURCE, WAREHOUSE = "source", "warehouse"
_NEXT_STEP: dict[ConditionKind, str] = {
    "unreachable": "check that Backlog and the network are up; loads resume when it answers",
    "refused": "renew the key or log in again, and let the space accept this machine; loads then resume",
    "rate_limited": "let other programs of this user make fewer requests, or give this one its own user; loads continue, slowly",
}
#: What the cause of a failure says that a request has met: `users: GET /space: no answer from …`.
_REQUEST = re.compile(r"\b(?:GET|POST) /")
#: What the keys of problems of backfills begin with, and those of syncs.
BACKFILL, DURATION_ANOMALY = "backfill/", "unusual/"
#: Syncs that read whatever somebody has asked for, one month or all: none is like the one before it.
OF_ANY_SIZE = frozenset({"backfill"})
#: Jobs, and modes of syncs, that read just some issues by the steps of the job `issues`: their success says nothing of the others.
OF_SOME_ISSUES = frozenset({targeted_sync_job.name, rolling_refresh_job.name})
OF_SOME = frozenset(JOB_OF_MODE)

News = tuple[list[Problem], list[str]]


def of_source(url: str, condition: Condition | None, now: datetime) -> News:
    """Return the problem that the source as a whole is in, when it has lasted for two minutes, or its key when it is over.

    A failure that was not met again is not known to last. Its run is reported, if it was one.
    """
    if condition is None:
        return [], [SOURCE]
    if now - condition.since < LASTING or condition.seen_at - condition.since < MET_AGAIN:
        return [], []
    kind = "failed" if condition.disconnected else "unusual"
    cause = f"it {WORDS[condition.kind]} since {condition.since:%Y-%m-%d %H:%M} UTC: {condition.message}"
    step = f"{_NEXT_STEP[condition.kind]} ({RUNBOOK} 'Backlog cannot be read')"
    return [Problem(SOURCE, kind, f"Backlog at {urlsplit(url).netloc}", cause, step)], []


def covered(problems: Iterable[Problem], run: Ended, condition: Condition | None) -> list[Problem]:
    """Return the problems of a run that are but a part of a condition of the source: it could not be read while the run worked."""
    if condition is None or not condition.disconnected or run.ended_at < condition.since:
        return []
    return [problem for problem in problems if problem.run_id == run.run_id and _REQUEST.search(problem.cause)]


def of_run(run: Ended) -> News:
    """Return the problems that a run shows, and the keys of those that it ends.

    Runs of a scheduled kind follow each other, so that the next one that succeeds ends a failure, whatever its partitions; those
    that read just some issues follow those of their job. In a backfill each partition is a matter of its own, ended by the same
    partition or when none is left failed (`of_backfills`).
    """
    problems: list[Problem] = []
    ended: list[str] = []
    for failure in run.failures:
        step = f"{_next_step(run)} ({RUNBOOK} 'A run has failed')"
        key = _key(run, failure.step or run.job)
        problems.append(Problem(key, "failed", failure.assets, failure.cause, step, run.partition, run.run_id))
    ended += [_key(run, name) for name in (*run.steps, *([run.job] if run.succeeded else []))]
    for check in run.checks:
        key = f"check/{check.name}"
        if check.red:
            step = f"open the check in Dagster: it shows the rows ({RUNBOOK} 'A check is red')"
            problems.append(Problem(key, "failed", check.name, check.said, step, run_id=run.run_id))
        else:
            ended.append(key)
    return problems, ended


def covers_no_project(run: Ended, projects: Collection[str]) -> bool:
    """Return whether a run covers partitions, and none of a project: its key was typed by hand, and the run has refused it."""
    return bool(run.partition) and all(corner.rsplit("|", 1)[0] not in projects for corner in run.partition.split(" … "))


def of_backfills(known: Iterable[str]) -> list[str]:
    """Return, of the keys of problems, those of backfills: they are over when no partition has a failed load."""
    return [key for key in known if key.startswith(BACKFILL)]


def _key(run: Ended, name: str) -> str:
    if _is_backfill(run):
        return f"{BACKFILL}{name}/{run.partition}"
    return f"run/{run.job}/{name}" if run.job in OF_SOME_ISSUES else f"run/{name}"


def _is_backfill(run: Ended) -> bool:
    return run.job.startswith("__") and bool(run.partition)


def _next_step(run: Ended) -> str:
    if _is_backfill(run):
        return f"fix the cause, then start the job {RETRY_JOB}"
    return "fix the cause; the next scheduled run continues where this one stopped"


def of_silence(last: Mapping[str, datetime], since: datetime, now: datetime) -> News:
    """Return the kinds of sync that have not succeeded for longer than their cadence allows, and those that have.

    Args:
        last: kind of sync -> when one succeeded last.
        since: when the alerter began to look; what is older is nobody's fault.
        now: the moment of the look.
    """
    problems, ended = [], []
    for kind, cadence in ((cadence.sync, cadence) for cadence in CADENCES if cadence.sync):
        key, quiet = f"silent/{kind}", now - max(last.get(kind, since), since)
        if quiet > cadence.silent_after:
            success = f"last success {last[kind]:%Y-%m-%d %H:%M} UTC" if kind in last else "never"
            cause = f"no sync of {kind} has succeeded for longer than its cadence of {_hours(cadence.interval)} allows ({success})"
            step = f"check that the daemon runs and the schedule is on ({RUNBOOK} 'No sync')"
            problems.append(Problem(key, "silent", f"raw/{kind}", cause, step))
        else:
            ended.append(key)
    return problems, ended


def of_syncs(syncs: Sequence[Baseline]) -> News:
    """Return the syncs that took far longer, or found far less or more than usual, and the keys of those that are as usual again.

    Each sync is compared with those of its kind, mode and project. One look may see several of these: the newest decides. The
    words for a slow sync are the same while it works and afterwards, so that it is reported once.
    """
    newest: dict[str, tuple[Baseline, str | None]] = {}
    for sync in syncs:
        what = _duration_anomaly(sync)
        if what or not sync.active:
            newest[f"{DURATION_ANOMALY}{sync.sync_type}/{sync.mode}/{sync.project_key or ''}"] = sync, what
    problems = []
    for key, (sync, what) in newest.items():
        if what:
            look = "it is still running: look" if sync.active else "look"
            step = f"{look} at the run and at the source ({RUNBOOK} 'A sync was unusual')"
            name = f"raw/{sync.sync_type} ({sync.mode})"
            problems.append(Problem(key, "unusual", name, what, step, sync.project_key or "", sync.run_id))
    return problems, [key for key, (_, what) in newest.items() if not what]


def of_nothing_left(known: Iterable[str], projects: Collection[str]) -> list[str]:
    """Return, of the keys of problems, those that no sync will end: of inaccessible projects, and of earlier versions.

    Earlier versions had no project in a key.
    """
    parts = {key: key.split("/") for key in known if key.startswith(DURATION_ANOMALY)}
    return [key for key, part in parts.items() if len(part) < 4 or (part[3] and part[3] not in projects)]


def of_durations(runs: Iterable[RunDuration]) -> News:
    """Return the jobs whose run took far longer than the runs like it before, and the keys of those that are as usual again."""
    problems, ended = [], []
    for run in runs:
        key, what = f"slow/{run.job}", _slow(run.seconds, run.baseline_seconds, run.known)
        if what:
            step = f"look at the run: which step took so long? ({RUNBOOK} 'A run took long')"
            problems.append(Problem(key, "unusual", f"job {run.job}", what, step, run_id=run.run_id))
        else:
            ended.append(key)
    return problems, ended


def _slow(seconds: float, baseline_seconds: float, known: int) -> str | None:
    took, usual = timedelta(seconds=seconds), timedelta(seconds=baseline_seconds)
    if known < ENOUGH or took <= max(SLOWER * usual, usual + SLOWER_BY):
        return None
    return f"it has taken {_clock(took)}; usual: {_clock(usual)}"


def _duration_anomaly(sync: Baseline) -> str | None:
    if sync.mode in OF_ANY_SIZE or sync.known < ENOUGH:
        return None
    if slow := _slow(sync.seconds, sync.baseline_seconds, sync.known):
        return slow
    if sync.whole and not sync.active and sync.baseline_items >= SMALL:
        share = sync.items / sync.baseline_items
        if not FEWER <= share <= MORE:
            return f"it found {sync.items} rows; usual: {sync.baseline_items:.0f}"
    return None


def of_warehouse(error: WarehouseError) -> Problem:
    """Return the problem of a warehouse that cannot be used."""
    step = f"check that PostgreSQL runs and WAREHOUSE_URL is right ({RUNBOOK} 'The warehouse is gone')"
    return Problem(WAREHOUSE, "failed", WAREHOUSE, " ".join(str(error).split())[:500], step)


def of_tokens(url: str, state: TokenState | None) -> News:
    """Return the problem of an access by OAuth that is not renewed any more, or its key when there is none."""
    key = f"token/{url}"
    if state is None or state.refused_reason is None:
        return [], [key]
    step = f"backlog-elt login ({RUNBOOK} 'The token cannot be renewed')"
    return [Problem(key, "failed", f"access to {urlsplit(url).netloc}", state.refused_reason, step)], []


def _hours(time: timedelta) -> str:
    return f"{time.total_seconds() / 3600:.0f} h"


def _clock(time: timedelta) -> str:
    """Return hours, minutes and seconds; of more than a day too, so that nothing but numbers differs."""
    minutes, seconds = divmod(round(time.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
