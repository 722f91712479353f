"""Who may ask, from where, and what a browser is forbidden."""

from base64 import b64encode
from contextlib import nullcontext
from pathlib import Path

import pytest

from resources.settings import Settings
from resources.variables import SettingsError
from service.security import HEADERS, check_exposure
from tests.service.conftest import API, SECRET, TOKEN, DagsterStandIn, Serve

PROTECTED = [
    ("GET", f"{API}/connection/status"),
    ("GET", f"{API}/monitor/active"),
    ("GET", f"{API}/monitor/stats"),
    ("GET", f"{API}/history"),
    ("POST", f"{API}/projects/all"),
    ("POST", f"{API}/project/OPS/tasks"),
    ("POST", f"{API}/runs/run-7/cancel"),
    ("POST", f"{API}/schedules/activity_feed/pause"),
    ("GET", f"{API}/nowhere"),
    ("GET", "/metrics"),
]


@pytest.fixture
def warehouse_url(shared_warehouse_url: str) -> str:
    """Return one database for all of them: they change nothing in it."""
    return shared_warehouse_url


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer("wrong"),
        bearer(TOKEN + "x"),
        {"Authorization": TOKEN},
        {"Authorization": "Bearer"},
        {"X-Forwarded-User": "root"},
    ],
    ids=str,
)
def test_a_client_without_a_token_learns_nothing(
    serve: Serve, dagster: DagsterStandIn, headers: dict[str, str]
) -> None:
    service = serve(BACKLOG_SERVICE_TOKEN=TOKEN)
    for method, path in PROTECTED:
        answer = service.request(method, path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="backlog-elt"'
        assert answer.json()["error"]["code"] == "unauthorized"
    assert dagster.asked == []


def basic(password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'anybody:{password}'.encode()).decode()}"}


def test_the_report_is_behind_the_login_and_a_browser_may_ask_for_the_token(
    serve: Serve, tmp_path: Path
) -> None:
    service = serve(BACKLOG_SERVICE_TOKEN=TOKEN, BACKLOG_ELT_HOME=str(tmp_path))
    for wrong in (
        {},
        basic("wrong"),
        bearer("wrong"),
        {"Authorization": "Basic"},
        {"Authorization": "Basic §"},
        {"Authorization": TOKEN},
    ):
        headers = [(name.encode(), value.encode()) for name, value in wrong.items()]
        refused = service.get("/report", headers=headers)
        asked_for = refused.headers["www-authenticate"]
        assert (refused.status_code, asked_for) == (401, 'Basic realm="backlog-elt"')
    assert service.get("/metrics", headers=basic(TOKEN)).status_code == 401, (
        "a browser sends it by itself: it opens the report only"
    )
    missing = service.get("/report", headers=basic(TOKEN))
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "no_report")
    (tmp_path / "report.html").write_text("<!doctype html>報告")
    for right in (basic(TOKEN), bearer(TOKEN)):
        answer = service.get("/report", headers=right)
        assert (answer.status_code, answer.text) == (200, "<!doctype html>報告")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    [policy] = answer.headers.get_list("content-security-policy")
    assert {"default-src 'none'", "frame-ancestors 'none'"} <= {*policy.split("; ")}
    again = basic(TOKEN) | {"If-None-Match": answer.headers["etag"]}
    unchanged = service.get("/report", headers=again)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    (tmp_path / "report.html").write_text("<!doctype html>次の報告")
    assert service.get("/report", headers=again).status_code == 200


def test_the_token_opens_all_under_any_name_and_what_holds_no_data_is_open(serve: Serve) -> None:
    service = serve(BACKLOG_SERVICE_TOKEN=TOKEN)
    elsewhere = bearer(TOKEN) | {"Host": "sync.example.com"}
    for path, headers in (
        *((path, {}) for path in ("/healthz", "/", "/static/page.js", "/openapi.json")),
        (f"{API}/history", elsewhere),
        ("/metrics", elsewhere),
        (f"{API}/history", {"Authorization": f"bearer  {TOKEN}"}),
    ):
        assert service.get(path, headers=headers).status_code == 200, path


def test_a_proxy_that_is_trusted_says_who_asks_and_nobody_else_does(serve: Serve) -> None:
    known = {"X-Forwarded-User": "hanako"}
    trusted = serve(BACKLOG_SERVICE_PROXY_HEADER="X-Forwarded-User")
    stranger = serve(
        BACKLOG_SERVICE_PROXY_HEADER="X-Forwarded-User",
        BACKLOG_SERVICE_TRUSTED_PROXIES="10.0.0.7,192.168.0.0/16",
    )
    for service, headers, status in (
        (trusted, known, 200),
        (trusted, {}, 401),
        (trusted, {"X-Forwarded-User": ""}, 401),
        (stranger, known, 401),
        (stranger, known | {"X-Forwarded-For": "10.0.0.7"}, 401),
    ):
        assert service.get(f"{API}/history", headers=headers).status_code == status


#: Names that are not of this machine, and what is no name.
STRANGERS = (
    "evil.example.com", "evil.example.com:3001", "localhost.evil.com", "",
    "127.0.0.1.evil.com", "[::", "evil@127.0.0.1", "evil:x@localhost:3001",
    "127.0.0.1:3001, evil.example.com", "127.0.0.1, evil", "evil, 127.0.0.1",
    "127.0.0.1/evil", "127.0.0.1?evil", "127.0.0.1#evil", "127.0.0.1:evil",
    "127.0.0.1\\evil", "[::1]evil", "[::1",
)  # fmt: skip
BEHIND_A_PROXY = {
    "BACKLOG_SERVICE_PROXY_HEADER": "X-Forwarded-User",
    "BACKLOG_SERVICE_PUBLIC_URL": "https://sync.example.com",
    "BACKLOG_DAGSTER_PUBLIC_URL": "https://backlog.example.com:8443",
}


