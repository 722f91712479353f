"""Why a build has failed, by what dbt writes of its nodes."""

import json
from typing import Any

import pytest

from assets.marts.dbt_errors import errors_in_log, why_not_built
from resources.problems.causes import Failure

SAID = "The dbt CLI process failed with exit code `{}`.\n\nErrors parsed from dbt logs:\n\n{}"


def node(name: str, status: str, message: str) -> dict[str, Any]:
    return {"unique_id": f"{name}.1", "status": status, "message": message}


GONE = "Database Error in model issue (models/issue.sql)\n  no column x\n  compiled code at …"
#: Texts of rows and names in a message of PostgreSQL, which sound like something else.
HOSTILE = [
    'invalid input syntax for type integer: "SSL renewal"',
    "column i.ssl_SSL does not exist",
    'value "No space left on device" is too long',
    'invalid input syntax for type date: "PostgreSQL has stopped or is restarting"',
]


@pytest.mark.parametrize("message", HOSTILE)
def test_no_text_of_a_row_decides_why_a_model_has_failed(message: str) -> None:
    said = SAID.format(1, message)
    found = why_not_built(
        [node("model.elt.a", "error", f"Database Error in model a\n{message}")], said
    )
    assert (found.cause, found.line) == ("model_failed", f"Database Error in model a: {message}")
    assert why_not_built((), said).cause == "project_broken"


@pytest.mark.parametrize(
    ("results", "said", "cause", "line"),
    [
        (
            [node("model.elt.issue", "error", GONE), node("test.elt.sum", "fail", "Got 2")],
            "",
            "model_failed",
            "Database Error in model issue (models/issue.sql): no column x",
        ),
        (
            [node("model.elt.a", "success", "OK"), node("test.elt.sum", "fail", "Got 2 results")],
            "",
            "test_failed",
            "test sum: Got 2 results",
        ),
        ([], SAID.format(2, "Compilation Error\n  no macro"), "project_broken",
         "Compilation Error no macro"),
        ([], "", "project_broken", ("dbt gave no reason: backlog-elt --debug marts shows all "
         "that it says")),
    ],
)  # fmt: skip
def test_a_build_has_failed_for_its_models_else_its_tests_else_as_a_whole(
    results: list[dict[str, Any]], said: str, cause: str, line: str
) -> None:
    assert why_not_built(results, said) == Failure(cause, line)
    assert why_not_built(results, said, is_full=True) == Failure("disk_full", line)


def test_the_errors_of_a_log_are_those_at_that_level_else_all_of_it() -> None:
    entries = [{"info": {"level": "info", "msg": "Running"}}, {"info": {"level": "error",
        "msg": "no macro"}}, 7]  # fmt: skip
    log = "\n".join(map(json.dumps, entries))
    assert errors_in_log(f"{log}\nTraceback") == "no macro"
    assert errors_in_log("Traceback\n  at") == "Traceback at"
