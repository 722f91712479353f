"""What `verify --json` prints: each project, each table, and the rows that differ."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypedDict

from resources.problems.causes import Failure
from resources.warehouse.state.reconciliations import Level
from sync.reconcile.verdict import (
    QUARANTINED,
    Difference,
    Outcome,
    ProjectReconciliation,
    Reconciliation,
    Status,
    with_outcome,
)

Moment = Annotated[str, "ISO 8601, UTC"]
#: Differences that are shown; the counts are of all.
LISTED = 1_000


class ComparedProject(TypedDict):
    """One project in `verify --json`."""

    project: Annotated[str, "key of the project"]
    status: Annotated[Status, "how it compares"]
    source: Annotated[int, "issues at the source"]
    warehouse: Annotated[int, "issues in the warehouse"]
    differences: Annotated[
        int, "rows that differ; with a count, how many issues too few or too many"
    ]
    behind: Annotated[int, "rows that changed at the source after they were read"]
    quarantined: Annotated[int, "rows that the source has and the warehouse refuses"]
    loaded_until: Annotated[Moment | None, "watermark of the project"]
    conclusive: Annotated[bool, "whether it could be compared, and whole"]
    note: Annotated[str | None, "notes on the comparison"]


class ComparedTable(TypedDict):
    """One table in `verify --json`."""

    source: Annotated[int, "rows at the source"]
    warehouse: Annotated[int, "rows in the warehouse"]
    differences: Annotated[int, "rows that differ"]
    behind: Annotated[int, "rows that changed at the source after they were read"]
    quarantined: Annotated[int, "rows in quarantine"]
    partial: Annotated[bool, "whether the source showed only a part of it, or none"]


class ShownDifference(TypedDict):
    """One row that is not the same on both sides."""

    table: Annotated[str, "table in schema `raw`"]
    project: Annotated[str | None, "key of the project; null for rows of the space"]
    label: Annotated[str, "readable key of the row, such as the issue key; may be empty"]
    key: Annotated[str, "key of the row"]
    kind: Annotated[str, "how it differs"]
    source: Annotated[str, "value at the source, shortened"]
    warehouse: Annotated[str, "value in the warehouse, shortened"]
    behind: Annotated[bool, "whether a change at the source after the read explains it"]


class VerifyResult(TypedDict):
    """The object of `verify --json`."""

    status: Annotated[
        Status | Literal["failed"],
        "`behind`: only what changed at the source differs. `failed`: nothing could be compared",
    ]
    how: Annotated[Level, "numbers of issues, or rows"]
    projects: Annotated[list[ComparedProject], "one entry for each project"]
    tables: Annotated[dict[str, ComparedTable], "one entry for each table that was compared"]
    differences: Annotated[
        list[ShownDifference],
        "rows that are not the same, 1,000 at most; the counts are of all",
    ]
    repaired: Annotated[dict[str, int], "table: rows that `--repair` made equal"]
    repaired_rows: Annotated[list[ShownDifference], "those rows as they were before, 1,000 at most"]
    errors: Annotated[list[str], "one line for each part that could not be compared or repaired"]
    requests: Annotated[dict[str, int], "as in `load --json`"]
    seconds: Annotated[float, "how long it took"]


def verify_result(
    found: Reconciliation, requests: Mapping[str, int], seconds: float
) -> VerifyResult:
    """Return what a comparison found and what it cost."""
    keys = {project.id: project.key for project in found.projects}
    counts = {outcome: _by_table(found, outcome) for outcome in _OUTCOMES}
    different_first = sorted(found.differences, key=lambda one: one.outcome != "different")
    return {
        "status": found.status,
        "how": found.level,
        "projects": [compared_project(project) for project in found.projects],
        "tables": {
            table: {
                "source": source,
                "warehouse": stored,
                "differences": counts["different"][table],
                "behind": counts["behind"][table],
                "quarantined": counts["quarantined"][table],
                "partial": table in found.partial,
            }
            for table, (source, stored) in found.tables.items()
        },
        "differences": [shown_difference(one, keys) for one in different_first[:LISTED]],
        "repaired": found.repaired,
        "repaired_rows": [shown_difference(one, keys) for one in found.repaired_rows[:LISTED]],
        "errors": list(found.errors),
        "requests": dict(requests),
        "seconds": round(seconds, 2),
    }


def failed_verify(level: Level, failures: Sequence[Failure], seconds: float) -> VerifyResult:
    """Return what is printed where nothing could be compared."""
    errors = [one.line for one in failures]
    nothing = verify_result(Reconciliation(level, [], {}, errors=errors), {}, seconds)
    return {**nothing, "status": "failed"}


def compared_project(project: ProjectReconciliation) -> ComparedProject:
    """Return how a project compares."""
    return {
        "project": project.key,
        "status": project.status,
        "source": project.source,
        "warehouse": project.warehouse,
        "differences": project.differences,
        "behind": project.behind,
        "quarantined": project.quarantined,
        "loaded_until": project.loaded_until,
        "conclusive": project.conclusive,
        "note": project.note,
    }


def shown_difference(one: Difference, keys: Mapping[int, str]) -> ShownDifference:
    """Return a row that differs; `keys` are those of the projects, by id."""
    return {
        "table": one.table,
        "project": keys.get(one.project_id),
        "label": one.label,
        "key": one.key,
        "kind": QUARANTINED if one.outcome == "quarantined" else one.kind,
        "source": one.source,
        "warehouse": one.warehouse,
        "behind": one.outcome == "behind",
    }


#: Outcome of a row -> the same of a project, which has a number of them.
_OUTCOMES: Mapping[Outcome, str] = {
    "different": "differences",
    "behind": "behind",
    "quarantined": "quarantined",
}


def _by_table(found: Reconciliation, outcome: Outcome) -> Counter[str]:
    """Return table -> rows; where only issues were counted, how many of these."""
    if found.level == "count":
        name = _OUTCOMES[outcome]
        return Counter(issues=sum(getattr(project, name) for project in found.projects))
    return Counter(one.table for one in with_outcome(outcome, found.differences))
