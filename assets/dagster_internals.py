"""All that leans on what Dagster does not promise: private modules, storages, the tables of its
database, names of its daemon.

Each use is one function, which imports what it needs itself, so that an upgrade breaks one use.
`tests/pipelines/test_dagster_internals.py` and `test_people_in_dagster.py` have a contract test for
each, and for what leans on it elsewhere: `lost_messages.py` of `pipelines/hosting` on what Dagster
prints, and `celery_launcher.py` there, which replaces a part of Dagster and has tests of its own.
"""

import functools
import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from resources.replacements import Replacements
from resources.retention import Rule

if TYPE_CHECKING:
    from dagster._core.storage.base_storage import DagsterStorage

# -- events ----------------------------------------------------------------------------------------


def unfinished_attempts(instance: dg.DagsterInstance, asset: dg.AssetKey) -> dict[str, str]:
    """Return partition -> run of the attempts to materialize it after which it was not recorded."""
    storage = instance.event_log_storage
    attempts = storage.get_latest_asset_partition_materialization_attempts_without_materializations(
        asset
    )
    return {partition: run for partition, (run, _) in attempts.items()}


def last_evaluation(
    instance: dg.DagsterInstance, check: dg.AssetCheckKey
) -> dg.AssetCheckEvaluation | None:
    """Return the newest evaluation of a check."""
    # The newest entries may be plans: of this run, or of another one that has not come so far.
    history = instance.event_log_storage.get_asset_check_execution_history(check, limit=5)
    found = (entry.evaluation for entry in history)
    return next((one for one in found if isinstance(one, dg.AssetCheckEvaluation)), None)


def input_versions(
    instance: dg.DagsterInstance, above: Collection[dg.AssetKey], run_id: str
) -> dict[str, str]:
    """Return the tags of a partition that is recorded now: the newest versions of the assets
    `above` its own; one query.
    """
    from dagster._core.definitions.data_version import (
        CODE_VERSION_TAG,
        DEFAULT_DATA_VERSION,
        NULL_EVENT_POINTER,
        extract_data_version_from_entry,
        get_input_data_version_tag,
        get_input_event_pointer_tag,
    )

    records = instance.get_asset_records(list(above))
    newest = {
        record.asset_entry.asset_key: record.asset_entry.last_materialization_record
        for record in records
    }
    tags = {CODE_VERSION_TAG: run_id}
    for key in sorted(above):
        record = newest.get(key)
        version = extract_data_version_from_entry(record.event_log_entry) if record else None
        tags[get_input_data_version_tag(key)] = (version or DEFAULT_DATA_VERSION).value
        tags[get_input_event_pointer_tag(key)] = (
            str(record.storage_id) if record else NULL_EVENT_POINTER
        )
    return tags


#: Dagster writes events of one kind together only where this variable says how many at most.
_BATCH, _TOGETHER = "DAGSTER_EVENT_BATCH_SIZE", "500"


def log_together(
    context: dg.AssetExecutionContext, materializations: Sequence[dg.AssetMaterialization]
) -> None:
    """Record materializations of one asset as `context.log_event` does, in one write: a first load
    has thousands of partitions.

    A run that is ended in just this moment has recorded none of them; what they hold is stored.
    """
    from dagster._core.events import (
        DagsterEvent,
        DagsterEventBatchMetadata,
        generate_event_batch_id,
    )

    os.environ.setdefault(_BATCH, _TOGETHER)
    of_step, last = context.op_execution_context, len(materializations) - 1
    batch = generate_event_batch_id()  # type: ignore[no-untyped-call]
    for number, materialization in enumerate(materializations):
        together = DagsterEventBatchMetadata(batch, number == last)
        event = DagsterEvent.asset_materialization(
            of_step._step_execution_context, materialization, together
        )
        of_step._events.append(event)


def store_together(instance: "dg.DagsterInstance | DagsterStorage") -> None:
    """Let a storage write what a run intends, and which partitions of an asset it has loaded, in
    one transaction for each kind.
    """
    from dagster._core.events import DagsterEventType
    from dagster._core.storage.event_log import SqlEventLogStorage
    from dagster._core.storage.event_log.schema import (
        AssetCheckExecutionsTable,
        SqlEventLogStorageTable,
    )
    from dagster._serdes import serialize_value

    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return
    os.environ.setdefault(_BATCH, _TOGETHER)
    store = storage.store_event_batch
    planned, planned_check, loaded = (
        DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
        DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
        DagsterEventType.ASSET_MATERIALIZATION,
    )

    # One statement whatever the number of events: Dagster's own is made anew for each batch, a
    # third of its time.
    insert = SqlEventLogStorageTable.insert().returning(SqlEventLogStorageTable.c.id)

    def of_check(entry: dg.EventLogEntry, event_id: int) -> list[dict[str, Any]]:
        check = entry.get_dagster_event().asset_check_planned_data
        moment = storage._event_insert_timestamp(entry)  # type: ignore[no-untyped-call]
        partitions: list[str | None] = (
            [*check.partitions_subset.get_partition_keys()] if check.partitions_subset else [None]
        )
        return [
            {
                "asset_key": check.asset_key.to_string(),
                "check_name": check.check_name,
                "partition": partition,
                "run_id": entry.run_id,
                "execution_status": "PLANNED",
                "evaluation_event": serialize_value(entry),
                "evaluation_event_timestamp": moment,
                "evaluation_event_storage_id": event_id,
            }
            for partition in partitions
        ]

    def store_batch(events: Sequence[dg.EventLogEntry]) -> None:
        for kind in dict.fromkeys(entry.dagster_event_type for entry in events):
            some = [entry for entry in events if entry.dagster_event_type == kind]
            if kind not in {planned, planned_check, loaded}:
                store(some)
                continue
            with storage.index_transaction() as connection:
                ids = [
                    int(row[0])
                    for row in connection.execute(
                        insert, [storage._event_to_row(entry) for entry in some]
                    )
                ]
                if kind == planned_check:
                    of_checks = [of_check(entry, at) for entry, at in zip(some, ids, strict=True)]
                    connection.execute(
                        AssetCheckExecutionsTable.insert(),
                        [row for one in of_checks for row in one],
                    )
                    continue
                if kind == loaded:
                    storage._store_asset_event_tags(connection, some, ids)
                newest = {
                    entry.get_dagster_event().asset_key: (entry, at)
                    for entry, at in zip(some, ids, strict=True)
                }
                for entry, at in newest.values():
                    storage._store_asset_event(connection, entry, at)

    storage.store_event_batch = store_batch  # type: ignore[method-assign]


