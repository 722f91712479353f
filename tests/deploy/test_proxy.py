"""The recipe of a proxy with a login, on a real nginx: who gets through, as whom, and what is shown
to nobody.
"""

import re
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from shutil import which
from typing import Any

import httpx
import pytest
from starlette.datastructures import Headers

from service.origins import Names, is_foreign
from tests.http_servers import Quiet
from tests.integration.compose import DEPLOY, listens, wait_until
from tests.ports import free_port
from tests.tls import Authority

pytestmark = pytest.mark.skipif(
    which("nginx") is None, reason="there is no nginx (.ci/run installs it)"
)

HOSTS = ("backlog.example.com", "sync.example.com")
SECRET = "a-secret-in-the-path"
#: Given by somebody who would like to be her.
FORGED = {"X-Forwarded-User": "the-boss"}
COOKIE = "_oauth2_proxy=of-alice"


def with_oauth(recipe: str) -> str:
    """Return the recipe with the lines of its head in place of passwords, as the head says."""
    lines = "\n".join(re.findall(r"(?m)^#   (.*)$", recipe))
    recipe, servers = re.subn(
        r"(?m)^ +auth_basic +\".*\n +auth_basic_user_file .*$", lines.replace("\\", r"\\"), recipe
    )
    assert servers == len(HOSTS)
    return recipe.replace("$remote_user", "$remote_login").replace(
        "auth_basic off", "auth_request off"
    )


