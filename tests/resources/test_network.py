"""Proxies and authorities of a company: what goes through a proxy, and what is said of one."""

import os
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import certifi
import grpc  # type: ignore[import-untyped]
import httpx
import pytest
import requests

from resources.alerts.channel import ChannelError
from resources.alerts.channels import Slack
from resources.alerts.message_layout import Message
from resources.backlog.errors import Unavailable
from resources.backlog.oauth import OAuthApplication
from resources.network import Proxy, bypass_proxies, check, network_advice, proxy_for
from resources.redact import redact
from resources.secret import Secret
from resources.settings import Settings
from simulator import Simulator
from tests.network import CAPITAL, DEAD, NOWHERE, SMALL, forward_proxy
from tests.syncs import TINY

PASSWORD = "s3cr3t-of-the-proxy"
REFUSED = httpx.ConnectError("Connection refused")
OTHERS = ("no_proxy", "NO_PROXY", "grpc_proxy", "no_grpc_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    before = dict(os.environ)
    for name in (*DEAD, *OTHERS):
        os.environ.pop(name, None)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where a simulated space is."""
    with Simulator(TINY) as sim:
        yield f"{sim.url}/_simulator/"


@pytest.fixture(scope="module")
def code_server() -> Iterator[int]:
    """Return the port of a server that speaks gRPC."""
    answer = grpc.unary_unary_rpc_method_handler(lambda _request, _context: b"here")
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("a.B", {"C": answer}),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(None)


def asked_by_grpc(host: str, port: int) -> bytes:
    with grpc.insecure_channel(
        f"{host}:{port}", [("grpc.use_local_subchannel_pool", 1)]
    ) as channel:
        found: bytes = channel.unary_unary("/a.B/C")(b"", timeout=30)
        return found


@pytest.mark.parametrize("proxies", [SMALL, CAPITAL], ids=["small", "capital"])
@pytest.mark.parametrize("no_proxy", [None, "", "*", "intra.example.com", "[::1]", "fd00::/8,日本"])
@pytest.mark.parametrize("spelled", ["no_proxy", "NO_PROXY"])
def test_no_way_to_this_machine_leads_through_a_proxy(
    proxies: dict[str, str], no_proxy: str | None, spelled: str, url: str, code_server: int
) -> None:
    os.environ.update(proxies)
    if no_proxy is not None:
        os.environ[spelled] = no_proxy
    Settings.of_this_process()
    for there in (url, url.replace("127.0.0.1", "localhost")):
        assert httpx.get(there).status_code == 200
        assert requests.get(there, timeout=30).status_code == 200
        with urllib.request.urlopen(there, timeout=30) as answer:  # noqa: S310 - our own URL
            assert answer.status == 200
    assert {asked_by_grpc(host, code_server) for host in ("127.0.0.1", "localhost")} == {b"here"}


def test_to_a_code_server_in_another_container_grpc_takes_no_proxy(code_server: int) -> None:
    os.environ.update(SMALL)
    with pytest.raises(grpc.RpcError):
        asked_by_grpc("127.0.0.1", code_server)
    bypass_proxies(os.environ)
    # No list names the hosts of code servers: gRPC has no proxy at all.
    del os.environ["no_proxy"]
    assert asked_by_grpc("127.0.0.1", code_server) == b"here"


@pytest.mark.parametrize(
    ("given", "extended"),
    [
        ("", "localhost,127.0.0.1,::1"),
        (
            "intra.example.com, .corp ,10.0.0.7:8080",
            "intra.example.com,.corp,10.0.0.7:8080,localhost,127.0.0.1,::1",
        ),
        ("localhost 10.0.0.0/8", "localhost,10.0.0.0/8,127.0.0.1,::1"),
        ("[::1],fd00::/8,fd00::7,日本,a:b:c", "::1,fd00::7,localhost,127.0.0.1"),
        ("*", "*"),
        ("corp,*", "*"),
    ],
)
def test_the_list_of_the_user_is_extended_and_keeps_what_httpx_can_read(
    given: str, extended: str
) -> None:
    for spelled in ("no_proxy", "NO_PROXY"):
        environ = {"HTTPS_PROXY": NOWHERE, spelled: given}
        for _ in range(2):
            bypass_proxies(environ)
            assert environ["NO_PROXY"] == environ["no_proxy"] == extended
    os.environ.update(environ)
    httpx.Client().close()


def test_without_a_proxy_no_list_is_made() -> None:
    given = {"NO_PROXY": "corp", "https_proxy": "", "HTTPS_PROXY": NOWHERE}
    environ = dict(given)
    bypass_proxies(environ)
    assert environ == given | {"grpc_proxy": ""}


def test_backlog_goes_through_the_proxy_with_its_password_and_this_machine_does_not(
    url: str,
) -> None:
    with forward_proxy(PASSWORD) as proxy:
        os.environ["HTTP_PROXY"] = proxy.url
        Settings.of_this_process()
        backlog = url.replace("127.0.0.1", "acme.test")
        with httpx.Client() as client:
            assert [client.get(there).status_code for there in (url, backlog, backlog)] == [200] * 3
        assert proxy.asked == {backlog.split("/")[2]: 2}
        assert PASSWORD not in redact(f"a log line with {proxy.url}")


@pytest.mark.parametrize(
    ("environ", "url", "found"),
    [
        ({}, "https://acme.backlog.com", None),
        (
            {"HTTPS_PROXY": "http://proxy:3128"},
            "https://acme.backlog.com",
            Proxy("HTTPS_PROXY", "proxy:3128"),
        ),
        (
            {"https_proxy": "proxy:3128"},
            "https://acme.backlog.com/api",
            Proxy("https_proxy", "proxy:3128"),
        ),
        (
            {"HTTPS_PROXY": f"http://me:{PASSWORD}@proxy:3128/"},
            "https://x",
            Proxy("HTTPS_PROXY", "proxy:3128"),
        ),
        (
            {"HTTPS_PROXY": "http://a", "https_proxy": "http://b"},
            "https://x",
            Proxy("https_proxy", "b"),
        ),
        ({"HTTPS_PROXY": "http://a", "https_proxy": ""}, "https://x", None),
        ({"HTTP_PROXY": "http://a", "ALL_PROXY": "http://b"}, "https://x", Proxy("ALL_PROXY", "b")),
        ({"HTTP_PROXY": "http://a", "ALL_PROXY": "http://b"}, "http://x", Proxy("HTTP_PROXY", "a")),
        (
            {"HTTPS_PROXY": "http://a", "NO_PROXY": ".example.com"},
            "https://www.example.com:1",
            None,
        ),
        ({"HTTPS_PROXY": "http://a", "NO_PROXY": "*"}, "https://www.example.com", None),
        ({"HTTP_PROXY": "http://a", "NO_PROXY": "127.0.0.1,::1"}, "http://[::1]:3000", None),
    ],
    ids=str,
)
def test_the_proxy_of_a_url_is_named_without_its_password(
    environ: dict[str, str], url: str, found: Proxy | None
) -> None:
    os.environ.update(environ)
    assert proxy_for(url) == found


@pytest.mark.parametrize(
    ("proxy", "checked"),
    [
        ("", ["BACKLOG_URL", "network"]),
        (f"http://me:{PASSWORD}@proxy:3128", ["HTTPS_PROXY", "proxy:3128", "BACKLOG_URL"]),
    ],
)
def test_what_to_check_names_the_proxy_or_the_network(proxy: str, checked: list[str]) -> None:
    os.environ["HTTPS_PROXY"] = proxy
    advice = network_advice("https://acme.backlog.com", "BACKLOG_URL", REFUSED)
    assert [name for name in checked if name not in advice] == []
    assert PASSWORD not in advice


def test_a_dead_proxy_is_named_where_tokens_and_alerts_do_not_get_through() -> None:
    os.environ["HTTP_PROXY"] = f"http://me:{PASSWORD}@127.0.0.1:1"
    application = OAuthApplication(
        "http://acme.test", "client-1", "a-secret", sleep=lambda _seconds: None
    )
    with pytest.raises(Unavailable, match=r"HTTP_PROXY.* 127.0.0.1:1, and BACKLOG_URL") as refused:
        application.exchange("a-code", "http://127.0.0.1/callback")
    slack = Slack(Secret("http://hooks.test/services/x"))
    with pytest.raises(ChannelError, match=r"slack: .* 127.0.0.1:1, .*HTTP_PROXY") as failed:
        slack.send(Message("test", "a test"))
    assert PASSWORD not in f"{refused.value} {failed.value}"


@pytest.mark.parametrize(
    "environ",
    [
        {"SSL_CERT_FILE": certifi.where()},
        {"SSL_CERT_DIR": "/"},
        {"SSL_CERT_DIR": f"/nowhere{os.pathsep}/"},
        # It does not count beside the file.
        {"SSL_CERT_FILE": certifi.where(), "SSL_CERT_DIR": "/nowhere"},
    ],
)
def test_files_of_authorities_that_can_be_used_are_taken(environ: dict[str, str]) -> None:
    check(environ)
    assert Settings.from_env(environ)