# -- backfills -------------------------------------------------------------------------------------


def request_backfill(
    instance: dg.DagsterInstance,
    definition: dg.AssetsDefinition,
    partitions: Mapping[dg.AssetKey, Collection[str]],
    title: str,
) -> str:
    """Request a backfill of just these partitions of the assets of a definition, and return
    its id.
    """
    from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
    from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
    from dagster._core.definitions.events import AssetKeyPartitionKey
    from dagster._core.execution.backfill import PartitionBackfill
    from dagster._core.utils import make_new_backfill_id

    requested = {
        AssetKeyPartitionKey(key, partition)
        for key, some in partitions.items()
        for partition in some
    }
    backfill = make_new_backfill_id()
    instance.add_backfill(
        PartitionBackfill.from_asset_graph_subset(
            backfill_id=backfill,
            backfill_timestamp=time.time(),
            asset_graph_subset=AssetGraphSubset.from_asset_partition_set(
                requested, AssetGraph.from_assets([definition])
            ),
            tags={},
            dynamic_partitions_store=instance,
            title=title,
            description=None,
            run_config=None,
        )
    )
    return backfill


def backfill_is_active(instance: dg.DagsterInstance) -> bool:
    """Return whether any backfill is requested or about to end."""
    from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus

    active = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING]
    return bool(instance.get_backfills(filters=BulkActionsFilter(statuses=active), limit=1))


# -- the daemon ------------------------------------------------------------------------------------

#: The kinds of event by which the daemon starts runs again whose worker died, and the name of its
#: cursor for each.
FOLLOWED = (dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_SUCCESS)
EVENT_CURSOR = "EVENT_LOG_CONSUMER_CURSOR-{}"


def begin_event_cursors(instance: dg.DagsterInstance) -> None:
    """Let a storage that no daemon has read yet be read from its newest event on.

    The daemon does the same at its first look, and warns of each kind of event that older ones are
    ignored.
    """
    requested = {EVENT_CURSOR.format(kind.value) for kind in FOLLOWED}
    missing = requested - instance.daemon_cursor_storage.get_cursor_values(requested).keys()
    if missing:
        newest = instance.event_log_storage.get_maximum_record_id() or 0
        instance.daemon_cursor_storage.set_cursor_values(dict.fromkeys(missing, str(newest)))


def remembered(instance: dg.DagsterInstance, name: str) -> str | None:
    """Return what `remember` has kept under a name."""
    return instance.daemon_cursor_storage.get_cursor_values({name}).get(name)


def remember(instance: dg.DagsterInstance, name: str, text: str) -> None:
    """Keep a text in Dagster's storage, where the daemon keeps its cursors."""
    instance.daemon_cursor_storage.set_cursor_values({name: text})


def is_serving(port: int) -> bool:
    """Return whether the code server on a port of this machine serves."""
    from dagster._grpc.client import DagsterGrpcClient

    try:
        return bool(
            DagsterGrpcClient(host="127.0.0.1", port=port).health_check_query() == "SERVING"
        )  # type: ignore[no-untyped-call]
    except Exception:  # whatever it is, it does not serve yet
        return False


# -- its database ----------------------------------------------------------------------------------


def database_url(instance: dg.DagsterInstance) -> str | None:
    """Return the URL of the PostgreSQL that holds Dagster's storage, None where it is kept in
    files.

    The charts of Kubernetes give it to Dagster in variables of their own, not by ours.
    """
    return getattr(instance.event_log_storage, "postgres_url", None)


#: What Dagster's storages ask about their own tables, for every event anew: a quarter of the
#: statements of a small load.
_ABOUT_TABLES = {
    "event_log_storage": ("has_table", "has_asset_key_col"),
    "run_storage": ("has_run_stats_index_cols", "has_backfill_id_column"),
}


def remember_schema(instance: "dg.DagsterInstance | DagsterStorage") -> None:
    """Let the storages ask once a process which tables and columns they have; only an upgrade of
    Dagster changes that.
    """
    for storage, questions in _ABOUT_TABLES.items():
        for question in questions:
            asked = getattr(getattr(instance, storage), question)
            setattr(getattr(instance, storage), question, functools.cache(asked))


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
            said = is_said or name in _SAID
            changed[name] = _changed(value[name], replacements, is_said=said)
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
