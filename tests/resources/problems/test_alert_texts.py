"""What is said of problems: every code in both languages, and nothing that is no news to people."""

import re
from dataclasses import asdict
from pathlib import Path
from string import Formatter

import pytest

from resources.problems.alert_texts import CODES, RUNBOOK
from resources.problems.causes import CAUSES, UNKNOWN, Cause, cause_of, in_words
from resources.problems.names import (
    LANGUAGES,
    Language,
    is_sentence,
    name_partitions,
    name_range,
    plain,
)
from resources.problems.problem import Problem
from resources.variables import VARIABLES

ROOT = Path(__file__).parents[3]
#: All that a text may name of a problem.
PARAMETERS = {
    "host": "acme.backlog.com", "subject": "raw/issues", "partition": "OPS|2020-10 … OPS|2026-12",
    "said": "issues: OPS: GET /issues: 403, code 5, no; the key's user may not do this",
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
            assert not is_sentence(COMMAND.sub("", text)), name
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
    assert named("en") - {"why", "table"} <= named("ja") <= named("en") | {"why"}


@pytest.mark.parametrize("cause", [*CAUSES, UNKNOWN], ids=lambda cause: cause.code)
def test_a_cause_has_a_remedy_in_both_languages(cause: Cause) -> None:
    assert cause.step_en
    assert not JAPANESE.search(cause.en + cause.step_en)
    for text in (cause.ja, cause.step_ja):
        assert JAPANESE.search(text)
        assert not is_sentence(COMMAND.sub("", text))
    named = {name for name in VARIABLES if re.search(rf"\b{name}\b", cause.step_en + cause.step_ja)}
    # Only what is set wherever the cause occurs: without it there is no real space.
    assert named <= {"BACKLOG_URL"}


def test_codes_of_causes_are_unique_and_what_no_pattern_fits_is_unknown() -> None:
    assert len({cause.code for cause in CAUSES}) == len(CAUSES)
    assert cause_of("something else") is UNKNOWN


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("dagster._core.errors.DagsterCodeUnreachableError: no one is in", "no one is in"),
        ("KeyError: 'id'", "'id'"),
        ("run 0b1f6e0c-7c3e-4d8a-9f0b-1234567890ab has failed", "run has failed"),
        ("OPS|2020-01, OPS|2020-02, OPS|2020-03, OPS|2020-04: no", "OPS, 4 months: no"),
        ("['OPS|2020-01', 'OPS|2020-02', 'WEB|2020-01', 'WEB|2020-02']",
         "OPS, 2 months; WEB, 2 months"),
        ("GET /issues: 500", "GET /issues: 500"),
    ],
)  # fmt: skip
def test_a_recorded_error_has_no_class_id_or_long_list(said: str, shown: str) -> None:
    assert plain(said) == shown


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


def test_an_error_in_a_foreign_tongue_stays_out_of_a_japanese_text() -> None:
    assert in_words("something odd that nobody has foreseen", "ja") == UNKNOWN.ja
    assert in_words("'id'", "ja") == "'id'"
