"""All that leans on what Dagster does not promise: its inside, its storages, its database.

Each use is one function, which imports what it needs itself, so that an upgrade breaks one use.
`tests/pipelines/test_dagster_internals.py` and `test_people_in_dagster.py` have a contract test for
each. `dagster_tags.py` of `resources` has the tags.
"""

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import dagster as dg

from resources.cadences import starts_again_at
from resources.dagster_tags import (
    AGAIN_TAG,
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    INPUT_EVENT_TAG,
    INPUT_VERSION_TAG,
    NO_EVENT,
    NO_VERSION,
    PARENT_BACKFILL_TAG,
    ROOT_BACKFILL_TAG,
)
from resources.replacements import Replacements
from resources.retention import Rule

# -- events ----------------------------------------------------------------------------------------


def unfinished_attempts(instance: dg.DagsterInstance, asset: dg.AssetKey) -> dict[str, str]:
    """Return partition -> run of the attempts to materialize it after which it was not recorded."""
    storage = instance.event_log_storage
    attempts = storage.get_latest_asset_partition_materialization_attempts_without_materializations(
        asset
    )
    return {partition: run for partition, (run, _) in attempts.items()}


def input_versions(
    instance: dg.DagsterInstance, above: Collection[dg.AssetKey], run_id: str
) -> dict[str, str]:
    """Return the tags of a partition that is recorded now: the versions of the assets above it."""
    entries = [record.asset_entry for record in instance.get_asset_records(list(above))]
    newest = {entry.asset_key: entry.last_materialization_record for entry in entries}
    tags = {CODE_VERSION_TAG: run_id}
    for key in sorted(above):
        record, name = newest.get(key), key.to_user_string()
        recorded = record.asset_materialization if record else None
        version = (recorded.tags or {}).get(DATA_VERSION_TAG) if recorded else None
        tags[f"{INPUT_VERSION_TAG}/{name}"] = version or NO_VERSION
        tags[f"{INPUT_EVENT_TAG}/{name}"] = str(record.storage_id) if record else NO_EVENT
    return tags


# -- backfills -------------------------------------------------------------------------------------


#: What a backfill is called while it is requested or about to end.
_ACTIVE = {"REQUESTED", "CANCELING", "FAILING"}
#: One that was requested longer ago is not lost any more, but history.
_LOST_FOR = timedelta(days=7)


def request_backfill(
    instance: dg.DagsterInstance,
    definition: dg.AssetsDefinition,
    partitions: Mapping[dg.AssetKey, Collection[str]],
    title: str,
    tags: Mapping[str, str],
) -> str:
    """Request a backfill of just these partitions of the assets of a definition, whose runs have
    these tags; return its id.

    Dagster's public ways to a backfill lead through its webserver, which a code server cannot
    always reach, and in the UI each of some hundred failed partitions would be picked by hand.
    """
    from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
    from dagster._core.execution.backfill import PartitionBackfill

    of_keys = definition.partitions_def
    assert of_keys is not None  # noqa: S101 - an asset without partitions has none that failed
    subsets = {key: of_keys.subset_with_partition_keys(some) for key, some in partitions.items()}
    requested = AssetGraphSubset(subsets)  # type: ignore[call-arg]  # mypy counts __hash__
    backfill = uuid4().hex[:8]
    instance.add_backfill(
        PartitionBackfill.from_asset_graph_subset(
            backfill_id=backfill,
            backfill_timestamp=time.time(),
            asset_graph_subset=requested,
            tags=dict(tags),
            dynamic_partitions_store=instance,
            title=title,
            description=None,
            run_config=None,
        )
    )
    return backfill


def backfill_is_active(instance: dg.DagsterInstance) -> bool:
    """Return whether any backfill is requested or about to end."""
    return any(one.status.value in _ACTIVE for one in instance.get_backfills())


def backfill_was_canceled(instance: dg.DagsterInstance, backfill: str) -> bool:
    """Return whether a backfill, known by its id, is or was canceled by somebody."""
    found = instance.get_backfill(backfill)
    return found is not None and found.status.value in {"CANCELING", "CANCELED"}


@dataclass(frozen=True)
class LostBackfill:
    """A backfill that Dagster has given up, and that no other goes on with.

    `cause`, `said`: why. `left`: asset -> its partitions that neither it nor a later backfill has
    loaded. `goes_on_at`: when these are requested again, with `tags`; None: never.
    """

    id: str
    cause: str
    said: str
    left: Mapping[dg.AssetKey, Collection[str]]
    goes_on_at: datetime | None
    tags: Mapping[str, str]


