"""The objects that `--json` prints: their fields, types and meanings.

`docs/reference.md` is made from here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal, TypedDict

from resources.conditions import ConditionKind
from resources.json_models import Model
from resources.problems.alert_texts import Action
from resources.problems.cause_table import Severity
from resources.problems.causes import Failure
from resources.warehouse.history.history_reader import Sync
from sync.results.verify_json import Moment, VerifyResult

Ended = Literal["completed", "failed"]


class Rows(TypedDict):
    """Rows of one table, and what became of them."""

    read: Annotated[int, "records read from the source"]
    inserted: Annotated[int, "new rows"]
    updated: Annotated[int, "rows that changed"]
    unchanged: Annotated[int, "rows that were already the same"]
    deleted: Annotated[int, "rows marked as deleted"]
    rejected: Annotated[int, "records in quarantine"]


class LoadResult(TypedDict):
    """The object of `load --json`.

    A load that could not start prints it too, with no tables. Wrong usage prints none.
    """

    status: Annotated[Ended, "`failed` when `errors` is not empty"]
    simulated: Annotated[bool, "whether the space is a simulated one"]
    tables: Annotated[dict[str, Rows], "one entry for each table that was loaded"]
    requests: Annotated[
        dict[str, int],
        "requests of each rate-limit bucket that was used, each attempt counted; "
        "`retries` and `rate_limited` are two of them",
    ]
    seconds: Annotated[float, "how long it took"]
    errors: Annotated[list[str], "one line for each thing that failed"]
    causes: Annotated[list[str], "the code of the cause of each of these"]


def load_result(
    tables: Mapping[str, Rows],
    requests: Mapping[str, int],
    seconds: float,
    errors: Sequence[Failure],
    *,
    simulated: bool,
) -> LoadResult:
    """Return what a load did; it failed when there are errors."""
    return {
        "status": "failed" if errors else "completed",
        "simulated": simulated,
        "tables": dict(tables),
        "requests": dict(requests),
        "seconds": round(seconds, 2),
        **_told(errors),
    }


class Told(TypedDict):
    """Failures as a result has them."""

    errors: list[str]
    causes: list[str]


def _told(failures: Sequence[Failure]) -> Told:
    each = [*dict.fromkeys(failures)]
    return {"errors": [one.line for one in each], "causes": [one.cause for one in each]}


class Checks(TypedDict):
    """How the checks of a build came out."""

    passed: Annotated[int, ""]
    warned: Annotated[int, "A warning is not a failure. Its rows are in the Dagster UI"]
    failed: Annotated[int, ""]


class MartsResult(TypedDict):
    """The object of `marts --json`."""

    status: Annotated[Ended, "`failed` when a model or a check has failed"]
    models: Annotated[int, "models that were built"]
    checks: Annotated[Checks, "checks by outcome"]
    warnings: Annotated[list[str], "names of the checks that warned"]
    notes: Annotated[
        list[str], "one line for what was left undone, as a view that was not made or what to drop"
    ]
    seconds: Annotated[float, "how long it took"]
    errors: Annotated[list[str], "one line for each model or check that failed"]
    causes: Annotated[list[str], "the code of the cause of each of these"]


def marts_result(
    models: int,
    seconds: float,
    errors: Sequence[Failure],
    *,
    passed: int = 0,
    failed: int = 0,
    warnings: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> MartsResult:
    """Return what a build did: the checks that passed, failed and warned; it failed with
    errors.
    """
    return {
        "status": "failed" if errors else "completed",
        "models": models,
        "checks": {"passed": passed, "warned": len(warnings), "failed": failed},
        "warnings": sorted(warnings),
        "notes": list(notes),
        "seconds": round(seconds, 2),
        **_told(errors),
    }


class Condition(Model):
    """What is wrong with the source as a whole, since when, and the error that was met."""

    kind: Annotated[
        ConditionKind, "`rate_limited`: other programs of the same user use up the limit"
    ]
    since: Annotated[datetime, "when it began"]
    message: Annotated[str, "the error that was met"]
    cause: Annotated[str | None, "code of its cause"]


class RateLimit(Model):
    """One rate limit of Backlog: requests allowed in a window, requests left, and its end."""

    limit: Annotated[int, "requests allowed in a minute"]
    remaining: Annotated[int, "requests left in this one"]
    reset: Annotated[datetime, "when it resets"]


class Access(TypedDict):
    """How requests are signed."""

    kind: Annotated[Literal["api_key", "oauth"], ""]
    expires_at: Annotated[Moment | None, "end of the access token; null with an API key"]
    refused: Annotated[str | None, "why the token is no longer renewed; null while it is"]


class WarehousePlace(TypedDict):
    """Where the tables are."""

    url: Annotated[str, "URL for programs; the password is masked"]
    embedded: Annotated[bool, "whether it is the embedded PostgreSQL"]


class Place(TypedDict):
    """Where a process is."""

    url: Annotated[str | None, "null unless `backlog-elt up` runs for the same `BACKLOG_ELT_HOME`"]


class Said(TypedDict):
    """What is said of a problem, in one language."""

    subject: Annotated[str, "what is wrong"]
    place: Annotated[str, "projects and months that its run covered, where it has some"]
    cause: Annotated[str, "why"]
    data: Annotated[str, "what it means for the data"]
    step: Annotated[str, "what to do next"]


class OpenAlert(TypedDict):
    """A problem that is not over."""

    key: Annotated[str, "what it is about"]
    code: Annotated[str, "which problem it is, of `resources/problems/alert_texts.py`"]
    severity: Annotated[Severity, "`act`: a person must do something"]
    action: Annotated[Action | None, "what a click can do: `sync`, `retry`, `run`"]
    parameters: Annotated[dict[str, str], "what its texts are made of"]
    texts: Annotated[dict[str, Said], "what is said of it, by language: `en`, `ja`"]
    kind: Annotated[str, "what has happened, in a few words"]
    asset: Annotated[str, "asset, job or program that is wrong"]
    cause: Annotated[str, "why, in one line"]
    step: Annotated[str, "what to do"]
    partition: Annotated[str, "partition, where it is one"]
    run_id: Annotated[str, "run in Dagster, where there is one"]
    since: Annotated[Moment, "when it began"]
    times: Annotated[int, "how often it was met"]


class Alerter(TypedDict):
    """The alerter."""

    alive: Annotated[
        bool | None, "whether the sensor `alerts` has looked within ten minutes; null: never"
    ]
    beat_at: Annotated[Moment | None, "its last sign of life"]
    channels: Annotated[list[str], "channels that are set"]
    waiting: Annotated[int, "messages that are not sent yet"]
    open: Annotated[list[OpenAlert], "what is wrong now"]


class LastDay(TypedDict):
    """The last 24 hours."""

    runs: Annotated[int, "runs"]
    completed: Annotated[int, "runs that completed"]
    failed: Annotated[int, "runs that failed"]
    success_rate: Annotated[float | None, "share of the runs that have ended; null when none has"]
    syncs: Annotated[int, "rows of `ops.sync_history` that are syncs"]
    syncs_failed: Annotated[int, "those that failed"]
    items: Annotated[int, "records read and accepted"]
    requests: Annotated[int, "requests to Backlog"]


class StoredHistory(TypedDict):
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


class StatusResult(TypedDict):
    """The object of `status --json`."""

    space: Annotated[str | None, "key of the space; null where it is not known yet"]
    connected: Annotated[bool, "whether Backlog answers"]
    connection_error: Annotated[str | None, "why not"]
    condition: Annotated[
        Condition | None, "what is wrong with Backlog as a whole; null when nothing is"
    ]
    simulated: Annotated[bool, "whether the space is a simulated one"]
    access: Annotated[Access, "how requests are signed"]
    warehouse: Annotated[WarehousePlace, "where the tables are"]
    dagster: Annotated[Place, "the Dagster UI"]
    service: Annotated[Place, "the sync service"]
    alerts: Annotated[Alerter, "the alerter"]
    active: Annotated[list[Sync], "syncs in progress"]
    last_syncs: Annotated[list[Sync], "for each type, the totals of its newest run"]
    failing_projects: Annotated[
        dict[str, str],
        "active projects whose issues could not be read the last time, and why",
    ]
    last_24h: Annotated[LastDay, "figures of the last 24 hours"]
    rate_limit: Annotated[dict[str, RateLimit], "buckets by name"]
    history: Annotated[StoredHistory, "how much of the history is stored"]
    not_asked: Annotated[
        dict[str, str],
        "`warehouse`, `dagster`: what gave no answer in time, and within which; what it knows is "
        "empty",
    ]


#: Command -> what its `--json` prints.
RESULTS: dict[str, type] = {
    "load": LoadResult,
    "marts": MartsResult,
    "verify": VerifyResult,
    "status": StatusResult,
}
