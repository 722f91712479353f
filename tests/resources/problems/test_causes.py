"""The causes of real errors: of answers of Backlog, and of a PostgreSQL that refuses."""

import json

import httpx
import pytest

from resources.backlog.errors import error_from_response
from resources.problems.causes import cause_of, in_words, remedy
from resources.problems.names import LANGUAGES
from resources.warehouse.server.connect import engine, parse_url
from tests.databases import refusal_of
from tests.ports import free_port


@pytest.mark.parametrize(
    ("status", "code", "cause"),
    [
        (401, 11, "key_refused"),
        (401, 12, "key_refused"),
        (403, 12, "two_factor"),
        (302, None, "key_refused"),
        (403, 4, "address_refused"),
        (403, 5, "not_allowed"),
        (403, 3, "not_in_plan"),
        (404, None, "not_a_space"),
        (404, 6, "not_found"),
        (429, 13, "rate_limited"),
        (500, 1, "unavailable"),
        (503, None, "unavailable"),
        (400, 7, "forbidden"),
    ],
)
def test_an_answer_of_backlog_has_a_cause_with_a_remedy(
    status: int, code: int | None, cause: str
) -> None:
    body = "<html>" if code is None else json.dumps({"errors": [{"message": "No.", "code": code}]})
    headers = {"location": "https://acme.backlog.com/Login"} if status == 302 else {}
    answer = httpx.Response(status, text=body, headers=headers)
    said = f"issues: OPS: {error_from_response(answer, 'GET /issues')}"
    assert cause_of(said).code == cause
    assert in_words(said, "ja").endswith(
        f"(issues: OPS: GET /issues: {status}" + (f", code {code})" if code else ")")
    )
    assert all(remedy(said, language) for language in LANGUAGES)


def test_a_database_that_refuses_has_a_cause_and_its_remedy_heals_it(postgres_url: str) -> None:
    right = parse_url(postgres_url)
    nobody = right.set(host="127.0.0.1", port=free_port(), query={})
    wrong = {
        "database_refused": [
            right.set(database="of_nobody"),
            right.set(username="nobody_at_all"),
        ],
        "warehouse_unusable": [nobody],
    }
    for cause, urls in wrong.items():
        for url in urls:
            said = refusal_of(url.render_as_string(hide_password=False))
            assert cause_of(said).code == cause, said
    # As the step of all of them says: the URL is corrected.
    corrected = engine(postgres_url)
    with corrected.connect():
        pass
    corrected.dispose()