def lost_backfills(
    instance: dg.DagsterInstance, definition: dg.AssetsDefinition, now: datetime
) -> list[LostBackfill]:
    """Return the lost backfills of the assets of a definition, requested in the last seven days.

    One goes on by itself that was lost just because its code location was not loaded in that
    moment. What a person has canceled is not lost, nor what has ended with runs that failed.
    """
    from dagster._core.definitions.partitions.context import partition_loading_context
    from dagster._core.errors import DagsterAssetBackfillDataLoadError
    from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus

    found = []
    failed = BulkActionsFilter(statuses=[BulkActionStatus.FAILED], created_after=now - _LOST_FOR)
    for one in instance.get_backfills(filters=failed):
        requested = datetime.fromtimestamp(one.backfill_timestamp, UTC)
        later = instance.get_backfills(filters=BulkActionsFilter(created_after=requested))
        data, name = one.asset_backfill_data, one.backfill_id
        if data is None or any(other.tags.get(PARENT_BACKFILL_TAG) == name for other in later):
            continue
        with partition_loading_context(dynamic_partitions_store=instance):
            subset = data.target_subset - data.materialized_subset
            for other in later:
                if other.status is BulkActionStatus.COMPLETED_SUCCESS and other.asset_backfill_data:
                    subset -= other.asset_backfill_data.target_subset
            left = {
                key: keys
                for key in subset.asset_keys & definition.keys
                if (keys := sorted(subset.get_partitions_subset(key).get_partition_keys()))
            }
        if left:
            times, error = int(one.tags.get(AGAIN_TAG, "0")), one.error
            ended = datetime.fromtimestamp(one.backfill_end_timestamp or 0.0, UTC)
            unloaded = error and error.cls_name == DagsterAssetBackfillDataLoadError.__name__
            at = starts_again_at(ended, times) if unloaded else None
            root = one.tags.get(ROOT_BACKFILL_TAG, name)
            tags = {PARENT_BACKFILL_TAG: name, ROOT_BACKFILL_TAG: root, AGAIN_TAG: str(times + 1)}
            cause, said = "not_started" if unloaded else "defect", error.message if error else ""
            found.append(LostBackfill(name, cause, said, left, at, tags))
    return found


# -- the daemon ------------------------------------------------------------------------------------


def remembered(instance: dg.DagsterInstance, name: str) -> str | None:
    """Return what `remember` has kept under a name."""
    return instance.daemon_cursor_storage.get_cursor_values({name}).get(name)


def remember(instance: dg.DagsterInstance, name: str, text: str) -> None:
    """Keep a text in Dagster's storage, where the daemon keeps its cursors."""
    instance.daemon_cursor_storage.set_cursor_values({name: text})


#: What is stored of a time that is further ahead than this was stored by a clock that was wrong.
AHEAD_SECONDS = 30.0


def times_ahead(data: Any, now: float) -> dict[str, float | None]:
    """Return what to store instead of the times ahead in the state of a sensor or a schedule: the
    sensor is due at once, the schedule at its next tick.
    """
    instead = {
        "last_tick_timestamp": None,
        "last_tick_start_timestamp": None,
        "start_timestamp": now,
        "last_iteration_timestamp": now,
    }
    late = now + AHEAD_SECONDS
    return {name: at for name, at in instead.items() if (getattr(data, name, None) or 0) > late}


def take_back(instance: dg.DagsterInstance, now: float) -> None:
    """Forget the times ahead that the daemon has stored while its clock was ahead.

    A sensor would not tick until that time comes again, nor a schedule, whose last tick counts as
    well. Signs of life from then are removed, since no newer ones would be written, and
    `dagster-daemon liveness-check` would find them fresh.
    """
    late = now + AHEAD_SECONDS
    for state in instance.all_instigator_state():
        if ahead := times_ahead(state.instigator_data, now):
            data: Any = state.instigator_data
            instance.update_instigator_state(state.with_data(data._replace(**ahead)))
        if state.instigator_type.value == "SCHEDULE":
            for tick in instance.get_ticks(
                state.instigator_origin_id, state.selector_id, after=late
            ):
                instance.update_tick(
                    tick._replace(tick_data=tick.tick_data._replace(timestamp=now))
                )
    if any(beat.timestamp > late for beat in instance.get_daemon_heartbeats().values()):
        instance.wipe_daemon_heartbeats()


def worker_health(status: str, said: str) -> Any:
    """Return what a run launcher answers when Dagster asks whether a run is worked on.

    For whoever spreads runs over workers: the run of a worker that was killed would count as at
    work for twelve hours, and keep all others of its kind waiting.
    """
    from dagster._core.launcher import CheckRunHealthResult, WorkerStatus

    return CheckRunHealthResult(WorkerStatus(status), said)


# -- its database ----------------------------------------------------------------------------------


def database_url(instance: dg.DagsterInstance) -> str | None:
    """Return the URL of the PostgreSQL that holds Dagster's storage, None where it is kept in
    files.

    The charts of Kubernetes give it to Dagster in variables of their own, not by ours.
    """
    return getattr(instance.event_log_storage, "postgres_url", None)


