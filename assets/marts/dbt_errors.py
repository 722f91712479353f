"""What dbt says when it fails, as lines: `Database Error in model issue (…): no column "x"`."""

import re

from resources.warehouse.server.connect import advice

_ERROR = re.compile(r"^\s*(\w+ Error(?: in .+)?)\n[ \t]*(\S.*)$", re.MULTILINE)
_NO_REASON = "dbt gave no reason: backlog-elt --debug marts shows all that it says"
_FAILED_TEST = re.compile(r"^\s*(Failure in .+)\n[ \t]*(\S.*)$", re.MULTILINE)


def error_lines(said: str) -> list[str]:
    """Return a line for each error in the words of dbt: what it could not do, and why."""
    found = dict.fromkeys(f"{what}: {why}" for what, why in _ERROR.findall(said))
    return [f"{line}: {to_do}" if (to_do := advice(line)) else line for line in found]


def main_error(said: str) -> str:
    """Return the first error in the words of dbt, else the first failed test, else what to do."""
    failed = [f"{what}: {why}" for what, why in _FAILED_TEST.findall(said)]
    return next(iter([*error_lines(said), *failed]), _NO_REASON)
