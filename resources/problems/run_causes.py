"""The causes of failures that are Dagster's to report: of a failed step, and of a run that failed
without one.

By tags, names of classes and times only, so that whoever reads Dagster's storage or its API agrees.
"""

from collections.abc import Mapping
from typing import Final

from resources.dagster_tags import FAILURE_REASON_TAG, MAX_RUNTIME_TAG
from resources.problems.causes import CAUSES

#: The metadata of a failed step that holds the code of its cause.
CAUSE_METADATA: Final = "cause"
#: Dagster's error of a step whose process was asked to end, and those where it has ended.
ASKED_TO_END: Final = "DagsterExecutionInterruptedError"
INTERRUPTED: Final = frozenset({ASKED_TO_END, "ChildProcessCrashException"})
#: Errors of the driver of PostgreSQL: those of the warehouse are WarehouseError, these are of
#: Dagster's storage.
OF_DRIVER: Final = frozenset({"OperationalError", "InterfaceError"})
#: `max_runtime_seconds` in dagster.yaml.
MAX_RUNTIME_SECONDS: Final = 43_200


def cause_of_step(code: object, error_class: str) -> str:
    """Return the cause of a failed step, by the code in its metadata, and else by the class of its
    innermost error.
    """
    if isinstance(code, str) and code in CAUSES:
        return code
    if error_class in INTERRUPTED:
        return "interrupted"
    return "storage_lost" if error_class in OF_DRIVER else "defect"


def cause_of_end(tags: Mapping[str, str], error_class: str, seconds: float) -> str:
    """Return the cause of a run that failed without a failed step, by its tags, the class of its
    innermost error, if there is one, and how long it worked.
    """
    match tags.get(FAILURE_REASON_TAG):
        case "JOB_INITIALIZATION_FAILURE":
            return "not_started"
        case "RUN_EXCEPTION":
            return cause_of_step(None, error_class)
    limit = float(tags.get(MAX_RUNTIME_TAG) or MAX_RUNTIME_SECONDS)
    return "overtime" if 0 < limit <= seconds else "interrupted"
