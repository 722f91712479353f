"""Why dbt has failed, by what it writes for programs: results of nodes, and its log as JSON.

Its messages quote rows and names of the space: they are shown to people, and decide nothing.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from resources.problems.causes import Failure
from resources.redact import plain_line

#: What dagster-dbt writes before the errors of dbt's log.
_PARSED = "Errors parsed from dbt logs:"
_NO_REASON = "dbt gave no reason: backlog-elt --debug marts shows all that it says"


def why_not_built(
    results: Iterable[Mapping[str, Any]], said: str, *, is_full: bool = False
) -> Failure:
    """Return why a build has failed: its models, else its tests, else dbt as a whole; or the disk
    of the server that it left full.

    Args:
        results: the nodes in dbt's `run_results.json`; none where it has not begun.
        said: what dagster-dbt says of the failure.
        is_full: whether the server's disk is full.
    """
    models, tests = [], []
    for node in results:
        if node["status"] in ("error", "runtime error"):
            models.append(Failure("model_failed", _two_lines(str(node["message"]))))
        elif node["status"] == "fail":
            name = node["unique_id"].split(".")[2]
            tests.append(Failure("test_failed", f"test {name}: {node['message']}"))
    reason = plain_line(said.partition(_PARSED)[2]) or _NO_REASON
    found = Failure.together(models) or Failure.together(tests)
    found = found or Failure("project_broken", reason)
    return Failure("disk_full", found.line) if is_full else found


def errors_in_log(log: str) -> str:
    """Return the messages of errors in dbt's log as JSON, in one line; the log itself where it has
    none.
    """
    errors = []
    for line in log.splitlines():
        try:
            entry = json.loads(line)["info"]
        except (LookupError, TypeError, ValueError):
            continue
        errors += [entry["msg"]] if entry["level"] == "error" else []
    return plain_line("; ".join(errors) or log)


def _two_lines(message: str) -> str:
    """Return what dbt could not do, and the first line of why."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return plain_line(": ".join(lines[:2])) or _NO_REASON
