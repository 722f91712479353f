"""Lines for people and for machines: what they are about, every request with what it cost, and no
secret.
"""

import io
import json
import logging
from collections.abc import Iterator

import httpx
import pytest

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient
from resources.backlog.client_values import IssueFilter
from resources.backlog.oauth import OAuthApplication
from resources.backlog.ratelimit import RateLimiter
from resources.backlog.transport import Transport
from resources.logs import LOGGERS, log_about, set_up, write_to
from resources.redact import mask_from_now_on
from simulator import Fault, Simulator
from tests.deployment import SMALL, Deployment
from tests.unsafe import EVIL, unsafe


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A stream to log to; afterwards everything is as it was."""
    before = {
        name: (logging.getLogger(name).handlers, logging.getLogger(name).level) for name in LOGGERS
    }
    yield io.StringIO()
    for name, (handlers, level) in before.items():
        logging.getLogger(name).handlers = handlers
        logging.getLogger(name).setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_each_request_is_a_line_with_what_it_cost_and_without_its_parameters(
    stream: io.StringIO,
) -> None:
    set_up({"BACKLOG_LOG_FORMAT": "json", "BACKLOG_LOG_LEVEL": "debug"}, stream=stream)
    with Simulator(SMALL) as sim, BacklogClient(sim.url, ApiKeyQuery(sim.api_key)) as client:
        client.space_info()
        client.issues_count(IssueFilter())
        # A service that an earlier test left may still be trying to reach its space.
        found = [line for line in lines(stream) if line["event"] == "request"]
        assert sim.api_key not in stream.getvalue()
    assert [
        (line["method"], line["path"], line["status"], line["bucket"], line["requests"])
        for line in found
    ] == [
        ("GET", "/space", 200, "read", 1),
        ("GET", "/issues/count", 200, "search", 2),
    ]
    for line in found:
        assert (line["event"], line["level"], line["logger"]) == (
            "request",
            "debug",
            "backlog_elt.requests",
        )
        assert int(str(line["remaining"])) > 0
        assert 0 < float(str(line["seconds"])) < 10


def test_requests_for_tokens_are_lines_too_and_hold_none(stream: io.StringIO) -> None:
    set_up({"BACKLOG_LOG_FORMAT": "json", "BACKLOG_LOG_LEVEL": "debug"}, stream=stream)
    with Simulator(SMALL) as sim:
        keyring, uri = sim.site.keyring, "http://127.0.0.1/callback"
        application = OAuthApplication(
            sim.url, keyring.client_id, keyring.client_secret, sleep=lambda _seconds: None
        )
        code = keyring.issue_code(sim.space.administrator.id, uri)
        tokens = application.exchange(code, uri)
        sim.faults.add(Fault("close", path="/oauth2/token"))
        application.refresh(tokens)
        held = [
            code,
            keyring.client_secret,
            *keyring.tokens,
            tokens.access_token.reveal(),
            tokens.refresh_token.reveal(),
        ]
    found = [line for line in lines(stream) if line["logger"] == "backlog_elt.requests"]
    assert [(line["method"], line["path"], line["status"]) for line in found] == [
        ("POST", "/oauth2/token", 200),
        ("POST", "/oauth2/token", None),
        ("POST", "/oauth2/token", 200),
    ]
    assert all(float(str(line["seconds"])) >= 0 for line in found)
    assert not [secret for secret in held if secret in stream.getvalue()]


def test_lines_of_a_load_say_its_run_table_and_partitions(
    deployment: Deployment, stream: io.StringIO
) -> None:
    set_up({"BACKLOG_LOG_FORMAT": "json", "BACKLOG_LOG_LEVEL": "DEBUG"}, stream=stream)
    run = deployment.run_issues("OPS", first="2026-05", last="2026-06")
    assert run.success
    searches = [
        line
        for line in lines(stream)
        if line.get("path") == "/issues" and line.get("asset") == "raw/issues"
    ]
    assert searches
    assert {(line["run"], line["partition"]) for line in searches} == {
        (run.run_id, "OPS|2026-05 … OPS|2026-06")
    }
    assert {
        line.get("asset") for line in lines(stream) if line.get("path") == "/space/activities"
    } == {"raw/activities"}


def test_people_get_one_line_each_and_no_request_unless_they_ask(stream: io.StringIO) -> None:
    set_up({}, stream=stream)
    with log_about(run="r1"):
        logging.getLogger("backlog_elt.requests").debug("request", extra={"path": "/space"})
        logging.getLogger("resources.backlog").warning("slow: %s s", 12)
    [line] = stream.getvalue().splitlines()
    assert line.split(" ", 1)[1] == "level=warning event=slow: 12 s run=r1 logger=resources.backlog"


def test_lines_go_to_another_stream_from_the_moment_on_that_it_is_said(stream: io.StringIO) -> None:
    first = io.StringIO()
    set_up({}, stream=first)
    logging.getLogger("resources").warning("before")
    write_to(stream)
    logging.getLogger("resources").warning("after")
    assert ("before" in first.getvalue(), "after" in first.getvalue()) == (True, False)
    assert ("before" in stream.getvalue(), "after" in stream.getvalue()) == (False, True)


def test_no_secret_is_in_a_line_whatever_it_says(stream: io.StringIO) -> None:
    mask_from_now_on("a-secret-of-this-test")
    set_up({"BACKLOG_LOG_FORMAT": "json"}, stream=stream)
    try:
        int("a-secret-of-this-test")
    except ValueError:
        logging.getLogger("resources").exception(
            "failed with a-secret-of-this-test", extra={"token": "a-secret-of-this-test"}
        )
    assert "a-secret-of-this-test" not in stream.getvalue()
    assert "ValueError" in stream.getvalue()


def test_a_slow_request_is_warned_of(stream: io.StringIO) -> None:
    set_up({"BACKLOG_LOG_FORMAT": "json"}, stream=stream)
    with Simulator(SMALL) as sim, httpx.Client() as http:
        limiter = RateLimiter(reserve=0.0)
        Transport(sim.url, ApiKeyQuery(sim.api_key), http, limiter=limiter, slow=0.0).send(
            "GET", "/space", []
        )
        Transport(sim.url, ApiKeyQuery(sim.api_key), http, limiter=limiter).send(
            "GET", "/space", []
        )
    [line] = lines(stream)
    assert str(line["event"]).startswith("GET /space took 0.")
    assert line["level"] == "warning"


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_line_holds_no_control_character_and_is_one_line(stream: io.StringIO, form: str) -> None:
    set_up({"BACKLOG_LOG_FORMAT": form}, stream=stream)
    with log_about(asset=f"raw/{EVIL}"):
        logging.getLogger("resources.here").warning("GET /issues: %s", f"{EVIL} {'long ' * 20_000}")
    written = stream.getvalue()
    assert unsafe(written) == []
    assert written.count("\n") == 1
    assert len(written) < 5_000


def test_a_traceback_keeps_its_lines_and_holds_no_control_character(stream: io.StringIO) -> None:
    set_up({}, stream=stream)
    failure = RuntimeError(EVIL)
    logging.getLogger("resources.here").error("it failed", exc_info=failure)
    written = stream.getvalue()
    assert unsafe(written) == []
    assert [line[:5] for line in written.splitlines()] == ["times", "    E"], (
        "a line that it begins is seen as its own"
    )