#: Table -> column with documents (JSON) in which Dagster keeps what was recorded and said. Its
#: other columns of text hold keys, states, times and the definitions of jobs.
DOCUMENTS = {
    "event_logs": "event",
    "asset_check_executions": "evaluation_event",
    "asset_keys": "last_materialization",
    "runs": "run_body",
    "bulk_actions": "body",
    "job_ticks": "tick_body",
    "jobs": "job_body",
    "instigators": "instigator_body",
    "daemon_heartbeats": "body",
    "kvs": "value",
}
#: Metadata that shows rows, or a picture of them.
_ROWS_SHOWN = frozenset({"preview", "chart", "rows"})
#: Fields of documents that hold what was said: messages, errors, and metadata of text, Markdown,
#: JSON and tables.
_SAID = frozenset(
    {
        *("message", "user_message", "description", "stack", "cause", "skip_reason"),
        *("text", "md_str", "data", "records", "facts"),
    }
)


def without_people(document: Any, replacements: Replacements) -> Any:
    """Return a document of Dagster's storage without rows and charts, and with people replaced."""
    return _changed(_without_rows(document), replacements, is_said=False)


def shows_people(document: Any, replacements: Replacements) -> bool:
    """Return whether a document of Dagster's storage shows people, also in charts."""
    return any(replacements.shown_in(text) for text in _said(document, is_said=False))


def _without_rows(value: Any) -> Any:
    if isinstance(value, dict):
        shown = {name for name, item in value.items() if _shows_rows(name, item)}
        return {name: _without_rows(item) for name, item in value.items() if name not in shown}
    if isinstance(value, list):
        return [_without_rows(one) for one in value if not _shows_rows(None, one)]
    return value


def _shows_rows(name: str | None, entry: Any) -> bool:
    """Whether something is metadata that shows rows; in events by its label, in checks by name."""
    if not isinstance(entry, dict) or "Metadata" not in str(entry.get("__class__")):
        return False
    return (name or entry.get("label")) in _ROWS_SHOWN


def _changed(value: Any, replacements: Replacements, *, is_said: bool) -> Any:
    if isinstance(value, dict):
        changed = dict(value)
        for name in value.keys() - {"__class__"}:
            changed[name] = _changed(value[name], replacements, is_said=is_said or name in _SAID)
        return changed
    if isinstance(value, list):
        return [_changed(one, replacements, is_said=is_said) for one in value]
    return replacements(value) if is_said and isinstance(value, str) else value


def _said(value: Any, *, is_said: bool) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _said(item, is_said=is_said or name in _SAID)
    elif isinstance(value, list):
        for one in value:
            yield from _said(one, is_said=is_said)
    elif is_said and isinstance(value, str):
        yield value


_OLD = "(now() AT TIME ZONE 'UTC') - make_interval(days => :days)"

#: Events that concern only their run, and of those by which Dagster knows the state of assets and
#: partitions all but the newest.
_DISPENSABLE = (
    "(t.dagster_event_type IS NULL OR t.dagster_event_type NOT IN "
    "('ASSET_MATERIALIZATION', 'ASSET_MATERIALIZATION_PLANNED', 'ASSET_OBSERVATION', "
    "'ASSET_FAILED_TO_MATERIALIZE') OR EXISTS ("
    "SELECT FROM event_logs AS n WHERE n.id > t.id AND n.asset_key = t.asset_key "
    "AND n.dagster_event_type = t.dagster_event_type AND n.partition IS NOT "
    "DISTINCT FROM t.partition))"
)

#: What is deleted of Dagster's storage, in this order: a run goes when nothing refers to it any
#: more. Of the runs that come by the hundred in a day in which people work, those that succeeded
#: are soon of no interest.
RETENTION = (
    Rule(
        "event_logs",
        3,
        # constants of this file
        f"t.timestamp < {_OLD} AND {_DISPENSABLE} AND t.run_id IN "  # noqa: S608
        "(SELECT run_id FROM runs WHERE pipeline_name IN ('targeted_sync', 'marts', "
        "'tokens') AND status = 'SUCCESS')",
    ),
    Rule("event_logs", 30, f"t.timestamp < {_OLD} AND {_DISPENSABLE}"),
    Rule(
        "asset_check_executions",
        30,
        "t.create_timestamp < now() - make_interval(days => :days) AND EXISTS (SELECT FROM "
        "asset_check_executions AS n "
        "WHERE n.id > t.id AND n.asset_key = t.asset_key AND n.check_name = t.check_name)",
    ),
    Rule(
        "runs",
        30,
        "t.create_timestamp < " + _OLD + " AND t.status IN ('SUCCESS', 'FAILURE', 'CANCELED') "
        "AND NOT EXISTS (SELECT FROM event_logs AS e WHERE e.run_id = t.run_id)",
    ),
    Rule(
        "bulk_actions",
        30,
        "t.timestamp < " + _OLD + " AND t.status NOT IN ('REQUESTED', 'CANCELING', 'FAILING')",
    ),
)