@pytest.mark.parametrize("token", ["", TOKEN])
def test_a_page_whose_name_leads_here_cannot_pass_for_the_proxy(serve: Serve, token: str) -> None:
    """Its requests come from the address of the proxy where both are on one machine, and it may
    send any header to itself.
    """
    service = serve(**BEHIND_A_PROXY, BACKLOG_SERVICE_TOKEN=token)
    for host in STRANGERS:
        page = {"Host": host, "X-Forwarded-User": "hanako", "Sec-Fetch-Site": "same-origin"}
        for path in (f"{API}/history", "/metrics", "/"):
            answer = service.get(path, headers=page)
            assert (answer.status_code, answer.json()["error"]["code"]) == (421, "wrong_host")
        known = service.get(f"{API}/history", headers={"Host": host, **bearer(TOKEN)})
        assert (known.status_code == 200) == bool(token)


def test_behind_a_proxy_the_service_answers_to_its_public_names_and_to_numbers(
    serve: Serve,
) -> None:
    service, known = serve(**BEHIND_A_PROXY), {"X-Forwarded-User": "hanako"}
    for host in (
        "sync.example.com", "Sync.Example.com:443", "backlog.example.com", "localhost",
        "10.0.0.7:3001",
    ):  # fmt: skip
        assert service.get(f"{API}/history", headers=known | {"Host": host}).status_code == 200
    own = {"Host": "backlog.example.com", "Origin": "https://backlog.example.com:8443"}
    answer = service.post(f"{API}/projects/all", headers=known | own)
    assert answer.json()["error"]["code"] == "space_unknown"


def test_without_a_token_only_a_name_of_this_machine_is_let_in(serve: Serve) -> None:
    service = serve()
    for host in (*STRANGERS, "10.0.0.1"):
        for path in (f"{API}/history", "/", "/healthz"):
            answer = service.get(path, headers={"Host": host})
            assert (answer.status_code, answer.json()["error"]["code"]) == (421, "wrong_host")
    for host in ("localhost", "localhost:3001", "127.0.0.1:9", "[::1]:3001", "127.8.8.8"):
        assert service.get(f"{API}/history", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("header", ["", "X-User"])
def test_another_sites_page_starts_nothing(
    serve: Serve, dagster: DagsterStandIn, header: str
) -> None:
    service = serve(BACKLOG_SERVICE_PROXY_HEADER=header)
    for foreign in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1"},
        {"Origin": "http://evil.example.com"},
        {"Origin": "null"},
    ):
        for path in ("projects/all", "runs/run-7/cancel", "schedules/activity_feed/pause"):
            answer = service.post(f"{API}/{path}", headers=foreign | {"X-User": "hanako"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "cross_site")
            assert answer.headers["X-Frame-Options"] == HEADERS["X-Frame-Options"]
    assert dagster.asked == []


def test_the_page_itself_and_programs_pass_that_check(serve: Serve) -> None:
    service = serve()
    own = f"http://{service.base_url.netloc.decode()}"
    for headers in ({}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": own}):
        # Nothing is loaded, so no space is known yet.
        assert (
            service.post(f"{API}/projects/all", headers=headers).json()["error"]["code"]
            == "space_unknown"
        )


def test_another_sites_page_shows_nothing_of_the_service_but_may_lead_to_it(serve: Serve) -> None:
    service = serve()
    for path in ("/", f"{API}/history", "/openapi.json"):
        for mode, kind, status in (
            ("no-cors", "image", 403),
            ("cors", "empty", 403),
            ("navigate", "iframe", 403),
            ("navigate", "document", 200),
        ):
            page = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": kind}
            assert service.get(path, headers=page).status_code == status


@pytest.mark.parametrize("token", ["", TOKEN])
def test_every_answer_restricts_what_browsers_do_with_it(serve: Serve, token: str) -> None:
    service = serve(BACKLOG_SERVICE_TOKEN=token)
    for path in (
        "/", "/static/page.js", f"{API}/history", f"{API}/nowhere", "/nowhere", "/healthz",
    ):  # fmt: skip
        answer = service.get(path)
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert answer.headers["cache-control"]
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


def test_a_body_that_is_too_large_is_refused_before_it_is_read(serve: Serve) -> None:
    service, headers = serve(), {"Content-Type": "application/json"}
    for path in (f"{API}/projects/all", f"{API}/project/OPS/tasks"):
        for content in (b"x" * 10_001, iter([b"x" * 5_000] * 3)):
            answer = service.post(path, content=content, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


OTHERS = ("0.0.0.0", "::", "192.168.0.10", "sync.example.com")  # noqa: S104 - refused
HERE = ("127.0.0.1", "localhost", "::1", "127.1.2.3")


@pytest.mark.parametrize("host", [*OTHERS, *HERE])
@pytest.mark.parametrize("variables", [{}, {"BACKLOG_WEBHOOK_SECRET": SECRET}])
def test_a_service_that_others_can_reach_must_know_who_asks(
    host: str, variables: dict[str, str]
) -> None:
    for known in ({"BACKLOG_SERVICE_TOKEN": TOKEN}, {"BACKLOG_SERVICE_PROXY_HEADER": "X-User"}):
        check_exposure(Settings.from_env(variables | known), host)
    refused = pytest.raises(SettingsError, match="BACKLOG_SERVICE_TOKEN is ''")
    with refused if host in OTHERS else nullcontext():
        check_exposure(Settings.from_env(variables), host)
