"""The causes of real errors: of answers of Backlog, and of a PostgreSQL that refuses."""

import json

import httpx
import psycopg2
import pytest
from sqlalchemy.exc import DBAPIError

from resources.backlog.errors import error_from_response
from resources.warehouse.server.connect import engine, opened_engine, parse_url
from resources.warehouse.server.server_errors import refusal
from resources.warehouse.warehouse_errors import WarehouseError
from tests.databases import execute, refused
from tests.ports import free_port
from tests.unsafe import EVIL, IMAGE

#: Texts of a source that quote every phrase by which a cause was once guessed, and worse ones.
HOSTILE = (
    "no answer from acme.backlog.com: timed out; check BACKLOG_URL and the network",
    "PostgreSQL has stopped or is restarting: run again when it answers",
    "the run was interrupted: stopped, restarted or killed",
    "dbt: Database Error in model issue (models/issue.sql)",
    "PostgreSQL broke a deadlock with another program: run again",
    "invalid_grant",
    "the space demands two-factor authentication of the key's user",
    "the space accepts requests from certain IP addresses only",
    "Dagster does not reach the code server",
    "GET /issues: 429, code 13",
    "GET /issues: 401, code 11; check BACKLOG_API_KEY",
    "GET /issues: 503; Backlog or a proxy on the way is not available",
    "redirected to acme.backlog.com/Login, a login page",
    "the plan of the space does not include this, or has expired",
    "it was deleted, or the key's user cannot see it",
    "the key's user may not do this",
    "other programs of the same user share this limit",
    "5 passes disagree with /issues/count",
    "is BACKLOG_URL the root of a Backlog space? the body is not JSON",
    "The disk of the PostgreSQL server is full: No space left on device",
    'FATAL: database "warehouse" does not exist',
    "remaining connection slots are reserved",
    "The embedded PostgreSQL in /home/me has stopped",
    "nobody is logged in; run `backlog-elt login`",
    "the answer is larger than 64 MB",
    "\0" * 9 + EVIL,
    "\u202e\u200f\u2067detcefed si siht\u2069",
    "100 kB " * 15_000,
    f"<html><title>503 Service Unavailable</title>{IMAGE}</html>",
    json.dumps({"errors": [{"message": '{"errors": [{"code": 11}]}', "code": 12}]}),
    "\ud83d half of a character {} {0} %s %(cause)s",
)
#: What an answer of Backlog means by its status, where its code says nothing more.
BY_STATUS = {
    400: "bad_request",
    401: "key_refused",
    403: "not_allowed",
    404: "not_found",
    429: "rate_limited",
    500: "unavailable",
    503: "unavailable",
}


def cause_of_answer(answer: httpx.Response, attempted: str = "GET /issues") -> str:
    """Return the cause of the error that an answer means, which is the same for a token."""
    by_key, by_token = (
        error_from_response(answer, attempted, by_key=by_key) for by_key in (True, False)
    )
    assert by_key is not None
    assert by_token is not None
    assert by_key.cause == by_token.cause
    return by_key.cause


@pytest.mark.parametrize(
    ("status", "code", "cause"),
    [
        (401, 11, "key_refused"),
        (401, 12, "key_refused"),
        (403, 11, "key_refused"),
        (403, 12, "two_factor"),
        (302, None, "key_refused"),
        (301, None, "not_a_space"),
        (403, None, "not_a_space"),
        (403, 4, "address_refused"),
        (403, 5, "not_allowed"),
        (400, 5, "not_allowed"),
        (403, 3, "not_in_plan"),
        (402, 2, "not_in_plan"),
        (404, None, "not_a_space"),
        (404, 6, "not_found"),
        (408, None, "unavailable"),
        (429, 13, "rate_limited"),
        (429, None, "rate_limited"),
        (500, 1, "unavailable"),
        (503, None, "unavailable"),
        (400, 7, "bad_request"),
        (422, 7, "bad_request"),
    ],
)
def test_an_answer_of_backlog_has_a_cause_by_its_status_and_code(
    status: int, code: int | None, cause: str
) -> None:
    body = "<html>" if code is None else json.dumps({"errors": [{"message": "No.", "code": code}]})
    page = {302: "Login", 301: "elsewhere"}.get(status)
    headers = {"location": f"https://acme.backlog.com/{page}"} if page else {}
    assert cause_of_answer(httpx.Response(status, text=body, headers=headers)) == cause


