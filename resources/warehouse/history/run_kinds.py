"""The kinds of runs in the history, and the error texts of runs that were ended from outside.

The kind of a run follows from its job and assets while only Dagster knows it, and from its syncs
afterwards.
"""

from collections.abc import Iterable, Mapping, Sequence

from resources.cadences import ISSUES, PROJECTS
from resources.dagster_tags import PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG

CANCELED = "the run was canceled"
#: Error of a sync that was interrupted by something other than its own failure.
UNFINISHED = "ended before it was done"
#: Type and mode of the row of a build of the marts.
MARTS, BUILD = "marts", "build"
#: Prefix of the run id of a command that failed before its first run, which Dagster does not know.
OF_COMMAND = "command-"
#: Jobs whose runs sync the same tables as another job.
_KINDS = {"targeted_sync": "issues", "rolling_refresh": "issues"}
#: Mode -> the job that syncs the tables of issues in this mode.
JOB_OF_MODE = {"targeted": "targeted_sync", "refresh": "rolling_refresh"}
_OF_ISSUES = frozenset(ISSUES.tables)
_OF_PROJECTS = frozenset(PROJECTS.tables)


def kind_of(job: str, assets: Iterable[Sequence[str]]) -> str:
    """Return the type of a run without a sync: the table, or kind of run, whose next success makes
    up for it.

    Args:
        job: the job of the run.
        assets: paths of the assets that it selects; they decide for a job of Dagster's own.
    """
    if not job.startswith("__"):
        return _KINDS.get(job, job)
    first = next((path for path in assets), None)
    if first is None:
        return "checks"
    return first[-1] if "raw" in first[:-1] else "marts"


def kind_of_run(types: Iterable[str], modes: Iterable[str]) -> str:
    """Return what a run was for, by the types and modes of its syncs: a job, or `load` for
    everything.
    """
    types = set(types)
    job = next((JOB_OF_MODE[mode] for mode in sorted(modes) if mode in JOB_OF_MODE), None)
    if job is not None:
        return job
    jobs = sorted(
        {
            "issues" if one in _OF_ISSUES else "projects" if one in _OF_PROJECTS else one
            for one in types
        }
    )
    return jobs[0] if len(jobs) == 1 else "load"


def projects_of(tags: Mapping[str, str]) -> list[str] | None:
    """Return the only project of a run as a list, by its tags; None for other runs."""
    keys = [tags.get(RANGE_START_TAG), tags.get(RANGE_END_TAG)]
    found = {
        key.rpartition("|")[0]
        for key in (keys if all(keys) else [tags.get(PARTITION_TAG)])
        if key and "|" in key
    }
    return list(found) if len(found) == 1 else None
