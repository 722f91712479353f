"""The objects that `--json` prints: their fields, types and meanings. `docs/reference.md` is made
from here.
"""

from typing import Annotated, Literal, TypedDict

from resources.warehouse.reconciliations import Level
from sync.reconcile.result import Status

Moment = Annotated[str, "ISO 8601, UTC"]
Ended = Literal["completed", "failed"]


class Rows(TypedDict):
    """Rows of one table, and what became of them."""

    read: Annotated[int, "records read from the source"]
    inserted: Annotated[int, "new rows"]
    updated: Annotated[int, "rows that changed"]
    unchanged: Annotated[int, "rows that were already the same"]
    deleted: Annotated[int, "rows marked as deleted"]
    rejected: Annotated[int, "records in quarantine"]


class LoadObject(TypedDict):
    """The object of `load --json`.

    A load that could not start prints it too, with no tables. Wrong usage prints none.
    """

    status: Annotated[Ended, "`failed` when `errors` is not empty"]
    simulated: Annotated[bool, "whether the space is a simulated one"]
    tables: Annotated[dict[str, Rows], "one entry for each table that was loaded"]
    requests: Annotated[
        dict[str, int],
        "requests of each rate-limit bucket that was used, each attempt counted; `retries` and "
        "`rate_limited` are two of them",
    ]
    seconds: Annotated[float, "how long it took"]
    errors: Annotated[list[str], "one line for each thing that failed"]


class Checks(TypedDict):
    """How the checks of a build came out."""

    passed: Annotated[int, ""]
    warned: Annotated[int, "A warning is not a failure. Its rows are in the Dagster UI"]
    failed: Annotated[int, ""]


class MartsObject(TypedDict):
    """The object of `marts --json`."""

    status: Annotated[Ended, "`failed` when a model or a check has failed"]
    models: Annotated[int, "models that were built"]
    checks: Annotated[Checks, "checks by outcome"]
    warnings: Annotated[list[str], "names of the checks that warned"]
    seconds: Annotated[float, "how long it took"]
    errors: Annotated[list[str], "one line for each model or check that failed"]


class ProjectObject(TypedDict):
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


class TableObject(TypedDict):
    """One table in `verify --json`."""

    source: Annotated[int, "rows at the source"]
    warehouse: Annotated[int, "rows in the warehouse"]
    differences: Annotated[int, "rows that differ"]
    behind: Annotated[int, "rows that changed at the source after they were read"]
    quarantined: Annotated[int, "rows in quarantine"]
    partial: Annotated[bool, "whether the source showed only a part of it, or none"]


class DifferenceObject(TypedDict):
    """One row that is not the same on both sides."""

    table: Annotated[str, "table in schema `raw`"]
    project: Annotated[str | None, "key of the project; null for rows of the space"]
    label: Annotated[str, "readable key of the row, such as the issue key; may be empty"]
    key: Annotated[str, "key of the row"]
    kind: Annotated[str, "how it differs"]
    source: Annotated[str, "value at the source, shortened"]
    warehouse: Annotated[str, "value in the warehouse, shortened"]
    behind: Annotated[bool, "whether a change at the source after the read explains it"]


class VerifyObject(TypedDict):
    """The object of `verify --json`."""

    status: Annotated[
        Status | Literal["failed"],
        "`behind`: only what changed at the source differs. `failed`: nothing could be compared",
    ]
    how: Annotated[Level, "numbers of issues, or rows"]
    projects: Annotated[list[ProjectObject], "one entry for each project"]
    tables: Annotated[dict[str, TableObject], "one entry for each table that was compared"]
    differences: Annotated[
        list[DifferenceObject], "rows that are not the same, 1,000 at most; the counts are of all"
    ]
    repaired: Annotated[dict[str, int], "table: rows that `--repair` made equal"]
    repaired_rows: Annotated[
        list[DifferenceObject], "those rows as they were before, 1,000 at most"
    ]
    errors: Annotated[list[str], "one line for each part that could not be compared or repaired"]
    requests: Annotated[dict[str, int], "as in `load --json`"]
    seconds: Annotated[float, "how long it took"]


class ConditionObject(TypedDict):
    """What is wrong with Backlog as a whole."""

    kind: Annotated[
        Literal["unreachable", "refused", "rate_limited"],
        "`rate_limited`: other programs of the same user use up the limit",
    ]
    since: Annotated[Moment, "when it began"]
    message: Annotated[str, "the error that was met"]


class AccessObject(TypedDict):
    """How requests are signed."""

    kind: Annotated[Literal["api_key", "oauth"], ""]
    expires_at: Annotated[Moment | None, "end of the access token; null with an API key"]
    refused: Annotated[str | None, "why the token is no longer renewed; null while it is"]


class WarehouseObject(TypedDict):
    """Where the tables are."""

    url: Annotated[str, "URL for programs; the password is masked"]
    embedded: Annotated[bool, "whether it is the embedded PostgreSQL"]


