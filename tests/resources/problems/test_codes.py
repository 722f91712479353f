"""The table of causes: it has all codes that are raised and no other, in both languages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.backlog.errors import BacklogError, MalformedResponse
from resources.problems.causes import (
    BEFORE_CODES,
    CAUSES,
    Cause,
    Failure,
    KnownError,
    cause_of,
    why,
    worst,
)
from resources.tokens import TokensUnreadableError
from resources.variables import VARIABLES
from resources.warehouse.warehouse_errors import WarehouseBusyError, WarehouseError

ROOT = Path(__file__).parents[3]
TABLE = ROOT / "resources" / "problems" / "cause_table.py"
SOURCES = [
    path
    for folder in ("assets", "pipelines", "resources", "service", "sync")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path != TABLE
]
JAPANESE = re.compile("[ぁ-んァ-ヶ一-龠]")
#: Commands are written as they are in Japanese, too; whatever else has three words is English.
COMMAND, ENGLISH = re.compile(r"backlog-elt \w+(?: か status)?"), re.compile("[a-z]+ [a-z]+ [a-z]+")


def texts(node: ast.AST) -> Iterator[str]:
    """Yield the texts that an expression may be, as far as they are written in it."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=orelse):
            yield from (*texts(body), *texts(orelse))


def given(path: Path) -> Iterator[str]:
    """Yield the codes that a file gives to its errors and failures."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Name(id="Failure"), args=[first, *_]):
                yield from texts(first)
            case ast.ClassDef(body=body):
                for line in body:
                    match line:
                        case ast.Assign(targets=[ast.Name(id="cause")], value=value):
                            yield from texts(value)
            case ast.keyword(arg="cause", value=value):
                yield from texts(value)


def test_every_code_that_is_raised_is_in_the_table() -> None:
    found = {(path.name, code) for path in SOURCES for code in given(path)}
    assert {"errors.py", "transport.py", "connect.py", "locks.py"} <= {name for name, _ in found}
    assert sorted(one for one in found if one[1] not in CAUSES) == []


def test_every_code_of_the_table_is_raised_somewhere() -> None:
    found = {
        node.value
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert sorted(CAUSES.keys() - found) == []


@pytest.mark.parametrize(
    "kind", [BacklogError, MalformedResponse, TokensUnreadableError, WarehouseError]
)
def test_a_code_that_is_not_in_the_table_cannot_be_raised(kind: type[KnownError]) -> None:
    assert kind("it failed", cause="not_found").cause == "not_found"
    assert kind("it failed").cause == kind.cause
    with pytest.raises(ValueError, match="'no_such_code' is no code"):
        kind("it failed", cause="no_such_code")
    with pytest.raises(ValueError, match="'no_such_code' is no code"):
        type("Odd", (kind,), {"cause": "no_such_code"})


@pytest.mark.parametrize("cause", [*CAUSES.values(), BEFORE_CODES], ids=[*CAUSES, "before"])
def test_a_cause_says_what_happened_and_what_to_do_in_both_languages(cause: Cause) -> None:
    for text in (cause.text("en"), cause.step("en")):
        assert text
        assert not JAPANESE.search(text)
    for text in (cause.text("ja"), cause.step("ja")):
        assert JAPANESE.search(text)
        assert not ENGLISH.search(COMMAND.sub("", text))
    said = f"{cause.en}{cause.ja}{cause.step_en}{cause.step_ja}"
    assert "{" not in said
    # Only what is set wherever the cause occurs: without it there is no real space.
    assert {name for name in VARIABLES if re.search(rf"\b{name}\b", said)} <= {"BACKLOG_URL"}


def test_a_failure_is_shown_with_its_line_and_one_of_before_there_were_codes_too() -> None:
    assert why("disk_full", "53100", "en") == "the disk of PostgreSQL is full (53100)"
    assert why("disk_full", "53100", "ja") == "PostgreSQL のディスクが満杯です(53100)"
    assert why("disk_full", "", "en") == "the disk of PostgreSQL is full"
    assert cause_of("forbidden") == BEFORE_CODES
    assert why("", "GET /issues: 403", "en") == "it failed (GET /issues: 403)"


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ([], "defect"),
        (["no_answer"], "no_answer"),
        (["no_answer", "unavailable"], "no_answer"),
        (["no_answer", "not_allowed", "not_found"], "not_allowed"),
        (["disk_full", "defect"], "defect"),
    ],
)
def test_the_first_cause_that_does_not_end_by_itself_decides(codes: list[str], code: str) -> None:
    assert worst(codes) == code


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (WarehouseBusyError("held"), "other_load"),
        (WarehouseBusyError("forgotten", cause="forgotten_meanwhile"), "forgotten_meanwhile"),
        (KeyError("id"), "defect"),
        (KeyboardInterrupt(), "interrupted"),
    ],
)
def test_the_cause_of_an_exception_is_its_own_or_a_defect_or_an_interruption(
    error: BaseException, cause: str
) -> None:
    failure = Failure.of(error, "issues: OPS")
    assert failure.cause == cause
    said = str(error) if isinstance(error, KnownError) else f"{type(error).__name__}: {error}"
    assert failure.line == f"issues: OPS: {said}".strip()


def test_several_failures_are_one_with_the_cause_that_decides_and_each_line_once() -> None:
    passing, staying = Failure("no_answer", "OPS: no"), Failure("not_allowed", "WEB: no")
    assert Failure.together([]) is None
    assert Failure.together([passing, passing]) == passing
    assert Failure.together([passing, staying]) == Failure("not_allowed", "OPS: no; WEB: no")