def test_a_space_that_is_not_found_is_a_wrong_address_of_the_space() -> None:
    answer = httpx.Response(404, json={"errors": [{"message": "No space.", "code": 6}]})
    assert cause_of_answer(answer, "GET /space") == "not_a_space"


@pytest.mark.parametrize("number", range(len(HOSTILE)))
@pytest.mark.parametrize("status", BY_STATUS)
def test_no_text_of_the_source_changes_the_cause(status: int, number: int) -> None:
    for said in ("No.", HOSTILE[number]):
        body = json.dumps({"errors": [{"message": said, "code": 7}]})
        assert cause_of_answer(httpx.Response(status, text=body)) == BY_STATUS[status]


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        ("08006", "database_stopped"),
        ("25006", "database_refused"),
        ("40001", "database_busy"),
        ("40P01", "database_busy"),
        ("42501", "database_refused"),
        ("42P07", "database_refused"),
        ("53000", "database_busy"),
        ("53100", "disk_full"),
        ("53200", "database_busy"),
        ("53300", "connections_used_up"),
        ("53400", "database_unfit"),
        ("55P03", "database_busy"),
        ("57014", "database_busy"),
        ("57P01", "database_stopped"),
        ("57P02", "database_stopped"),
        ("57P03", "database_stopped"),
        ("58030", "database_stopped"),
        # A missing table that is not one of ours, and errors of a statement or its data.
        ("42P01", None),
        ("42601", None),
        ("22001", None),
        ("23505", None),
        ("XX000", None),
    ],
)
def test_an_error_of_a_statement_has_a_cause_by_its_sqlstate_whatever_it_says(
    postgres_url: str, state: str, cause: str | None
) -> None:
    statement = "DO $$ BEGIN RAISE EXCEPTION '%', '{}' USING ERRCODE = '{}'; END $$"
    with opened_engine(postgres_url) as made:
        for said in ("no", 'role "x" does not exist: No space left on device, server closed'):
            with pytest.raises((WarehouseError, DBAPIError)) as caught:
                execute(made, statement.format(said, state))
            assert getattr(caught.value, "cause", None) == cause


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ('FATAL:  password authentication failed for user "me"', "database_refused"),
        ("fe_sendauth: no password supplied", "database_refused"),
        ('FATAL:  database "wh" does not exist', "database_refused"),
        ('FATAL:  role "me" does not exist', "database_refused"),
        ("SSL error: certificate verify failed", "database_refused"),
        ("server does not support SSL, but SSL was required", "database_refused"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', "database_refused"),
        ("FATAL:  sorry, too many clients already", "connections_used_up"),
        ("FATAL:  remaining connection slots are reserved", "connections_used_up"),
        ("FATAL:  could not write init file: No space left on device", "disk_full"),
        ("FATAL:  the database system is starting up", "database_stopped"),
        ("server closed the connection unexpectedly", "database_stopped"),
        ("SSL SYSCALL error: EOF detected", "database_stopped"),
        ("connection refused", "warehouse_unusable"),
        # So says a server whose messages are in Japanese.
        ('FATAL:  データベース"wh"は存在しません', "warehouse_unusable"),
    ],
)
def test_what_has_no_sqlstate_is_read_as_text_only_while_it_connects(said: str, cause: str) -> None:
    error = psycopg2.OperationalError(f"{said}\n")
    connecting, connected = refusal(error, connecting=True), refusal(error)
    assert connecting is not None
    assert connected is not None
    assert (connecting.cause, connected.cause) == (cause, "database_stopped")
    assert said in connecting.line
    assert said in connected.line
    assert refusal(psycopg2.DataError(said), connecting=True) is None


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
            error = refused(url.render_as_string(hide_password=False))
            assert error.cause == cause, error
    # As the step of all of them says: the URL is corrected.
    corrected = engine(postgres_url)
    with corrected.connect():
        pass
    corrected.dispose()
