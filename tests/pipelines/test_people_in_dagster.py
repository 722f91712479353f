"""People in Dagster's storage: contract tests of what `assets/dagster_internals.py` knows about its
documents.
"""

import json
import re
from collections.abc import Iterator
from functools import partial

import dagster as dg

from assets.dagster_internals import (
    DOCUMENTS,
    database_url,
    remember,
    remembered,
    shows_people,
    unfinished_attempts,
    without_people,
)
from resources import documents
from resources.replacements import Replacements

#: Somebody whose name is a word of Dagster's, too, and somebody whose name is none.
PEOPLE = {"above": "user-1", "佐藤 健": "user-2"}
#: Columns of text that hold keys, states, times, and definitions of jobs: nothing that was said.
NO_DOCUMENTS = {
    "alembic_version": {"version_num"},
    "asset_check_executions": {"asset_key", "check_name", "execution_status", "partition",
        "run_id"},
    "asset_daemon_asset_evaluations": {"asset_evaluation_body", "asset_key"},
    "asset_event_tags": {"asset_key", "key", "value"},
    "asset_keys": {"asset_details", "asset_key", "cached_status_data", "last_run_id", "tags"},
    "backfill_tags": {"backfill_id", "key", "value"},
    "bulk_actions": {"action_type", "job_name", "key", "selector_id", "status"},
    "concurrency_limits": {"concurrency_key"},
    "concurrency_slots": {"concurrency_key", "run_id", "step_key"},
    "daemon_heartbeats": {"daemon_id", "daemon_type"},
    "dynamic_partitions": {"partition", "partitions_def_name"},
    "event_logs": {"asset_key", "dagster_event_type", "partition", "run_id", "step_key"},
    "instance_info": {"run_storage_id"},
    "instigators": {"instigator_type", "repository_selector_id", "selector_id", "status"},
    "job_ticks": {"job_origin_id", "selector_id", "status", "type"},
    "jobs": {"job_origin_id", "job_type", "repository_origin_id", "selector_id", "status"},
    "kvs": {"key"},
    "pending_steps": {"concurrency_key", "run_id", "step_key"},
    "run_tags": {"key", "run_id", "value"},
    "runs": {
        "backfill_id", "mode", "partition", "partition_set", "pipeline_name", "run_id",
        "snapshot_id", "status",
    },
    "secondary_indexes": {"name"},
    "snapshots": {"snapshot_id", "snapshot_type"},
}  # fmt: skip


@dg.asset(
    partitions_def=dg.StaticPartitionsDefinition(["a", "b"]),
    check_specs=[dg.AssetCheckSpec("is_right", asset="shown")],
)
def shown(context: dg.AssetExecutionContext) -> Iterator["dg.MaterializeResult[None]"]:
    """Stand for a table of which rows are shown, and whose second partition cannot be loaded."""
    context.log.info("above: 佐藤 健 has it")
    if context.partition_key == "b":
        raise RuntimeError("invalid input: '佐藤 健'")
    row = dg.TableRecord({"name": "佐藤 健"})
    columns = dg.TableSchema([dg.TableColumn("name")])
    rows = dg.MetadataValue.table([row], columns)
    yield dg.MaterializeResult(
        metadata={
            "preview": dg.MetadataValue.md("|佐藤 …|"),
            "chart": dg.MetadataValue.md("![](data:image/svg+xml,%E4%BD%90%E8%97%A4%20%E5%81%A5)"),
            "note": "asked by 佐藤 健",
            "dagster/row_count": 7,
        },
        check_results=[
            dg.AssetCheckResult(
                passed=False, description="of 佐藤 健", metadata={"rows": rows, "projects": rows}
            )
        ],
    )


def test_people_are_taken_out_of_all_that_dagster_has_recorded(
    in_postgres: dg.DagsterInstance,
) -> None:
    url, replacements = str(database_url(in_postgres)), Replacements(PEOPLE)
    for partition in ("a", "b"):
        dg.materialize([shown], instance=in_postgres, partition_key=partition, raise_on_error=False)
    remember(in_postgres, "alerts", json.dumps({"open": [{"facts": [["cause", "of 佐藤 健"]]}]}))
    key, check = dg.AssetKey("shown"), dg.AssetCheckKey(dg.AssetKey("shown"), "is_right")
    runs = {run.run_id: run.status for run in in_postgres.get_runs()}
    assert {
        table
        for table, value in documents.stored(url, DOCUMENTS)
        if shows_people(value, replacements)
    } == {"event_logs", "asset_check_executions", "asset_keys", "kvs"}
    documents.change(url, DOCUMENTS, partial(without_people, replacements=replacements))
    kept = [value for _, value in documents.stored(url, DOCUMENTS)]
    assert not re.search("佐藤|%E4%BD%90", json.dumps(kept, ensure_ascii=False))
    assert [value for value in kept if without_people(value, replacements) != value] == []
    newest = in_postgres.get_latest_materialization_event(key)
    assert newest is not None
    assert newest.asset_materialization is not None
    assert {name: value.value for name, value in newest.asset_materialization.metadata.items()} == {
        "note": "asked by user-2", "dagster/row_count": 7
    }  # fmt: skip
    assert in_postgres.get_materialized_partitions(key) == {"a"}
    assert unfinished_attempts(in_postgres, key).keys() == {"b"}
    # The run that failed has left a plan.
    plan, record = in_postgres.event_log_storage.get_asset_check_execution_history(check, limit=2)
    found = record.evaluation
    assert isinstance(found, dg.AssetCheckEvaluation), plan
    assert (found.passed, found.description) == (False, "of user-2")
    assert [*found.metadata] == ["projects"]
    assert {run.run_id: run.status for run in in_postgres.get_runs()} == runs
    said = {entry.user_message for run in runs for entry in in_postgres.all_logs(run)}
    assert "above: user-2 has it" in said, "a plain word stays where it is not quoted"
    assert json.loads(str(remembered(in_postgres, "alerts"))) == {
        "open": [{"facts": [["cause", "of user-2"]]}]
    }


def test_every_column_of_text_in_the_storage_is_known_as_documents_or_as_none(
    in_postgres: dg.DagsterInstance,
) -> None:
    storage = in_postgres.event_log_storage
    with storage.index_connection() as connection:  # type: ignore[attr-defined]
        rows = connection.exec_driver_sql(
            "SELECT table_name, column_name FROM information_schema.columns WHERE "
            "table_schema = 'public' "
            "AND data_type IN ('text', 'character varying', 'json', 'jsonb') "
        ).all()
    found = {(table, column) for table, column in rows if not table.startswith("alembic_version_")}
    known = {(table, column) for table, columns in NO_DOCUMENTS.items() for column in columns} | {
        *DOCUMENTS.items()
    }
    assert found == known
