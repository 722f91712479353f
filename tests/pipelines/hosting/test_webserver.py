"""Dagster's webserver behind its guard, as a process of its own: what is let through."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from pipelines.hosting.webserver import names
from tests.ports import free_port
from tests.waiting import answers, eventually

VERSION = "{ version }"
JSON = {"Content-Type": "application/json"}
#: What a browser sends with an image.
IMAGE = {"Accept": "image/avif,image/webp,*/*;q=0.8"}
#: How a browser asks for a page whose link somebody has followed.
FOLLOWED = {
    "Accept": "text/html,*/*;q=0.8",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}
SUBSCRIBE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": "graphql-ws",
}
PUBLIC = "https://dagster.example.com:8443"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the webserver with no code location, and give its URL."""
    folder, port = tmp_path_factory.mktemp("webserver"), free_port()
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    (folder / "workspace.yaml").write_text("load_from: []\n")
    command = [
        sys.executable,
        "-m",
        "pipelines.hosting.webserver",
        "-p",
        str(port),
        "-w",
        str(folder / "workspace.yaml"),
    ]
    environment = {**os.environ, "DAGSTER_HOME": str(folder), "BACKLOG_DAGSTER_PUBLIC_URL": PUBLIC}
    with subprocess.Popen(command, env=environment) as process:
        eventually(lambda: answers(f"http://127.0.0.1:{port}/server_info"), 120)
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def ask(url: str, headers: Mapping[str, str], path: str = "/graphql", method: str = "POST") -> int:
    """Return the status of an answer to a query."""
    content = f'{{"query": "{VERSION}"}}' if method == "POST" else None
    with httpx.Client(
        base_url=url, headers={"Accept": "*/*"}, timeout=60, trust_env=False
    ) as client:
        return client.request(method, path, content=content, headers=dict(headers)).status_code


def subscribe(url: str, headers: Mapping[str, str]) -> int:
    """Return the status with which a websocket is opened, or is not."""
    host = url.removeprefix("http://")
    lines = "".join(
        f"{name}: {value}\r\n" for name, value in {"Host": host, **SUBSCRIBE, **headers}.items()
    )
    with socket.create_connection(
        ("127.0.0.1", int(host.rpartition(":")[2])), timeout=60
    ) as connection:
        connection.sendall(f"GET /graphql HTTP/1.1\r\n{lines}\r\n".encode())
        return int(connection.recv(1_000).split()[1])


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.com:3000", "10.0.0.1", "127.0.0.1:3000, evil",
    ],
)  # fmt: skip
def test_a_name_of_somebody_else_that_leads_here_opens_nothing(url: str, host: str) -> None:
    assert ask(url, JSON | {"Host": host}) == 421
    assert ask(url, {"Host": host}, "/server_info", "GET") == 421
    assert ask(url, {"Host": host, **FOLLOWED}, "/", "GET") == 421
    assert subscribe(url, {"Host": host, "Origin": f"http://{host}"}) == 403


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:3000", "127.0.0.1:9", "[::1]:3000", "dagster.example.com"]
)
def test_a_name_of_this_machine_and_the_public_one_open_everything(url: str, host: str) -> None:
    assert ask(url, JSON | {"Host": host}) == 200
    assert subscribe(url, {"Host": host}) == 101
    # The recipe for nginx passes on the public name without the port.
    public = host == "dagster.example.com"
    origin = PUBLIC if public else f"http://{host}"
    assert subscribe(url, {"Host": host, "Origin": origin}) == 101
    assert subscribe(url, {"Host": host, "Origin": "https://dagster.example.com:9"}) == 403


def test_a_chart_that_is_not_there_yet_is_no_page_of_dagster(url: str) -> None:
    assert ask(url, IMAGE, "/charts/mart/issue.svg", "GET") == 404
    assert ask(url, IMAGE | {"Host": "evil.example.com"}, "/charts/mart/issue.svg", "GET") == 421
    assert ask(url, FOLLOWED, "/charts/mart/issue", "GET") == 200, "Dagster answers any other path"


@pytest.mark.parametrize(
    "page",
    [
        {"Origin": "http://evil.example.com"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8000"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example.com"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:8000"},
    ],
    ids=str,
)
def test_a_page_of_another_site_gets_nothing_in_any_way(url: str, page: dict[str, str]) -> None:
    for path, content_type in (
        ("/graphql", "application/json"),
        ("/graphql", "application/graphql"),
        ("/graphql", "text/plain"),
        ("/graphql", "text/plain;application/json"),
        ("/graphql?query={version}", ""),
        ("/report_asset_materialization/a?metadata={}", ""),
    ):
        assert ask(url, page | {"Content-Type": content_type}, path) == 403
    assert subscribe(url, page) == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_of_another_site_is_followed_but_no_form_and_no_frame(url: str, site: str) -> None:
    assert ask(url, FOLLOWED | {"Sec-Fetch-Site": site}, "/runs/1", "GET") == 200
    assert ask(url, FOLLOWED | {"Sec-Fetch-Site": site}) == 403, "a form is none"
    for mode, kind in (("navigate", "iframe"), ("navigate", "embed"), ("no-cors", "image")):
        within = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": kind}
        assert ask(url, within, "/", "GET") == 403


def test_a_query_is_taken_by_post_as_json_and_in_no_other_way(url: str) -> None:
    for path in ("/graphql?query={version}", "/graphql", "/%67raphql?query={version}"):
        for headers in ({}, IMAGE, {"Sec-Fetch-Site": "same-origin"}):
            assert ask(url, headers, path, "GET") == 405
    for content_type in (
        "text/plain",
        "text/plain;application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "",
    ):
        assert ask(url, {"Content-Type": content_type}, "/graphql?query={version}") == 415
    own = {"Content-Type": "application/json; charset=utf-8", "Sec-Fetch-Site": "same-origin"}
    assert ask(url, own) == 200
    assert ask(url, FOLLOWED | {"Sec-Fetch-Site": "none"}, "/graphql", "GET") == 200, (
        "the page on which somebody writes one"
    )


def test_a_server_for_others_answers_to_its_number_since_that_is_nobodys_name() -> None:
    # only its name
    for host, others in (("0.0.0.0", True), ("10.0.0.7", True), ("127.0.0.1", False)):  # noqa: S104
        for header, known in (
            ("192.168.0.10:3000", others),
            ("[fe80::1]", others),
            ("evil.example.com", False),
            ("localhost:3000", True),
        ):
            assert names(host).knows(header) is known
    assert names("backlog.internal").knows("backlog.internal:3000")


def test_a_wrong_url_ends_it_in_a_line_that_names_the_variable(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipelines.hosting.webserver", "--empty-workspace"]
    environment = os.environ | {
        "BACKLOG_DAGSTER_PUBLIC_URL": "dagster.example.com",
        "DAGSTER_HOME": str(tmp_path),
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("Error: BACKLOG_DAGSTER_PUBLIC_URL is ")
