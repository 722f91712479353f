"""Which events are problems, and which problems are over. What is said of them is in
`resources/problems/`.

Pure functions.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from assets.checks.operation import FAILED, FRESH
from assets.dagster_internals import LostBackfill
from assets.issues import issues
from assets.location import raw_key
from assets.partitions import projects_between
from pipelines.alerting.facts import Ended
from pipelines.jobs import rolling_refresh_job, targeted_sync_job
from resources.cadences import CADENCES
from resources.problems.alert_texts import OF_CONDITION
from resources.problems.names import CORNERS
from resources.problems.problem import Problem
from resources.redact import first_line
from resources.tokens import TokenState
from resources.warehouse.history.run_kinds import JOB_OF_MODE
from resources.warehouse.state.seen_conditions import Condition
from resources.warehouse.warehouse_errors import WarehouseError

#: A condition of the source is reported when it has lasted so long, and was met again after some of
#: that time.
LASTING, MET_AGAIN = timedelta(minutes=2), timedelta(minutes=1)

#: The keys of the problems that the source cannot be read, and that the warehouse cannot be used.
SOURCE, WAREHOUSE = "source", "warehouse"
#: What the keys of problems of backfills begin with.
BACKFILL = "backfill/"
#: What the keys of views that a build of the marts could not make begin with.
VIEW = "view/"
#: What the keys of problems of backfills begin with that Dagster has given up.
LOST = "lost/"
#: The keys of checks that are over before they are evaluated again, once a day.
LEFT_FAILED, STALE = (
    f"check/{raw_key('issues').to_user_string()}: {name}" for name in (FAILED, FRESH)
)
#: Check -> the code of its problem, where that is not just that it is red.
OF_CHECK = {FAILED: "partitions_failed", FRESH: "projects_stale"}
#: Jobs, and modes of syncs, that read just some issues by the steps of the job `issues`: their
#: success says nothing of the others.
OF_SOME_ISSUES = frozenset({targeted_sync_job.name, rolling_refresh_job.name})
OF_SOME = frozenset(JOB_OF_MODE)
#: The step that loads issues; in a run without partitions it only evaluates checks.
ISSUES = issues.op.name

News = tuple[list[Problem], list[str]]


def of_source(url: str, condition: Condition | None, now: datetime) -> News:
    """Return the problem that the source as a whole is in, when it has lasted for two minutes, or
    its key when it is over.

    A failure that was not met again is not known to last. Its run is reported, if it was one.
    """
    if condition is None:
        return [], [SOURCE]
    if now - condition.since < LASTING or condition.seen_at - condition.since < MET_AGAIN:
        return [], []
    return [of_condition(urlsplit(url).netloc, condition)], []


def of_condition(host: str, condition: Condition) -> Problem:
    """Return the problem of a source that is in a condition."""
    parameters = {"host": host, "said": condition.message, "cause": condition.cause or ""}
    return Problem(SOURCE, OF_CONDITION[condition.kind], parameters)


def covered(problems: Iterable[Problem], run: Ended, condition: Condition | None) -> list[Problem]:
    """Return the problems of a run that are but a part of a condition of the source: it could not
    be read while the run worked.
    """
    if condition is None or not condition.disconnected or run.ended_at < condition.since:
        return []
    return [
        problem
        for problem in problems
        if problem.run_id == run.run_id and problem.known_cause.of_source
    ]


def of_run(run: Ended, *, all_read: bool = True, known: Iterable[str] = ()) -> News:
    """Return the problems that a run shows, and the keys of those that it ends.

    Runs of a scheduled kind follow each other, so that the next one that succeeds ends a failure;
    those that read just some issues, or only evaluate checks, follow those of their job. A load of
    issues may be of some projects: the failure of others is over when `all_read`, and no active
    project is left whose issues could not be read. The failure of a backfill is over when none of
    its partitions is left (`of_backfills`). Of the `known` problems, those of views are over with
    the next build that does not note them. A failure that is mere information is no problem.
    """
    problems: list[Problem] = []
    ended: list[str] = []
    for failed in run.failures:
        code = "backfill_failed" if _is_backfill(run) else "run_failed"
        of = {"subject": failed.assets, "said": failed.why.line, "cause": failed.why.cause}
        of |= {"partition": run.partition}
        problem = Problem(_key(run, failed.step or run.job), code, of, run.run_id)
        if problem.severity != "information":
            problems.append(problem)
    if not _is_backfill(run):
        over = [_key(run, name) for name in (*run.steps, *([run.job] if run.succeeded else []))]
        ended += [key for key in over if all_read or key != f"run/{ISSUES}"]
    for check in run.checks:
        key = f"check/{check.name}"
        if check.red:
            code = OF_CHECK.get(check.name.rpartition(": ")[2], "check_red")
            of = {"subject": check.name, "said": check.said, "projects": check.stale}
            problems.append(Problem(key, code, of, run.run_id))
        else:
            ended.append(key)
    if run.notes is not None:
        not_made = {note["relation"]: note["line"] for note in run.notes if note["view_not_made"]}
        problems += [
            Problem(f"{VIEW}{name}", "view_not_made", {"relation": name, "line": line}, run.run_id)
            for name, line in not_made.items()
        ]
        views = [key for key in known if key.startswith(VIEW)]
        ended += [key for key in views if key.removeprefix(VIEW) not in not_made]
    return problems, ended


def tells_of_half_a_space(run: Ended) -> bool:
    """Return whether a run is a first load that has failed: until it has succeeded, all that people
    see is of a part of the space. One that somebody has ended is none.
    """
    return run.of_first_load and not all(failed.asked for failed in run.failures)


def are_of_backfills(known: Iterable[str]) -> bool:
    """Return whether any of these keys is that of a problem which `of_backfills` may end."""
    return any(key.startswith(BACKFILL) or key == LEFT_FAILED for key in known)


def of_backfills(
    known: Mapping[str, Problem], left: Collection[str], projects: Sequence[str]
) -> list[str]:
    """Return the keys of failed backfills that are over.

    Args:
        known: the open problems.
        left: the projects of which a partition is left that a backfill has yet to load.
        projects: all projects, in the order of Dagster.
    """
    over = [LEFT_FAILED] if not left else []
    for key, problem in known.items():
        covered = projects_between(problem.parameters.get("partition", ""), projects)
        if key.startswith(BACKFILL) and not {*left} & {*covered}:
            over.append(key)
    return over


def _key(run: Ended, name: str) -> str:
    if _is_backfill(run):
        # Its months are not a part of it: what is started again covers what is left of them.
        projects = [corner.rsplit("|", 1)[0] for corner in run.partition.split(CORNERS)]
        return f"{BACKFILL}{name}/{CORNERS.join(dict.fromkeys(projects))}"
    of_its_own = run.job in OF_SOME_ISSUES or (name == ISSUES and not run.partition)
    return f"run/{run.job}/{name}" if of_its_own else f"run/{name}"


def _is_backfill(run: Ended) -> bool:
    return run.job.startswith("__") and bool(run.partition)


def of_lost_backfills(known: Iterable[str], lost: Iterable[LostBackfill]) -> News:
    """Return the problems of lost backfills that do not go on by themselves, and the keys of those
    that are over.

    Args:
        known: the keys of the open problems.
        lost: all that are lost now.
    """
    found = {
        f"{LOST}{one.id}": Problem(f"{LOST}{one.id}", "backfill_lost", _about_lost(one))
        for one in lost
        if one.goes_on_at is None
    }
    over = [key for key in known if key.startswith(LOST) and key not in found]
    return [*found.values()], over


def _about_lost(lost: LostBackfill) -> dict[str, str]:
    names = sorted({name for keys in lost.left.values() for name in keys})
    place = CORNERS.join(dict.fromkeys((names[0], names[-1])))
    return {
        "subject": "backfill",
        "said": first_line(lost.said),
        "cause": lost.cause,
        "partition": place,
    }


def of_silence(last: Mapping[str, datetime], since: datetime, now: datetime) -> News:
    """Return the kinds of sync that have not succeeded for longer than their cadence allows, and
    those that have.

    Args:
        last: kind of sync -> when one succeeded last.
        since: when the alerter began to look; what is older is nobody's fault.
        now: the moment of the look.
    """
    problems, ended = [], []
    for kind, cadence in ((cadence.sync, cadence) for cadence in CADENCES if cadence.sync):
        key, quiet = f"silent/{kind}", now - max(last.get(kind, since), since)
        if quiet > cadence.silent_after:
            success = f"{last[kind]:%Y-%m-%d %H:%M} UTC" if kind in last else "–"
            hours = f"{cadence.interval.total_seconds() / 3600:.0f}"
            of = {"table": kind, "hours": hours, "last": success}
            problems.append(Problem(key, "sync_silent", of))
        else:
            ended.append(key)
    return problems, ended


def of_warehouse(error: WarehouseError) -> Problem:
    """Return the problem of a warehouse that cannot be used."""
    return Problem(WAREHOUSE, "warehouse_unusable", {"said": str(error), "cause": error.cause})


def of_tokens(url: str, state: TokenState | None) -> News:
    """Return the problem of an access by OAuth that is not renewed any more, or its key when there
    is none.
    """
    key = f"token/{url}"
    if state is None or state.refused_reason is None:
        return [], [key]
    parameters = {"host": urlsplit(url).netloc, "reason": state.refused_reason}
    return [Problem(key, "login_refused", parameters)], []
