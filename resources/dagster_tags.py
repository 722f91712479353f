"""Tags of runs, as Dagster and this program name them. No code of Dagster is needed to know them.

`tests/pipelines/test_dagster_internals.py` compares those of Dagster with Dagster's own.
"""

#: A run that covers a rectangle of partitions: its two corners.
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
#: A run of a single partition.
PARTITION_TAG = "dagster/partition"
#: The code location of a run, on each run that Dagster's webserver or daemon has made.
CODE_LOCATION_TAG = "dagster/code_location"
#: The sensor that has requested a run.
SENSOR_TAG = "dagster/sensor_name"
#: The repository and code location among whose jobs the UI lists a run,
#: `__repository__@backlog_elt`. The UI hides the tag.
REPOSITORY_LABEL_TAG = ".dagster/repository"
#: A run that works in the container of a code server.
GRPC_INFO_TAG = ".dagster/grpc_info"
#: The backfill that a run belongs to.
BACKFILL_TAG = "dagster/backfill"
#: Whether Dagster starts a failed run once more by itself: one whose process has died.
WILL_RETRY_TAG = "dagster/will_retry"
#: How many seconds a run may take, 0 for no limit, instead of `max_runtime_seconds` of
#: dagster.yaml.
MAX_RUNTIME_TAG = "dagster/max_runtime"
#: The name of the only repository of a code location.
REPOSITORY = "__repository__"

#: What a partition was made with, on its materialization: the run for the code, and of each asset
#: above it, whose key follows, the version and the event; what stands there when it has none.
CODE_VERSION_TAG = "dagster/code_version"
DATA_VERSION_TAG = "dagster/data_version"
INPUT_VERSION_TAG = "dagster/input_data_version"
INPUT_EVENT_TAG = "dagster/input_event_pointer"
NO_VERSION = "INITIAL"
NO_EVENT = "NULL"

#: The kind of a run, `users` or `users@acme`; dagster.yaml lets one run of each kind work at a
#: time.
KIND_TAG = "backlog_elt/kind"
#: How often in a row what a run loads was broken off before.
AGAIN_TAG = "backlog_elt/again"
