"""What is said of problems: every code in both languages, and nothing that is no news to people."""

import re
from dataclasses import asdict
from pathlib import Path
from string import Formatter

import pytest

from resources.problems.alert_texts import CODES, RUNBOOK
from resources.problems.causes import BEFORE_CODES, CAUSES
from resources.problems.names import LANGUAGES, Language, name_partitions, name_range
from resources.problems.problem import Problem
from tests.english import is_sentence

ROOT = Path(__file__).parents[3]
#: All that a text may name of a problem.
PARAMETERS = {
    "host": "acme.backlog.com", "subject": "raw/issues", "partition": "OPS|2020-10 … OPS|2026-12",
    # The recorded line is quoted as it is in both languages.
    "said": "issues: OPS: GET /issues: 403, code 5, no; the key's user may not do this",
    "cause": "not_allowed",
    "reason": "invalid_grant", "projects": "OPS, WEB",
    "table": "issues", "hours": "12", "last": "2026-12-01 03:00 UTC",
    # The server's own line is quoted as it is in both languages: it names what depends on a view.
    "relation": "mart.custom_fields_ops", "line": "bi.effort",
}  # fmt: skip
JAPANESE = re.compile("[ぁ-んァ-ヶ一-龠]")
#: Names that Japanese texts have as they are.
COMMAND = re.compile(r"backlog-elt \w+(?: か status)?")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", CODES)
def test_a_problem_says_all_of_itself_in_both_languages(code: str, language: Language) -> None:
    problem = Problem("a/key", code, PARAMETERS, "run-1")
    said = asdict(problem.texts(language)) | {"step": problem.step(language)}
    for name, text in said.items():
        assert text
        assert "{" not in text
        if language == "ja":
            assert not is_sentence(COMMAND.sub("", text.replace(PARAMETERS["said"], ""))), name
            assert JAPANESE.search(text) or name == "subject"
        else:
            assert not JAPANESE.search(text)
    headings = re.findall(r"^#+ (.+)$", (ROOT / RUNBOOK[language]).read_text(), re.MULTILINE)
    assert said["section"] in headings


@pytest.mark.parametrize("code", CODES)
def test_the_texts_of_a_code_have_the_same_parameters_in_both_languages(code: str) -> None:
    def named(language: Language) -> set[str]:
        forms = asdict(CODES[code].texts(language)).values()
        return {name for form in forms for _, name, _, _ in Formatter().parse(form) if name}

    # A check says in English what it has found; its Japanese text leads to the check.
    assert named("en") - {"said", "table"} <= named("ja") <= named("en")


@pytest.mark.parametrize(
    ("partition", "en", "ja"),
    [
        ("OPS|2020-10 … OPS|2026-12", "OPS, 75 months", "OPS、75 か月分"),
        ("OPS|2026-01", "OPS, 2026-01", "OPS、2026-01"),
        ("OPS|2026-01 … WEB|2026-02", "OPS to WEB, 2 months", "OPS から WEB、2 か月分"),
        ("by hand", "by hand", "by hand"),
        ("", "", ""),
    ],
)
def test_what_a_run_covered_is_named_in_few_words(partition: str, en: str, ja: str) -> None:
    assert (name_range(partition, "en"), name_range(partition, "ja")) == (en, ja)


def test_of_many_projects_three_are_named() -> None:
    keys = [f"{key}|2026-0{month}" for key in "ABCDE" for month in (1, 2)]
    assert name_partitions(keys) == "A, B, C and 2 more projects, 2 months"


def test_a_run_that_failed_says_why_and_what_to_do_by_the_code_of_its_cause() -> None:
    for code, cause in CAUSES.items():
        problem = Problem("run/x", "run_failed", {"subject": "x", "said": "52", "cause": code})
        assert problem.severity == problem.as_json()["severity"] == cause.severity
        assert problem.passes == (cause.passes and cause.severity != "act")
        said = {language: problem.texts(language) for language in LANGUAGES}
        assert (said["en"].cause, said["en"].step) == (f"{cause.en} (52)", cause.step_en)
        assert (said["ja"].cause, said["ja"].step) == (f"{cause.ja}(52)", cause.step_ja)


def test_a_problem_of_before_there_were_codes_of_causes_is_shown_with_its_line() -> None:
    found = {"key": "run/x", "code": "run_failed", "parameters": {"subject": "x", "said": "52"}}
    problem = Problem.read(found)
    assert problem is not None
    assert (problem.cause, problem.texts("en").step) == ("it failed (52)", BEFORE_CODES.step_en)
    assert (problem.severity, problem.passes) == ("warning", False)
    assert Problem.read({"key": "run/x", "cause": "52"}) is None
