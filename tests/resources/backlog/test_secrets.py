"""The key is seen nowhere: not in logs, exceptions, reprs or configuration."""

import logging
import traceback
from collections.abc import Callable

import dagster as dg
import httpx
import pytest

from resources.backlog.auth import ApiKeyQuery, BearerToken
from resources.backlog.backlog_resource import BacklogResource
from resources.backlog.client import BacklogClient
from resources.backlog.errors import AuthenticationError, BacklogError, PermanentError
from resources.redact import redact
from tests.resources.backlog.conftest import KEY, Clock, Make, Wire, error

Way = Callable[[str], httpx.Auth]
WAYS: list[Way] = [ApiKeyQuery, BearerToken]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, json=[]),
        error(400, 7, f"bad request /projects?apiKey={KEY}"),
        error(401, 11),
        httpx.Response(302, headers={"Location": f"https://acme.backlog.test/x?apiKey={KEY}"}),
        httpx.Response(200, html=KEY),
        httpx.ConnectError(
            f"cannot connect for https://acme.backlog.test/api/v2/projects?apiKey={KEY}"
        ),
        httpx.Response(503, headers={"Retry-After": KEY}),
    ],
)
def test_the_key_is_in_no_log_record_exception_or_traceback(
    make_client: Make,
    wire: Wire,
    caplog: pytest.LogCaptureFixture,
    way: Way,
    answer: httpx.Response | Exception,
) -> None:
    wire.answers = [answer]
    caplog.set_level(logging.DEBUG)
    client = make_client(auth=way(KEY))
    shown = [repr(client), repr(way(KEY)), str(client.stats)]
    chained: list[BaseException | None] = []
    try:
        client.projects()
    except BacklogError as caught:
        shown += [str(caught), repr(caught), repr(caught.args)]
        shown += traceback.format_exception(caught)
        chained += [caught.__cause__, caught.__context__]
    assert not any(chained)
    shown += [
        record.getMessage() + repr(record.args) + str(record.exc_text) for record in caplog.records
    ]
    assert all(KEY in f"{one.url} {one.headers.raw}" for one in wire.requests)
    assert KEY not in "\n".join(shown)


def test_the_key_is_in_no_debug_log_of_a_real_connection(
    caplog: pytest.LogCaptureFixture, clock: Clock
) -> None:
    caplog.set_level(logging.DEBUG)
    url = "http://127.0.0.1:9"  # the discard port: nothing listens
    with (
        BacklogClient(url, ApiKeyQuery(KEY), sleep=clock.sleep, clock=clock) as client,
        pytest.raises(BacklogError),
    ):
        client.space()
    assert any(record.name.startswith("httpcore") for record in caplog.records)
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        "GET https://a.test/api/v2/space?apiKey=abc123&x=1",
        "headers: {'Authorization': 'Bearer abc123'}",
        "Backlog-API-Key: abc123",
        "[(b'Backlog-API-Key', b'abc123')]",
        "refresh_token=abc123",
        "next=%2Fx%3FapiKey%3Dabc123",
    ],
)
def test_a_value_that_is_named_like_a_secret_is_masked_also_when_it_is_not_known(text: str) -> None:
    assert "abc123" not in redact(text)


def test_masking_leaves_the_rest_of_the_text() -> None:
    assert (
        redact("GET /issues?apiKey=abc123&count=100 200 OK")
        == "GET /issues?apiKey=***&count=100 200 OK"
    )


@pytest.mark.parametrize(
    "key", ["", "with space inside", "line\nbreak-in-it", "日本語のキー", "tab\tbed-key"]
)
@pytest.mark.parametrize("way", WAYS)
def test_a_key_that_cannot_be_one_is_refused_without_showing_it(way: Way, key: str) -> None:
    with pytest.raises(AuthenticationError, match="BACKLOG_API_KEY") as caught:
        way(key)
    assert not key or key not in str(caught.value)


def test_the_resource_shows_no_key_and_connects_on_first_use_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOME_KEY", KEY)
    used: list[str] = []

    @dg.asset
    def reads(context: dg.AssetExecutionContext, backlog: BacklogResource) -> None:
        assert KEY not in f"{backlog!r} {backlog}"
        assert backlog.client is backlog.client
        used.append(backlog.client.base_url)

    resource = BacklogResource(url="https://acme.backlog.com", api_key=dg.EnvVar("SOME_KEY"))
    result = dg.materialize([reads], resources={"backlog": resource})
    assert (result.success, used) == (True, ["https://acme.backlog.com"])
    assert KEY not in f"{resource!r} {[str(event) for event in result.all_events]}"


@pytest.mark.parametrize(
    ("url", "cause", "said"),
    [
        ("", "not_a_space", "BACKLOG_URL is not set"),
        ("https://acme.backlog.com", "key_refused", "BACKLOG_API_KEY"),
    ],
)
def test_a_resource_that_lacks_a_variable_loads_and_names_it_when_used(
    url: str, cause: str, said: str
) -> None:
    resource = BacklogResource(url=url)
    with pytest.raises(PermanentError, match=said) as caught:
        _ = resource.client
    assert caught.value.cause == cause
