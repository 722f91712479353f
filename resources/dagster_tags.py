"""Names of the tags of runs, Dagster's and this program's, without importing Dagster.

`tests/pipelines/test_dagster_internals.py` compares Dagster's with those in its code.
"""

#: The two corners of the rectangle of partitions that a run covers.
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
#: The partition of a run that covers one.
PARTITION_TAG = "dagster/partition"
#: The code location; on each run made by Dagster's webserver or daemon.
CODE_LOCATION_TAG = "dagster/code_location"
#: The sensor that requested a run.
SENSOR_TAG = "dagster/sensor_name"
#: The repository and code location under which the UI lists a run, `__repository__@backlog_elt`.
#: The UI hides the tag.
REPOSITORY_LABEL_TAG = ".dagster/repository"
#: On a run that works in the container of a code server.
GRPC_INFO_TAG = ".dagster/grpc_info"
#: The backfill that a run belongs to.
BACKFILL_TAG = "dagster/backfill"
#: On a backfill of what others have left: the one before it, and the first of all.
PARENT_BACKFILL_TAG = "dagster/parent_backfill_id"
ROOT_BACKFILL_TAG = "dagster/root_backfill_id"
#: Whether Dagster starts a failed run once more by itself: one whose process has died.
WILL_RETRY_TAG = "dagster/will_retry"
#: The run that Dagster has started once more for a failed one; on that one.
RETRIED_IN_TAG = "dagster/auto_retry_run_id"
#: What kind of end a failed run had.
FAILURE_REASON_TAG = "dagster/failure_reason"
#: Most seconds that a run may take, 0 for no limit, instead of `max_runtime_seconds` of
#: dagster.yaml.
MAX_RUNTIME_TAG = "dagster/max_runtime"
#: The name of the only repository of a code location.
REPOSITORY = "__repository__"

#: Tags of the materialization of a partition: the run as code version, and for each upstream asset,
#: whose key is appended, the data version and the event. The last two are the values where there is
#: none.
CODE_VERSION_TAG = "dagster/code_version"
DATA_VERSION_TAG = "dagster/data_version"
INPUT_VERSION_TAG = "dagster/input_data_version"
INPUT_EVENT_TAG = "dagster/input_event_pointer"
NO_VERSION = "INITIAL"
NO_EVENT = "NULL"

#: The kind of a run, `users` or `users@acme`; dagster.yaml allows one run of each kind at a time.
KIND_TAG = "backlog_elt/kind"
#: How often in a row what a run loads was broken off before.
AGAIN_TAG = "backlog_elt/again"
#: On the runs of the first load of `up`: a failure of one is reported at once.
FIRST_LOAD_TAG = "backlog_elt/first_load"
#: On a run with a failed step: the code of its cause and the run, `no_answer@4a1c3484`, since a
#: re-execution inherits the tag.
CAUSE_TAG = "backlog_elt/cause"
#: On a run that ended badly: the run or backfill that goes on with its work or has done it, and the
#: run itself, `f95e7657@4a1c3484`, since a re-execution inherits the tag.
GONE_ON_TAG = "backlog_elt/gone_on_in"