class Behind(ThreadingHTTPServer):
    """A server behind the proxy, which notes what it is asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.asked: list[tuple[str, dict[str, str]]] = []

    def answer(self, path: str, cookie: str | None) -> tuple[int, dict[str, str]]:
        """Return status and headers of an answer."""
        return 200, {}


class Login(Behind):
    """What oauth2-proxy answers: who it is that has the cookie of a login, and a page to sign in to
    all others.
    """

    def answer(self, path: str, cookie: str | None) -> tuple[int, dict[str, str]]:
        """Know alice."""
        known = path == "/oauth2/auth" and cookie == COOKIE
        return (202, {"X-Auth-Request-Email": "alice"}) if known else (401, {})


class _Answer(Quiet):
    server: Behind

    def do_GET(self) -> None:  # noqa: N802 - the name that the library calls
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.path, dict(self.headers)))
        status, headers = self.server.answer(self.path, self.headers.get("Cookie"))
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    do_POST = do_GET  # noqa: N815 - the name that the library calls


@dataclass(frozen=True)
class Proxy:
    """nginx with the recipe, the two servers behind it, and with `oauth` a third that knows who has
    logged in.
    """

    folder: Path
    port: int
    context: ssl.SSLContext
    oauth: bool
    login: Behind = field(default_factory=Login)
    dagster: Behind = field(default_factory=Behind)
    service: Behind = field(default_factory=Behind)

    def ask(
        self, host: str, path: str, *, login: bool = True, method: str = "GET", **more: Any
    ) -> int:
        """Return the status of an answer."""
        auth = ("alice", "her password") if login and not self.oauth else None
        headers = {
            "Host": host,
            **FORGED,
            **({"Cookie": COOKIE} if login and self.oauth else {}),
            **more.pop("headers", {}),
        }
        with httpx.Client(verify=self.context, trust_env=False) as client:
            url = f"https://127.0.0.1:{self.port}{path}"
            answer = client.request(
                method, url, headers=headers, extensions={"sni_hostname": host}, auth=auth, **more
            )
        return answer.status_code


@pytest.fixture(scope="module", params=[False, True], ids=["passwords", "oauth2-proxy"])
def proxy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    """Start nginx with the recipe; ports, certificates and passwords are those of the test."""
    folder = tmp_path_factory.mktemp("nginx")
    authority = Authority(folder, "ca")
    made = Proxy(
        folder, free_port(), ssl.create_default_context(cafile=str(authority.file)), request.param
    )
    hashed = subprocess.run(
        ["openssl", "passwd", "-apr1", "her password"], capture_output=True, text=True, check=True
    ).stdout
    (folder / "htpasswd").write_text(f"alice:{hashed}")
    recipe = (DEPLOY / "nginx.conf").read_text()
    replaced = {
        "listen 443 ssl": f"listen 127.0.0.1:{made.port} ssl",
        "127.0.0.1:3000;": f"127.0.0.1:{made.dagster.server_port};",
        "127.0.0.1:3001;": f"127.0.0.1:{made.service.server_port};",
        "/etc/nginx/backlog-elt.htpasswd": str(folder / "htpasswd"),
        "127.0.0.1:4180;": f"127.0.0.1:{made.login.server_port};",
    }
    for host in HOSTS:
        certificate, key = authority.server(host)
        replaced |= {
            f"/etc/nginx/tls/{host}.crt": str(certificate),
            f"/etc/nginx/tls/{host}.key": str(key),
        }
    for text, here in replaced.items():
        assert text in recipe
        recipe = recipe.replace(text, here)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    if made.oauth:
        recipe = with_oauth(recipe)
    start = (
        f"daemon off; master_process off; pid {folder}/pid; events {{}} http {{ access_log "
        f"{folder}/access; {temporary}"
    )
    (folder / "nginx.conf").write_text(f"{start}\n{recipe}\n}}\n")
    for server in (made.login, made.dagster, made.service):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    with subprocess.Popen(
        ["nginx", "-c", f"{folder}/nginx.conf", "-e", f"{folder}/error"], stderr=subprocess.DEVNULL
    ) as process:
        wait_until(
            lambda: listens(made.port) or process.poll() is not None, "nginx does not listen"
        )
        assert process.poll() is None, (folder / "error").read_text()
        yield made
        process.terminate()
    for server in (made.login, made.dagster, made.service):
        server.shutdown()
        server.server_close()


def test_nobody_gets_through_without_a_login_except_to_the_webhook(proxy: Proxy) -> None:
    for host, method, path in (
        *((host, "GET", "/") for host in HOSTS),
        (HOSTS[0], "POST", "/graphql"),
        (HOSTS[0], "POST", "/api/v1/sync/projects/all"),
    ):
        assert proxy.ask(host, path, login=False, method=method) == 401
    assert (proxy.dagster.asked, proxy.service.asked) == ([], [])
    assert {path for path, _ in proxy.login.asked} == (
        {"/oauth2/auth", "/oauth2/sign_in"} if proxy.oauth else set()
    )
    assert {headers["Host"] for _, headers in proxy.login.asked} <= {*HOSTS}
    webhook = f"/webhooks/backlog/{SECRET}"
    assert proxy.ask(HOSTS[0], webhook, login=False, method="POST") == 200
    path, headers = proxy.service.asked.pop()
    assert path == webhook
    assert "X-Forwarded-User" not in headers
    assert proxy.ask(HOSTS[0], webhook, login=False, method="POST", content=b"x" * 2_000_000) == 413
    for log in ("access", "error"):
        assert SECRET not in (proxy.folder / log).read_text()


@pytest.mark.parametrize(
    ("host", "path", "to"),
    [
        (HOSTS[0], "/graphql", "dagster"),
        (HOSTS[0], "/api/v1/sync/history", "service"),
        (HOSTS[1], "/", "service"),
    ],
)
def test_the_user_is_passed_on_and_cannot_be_forged_and_the_password_is_not(
    proxy: Proxy, host: str, path: str, to: str
) -> None:
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"}
    assert proxy.ask(host, path, method="POST", content=b"{}", headers=upgrade) == 200
    asked, headers = getattr(proxy, to).asked.pop()
    assert asked == path
    own = {"X-Forwarded-User": "alice", "X-Forwarded-Proto": "https", "Host": host}
    assert headers.items() >= own.items()
    assert "Authorization" not in headers
    # What stands before both lets the proxy's own pages through.
    names = Names.of(*(f"https://{name}" for name in HOSTS), addresses=False)
    seen = Headers({**headers, "Origin": f"https://{host}"})
    assert names.knows(headers["Host"])
    assert not is_foreign({"type": "http", "method": "POST"}, seen, names)
    if to == "dagster":
        assert (headers["Upgrade"], headers["Connection"]) == ("websocket", "upgrade")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_site_changes_nothing_with_the_login_of_its_reader(
    proxy: Proxy, site: str
) -> None:
    for method, path in (
        ("GET", "/graphql?query=mutation"),
        ("POST", "/graphql"),
        ("POST", "/report_asset_check/a"),
    ):
        assert proxy.ask(HOSTS[0], path, method=method, headers={"Sec-Fetch-Site": site}) == 403
    assert proxy.dagster.asked == []
    # A link that leads here is followed, and Dagster's own page gets its answers.
    assert (
        proxy.ask(
            HOSTS[0], "/runs/1", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
        )
        == 200
    )
    assert (
        proxy.ask(HOSTS[0], "/graphql", method="POST", headers={"Sec-Fetch-Site": "same-origin"})
        == 200
    )
    assert [path for path, _ in proxy.dagster.asked] == ["/runs/1", "/graphql"]
    proxy.dagster.asked.clear()