class PlaceObject(TypedDict):
    """Where a process is."""

    url: Annotated[str | None, "null unless `backlog-elt up` runs for the same `BACKLOG_ELT_HOME`"]


class OpenAlertObject(TypedDict):
    """A problem that is not over."""

    key: Annotated[str, "what it is about"]
    kind: Annotated[str, "what has happened, in a few words"]
    asset: Annotated[str, "asset, job or program that is wrong"]
    cause: Annotated[str, "why, in one line"]
    step: Annotated[str, "what to do"]
    partition: Annotated[str, "partition, where it is one"]
    run_id: Annotated[str, "run in Dagster, where there is one"]
    since: Annotated[Moment, "when it began"]
    times: Annotated[int, "how often it was met"]


class AlertsObject(TypedDict):
    """The alerter."""

    alive: Annotated[
        bool | None, "whether the sensor `alerts` has looked within ten minutes; null: never"
    ]
    beat_at: Annotated[Moment | None, "its last sign of life"]
    channels: Annotated[list[str], "channels that are set"]
    waiting: Annotated[int, "messages that are not sent yet"]
    open: Annotated[list[OpenAlertObject], "what is wrong now"]


class SyncObject(TypedDict):
    """A row of `ops.sync_history`; in `last_syncs` all rows of a run added up."""

    id: Annotated[int, ""]
    sync_type: Annotated[str, "table, or kind of run"]
    mode: Annotated[
        str, "`incremental`, `backfill`, …; `run` is not a sync: it says how a run ended"
    ]
    project_key: Annotated[str | None, "projects that it covers, as text; null: the whole space"]
    status: Annotated[Literal["in_progress", "completed", "failed"], ""]
    started_at: Annotated[Moment, ""]
    ended_at: Annotated[Moment | None, ""]
    items_synced: Annotated[int, "records read and accepted, changed or not"]
    items_failed: Annotated[int, "records in quarantine"]
    requests: Annotated[int, "requests to Backlog"]
    error: Annotated[str | None, ""]
    run_id: Annotated[str, "run in Dagster"]
    waiting_for: Annotated[str | None, "what it waits for now"]
    waiting_until: Annotated[Moment | None, "until when"]
    progress_done: Annotated[int | None, "how far it is"]
    progress_total: Annotated[int | None, "of how much, where that is known"]
    projects: Annotated[list[str] | None, "projects that it covers"]


class DayObject(TypedDict):
    """The last 24 hours."""

    runs: Annotated[int, "runs"]
    completed: Annotated[int, "runs that completed"]
    failed: Annotated[int, "runs that failed"]
    success_rate: Annotated[float | None, "share of the runs that have ended; null when none has"]
    syncs: Annotated[int, "rows of `ops.sync_history` that are syncs"]
    syncs_failed: Annotated[int, "those that failed"]
    items: Annotated[int, "records read and accepted"]
    requests: Annotated[int, "requests to Backlog"]


class LimitObject(TypedDict):
    """One rate-limit bucket."""

    limit: Annotated[int, "requests allowed in a minute"]
    remaining: Annotated[int, "requests left in this one"]
    reset: Annotated[Moment, "when it resets"]


class HistoryObject(TypedDict):
    """How much of the history of issues is stored: their comments, and the changes that these
    report.
    """

    issues: Annotated[int, "issues"]
    complete: Annotated[int, "those whose comments were read to their end"]
    open_left: Annotated[int, "open ones whose comments were not; they are read first"]
    minutes_left: Annotated[
        int | None,
        "how long the rest takes by the rate limit less its reserve; null where that is not known",
    ]


class StatusObject(TypedDict):
    """The object of `status --json`."""

    space: Annotated[str | None, "key of the space; null where it is not known yet"]
    connected: Annotated[bool, "whether Backlog answers"]
    connection_error: Annotated[str | None, "why not"]
    condition: Annotated[
        ConditionObject | None, "what is wrong with Backlog as a whole; null when nothing is"
    ]
    simulated: Annotated[bool, "whether the space is a simulated one"]
    access: Annotated[AccessObject, "how requests are signed"]
    warehouse: Annotated[WarehouseObject, "where the tables are"]
    dagster: Annotated[PlaceObject, "the Dagster UI"]
    service: Annotated[PlaceObject, "the sync service"]
    alerts: Annotated[AlertsObject, "the alerter"]
    active: Annotated[list[SyncObject], "syncs in progress"]
    last_syncs: Annotated[list[SyncObject], "for each type, the totals of its newest run"]
    failing_projects: Annotated[
        dict[str, str], "active projects whose issues could not be read the last time, and why"
    ]
    last_24h: Annotated[DayObject, "figures of the last 24 hours"]
    rate_limit: Annotated[dict[str, LimitObject], "buckets by name"]
    history: Annotated[HistoryObject, "how much of the history is stored"]


#: Command -> what its `--json` prints.
OBJECTS: dict[str, type] = {
    "load": LoadObject,
    "marts": MartsObject,
    "verify": VerifyObject,
    "status": StatusObject,
}
