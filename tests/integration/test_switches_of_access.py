"""The switches of deliveries, tokens and rights, with each of their values, through the product:
webhooks, OAuth, addresses.
"""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from resources.privacy import Mask
from resources.warehouse.webhook_inbox import receive
from simulator import Fault, Switches
from sync.webhook_requests import drain
from tests.deployment import SMALL, Deploy, failures

#: `roleType` of somebody who administers nothing.
ORDINARY = 2
PATIENCE_SECONDS = 120
SPACE = SMALL.space_key
GRANT = "/oauth2/token"


@pytest.mark.parametrize("hidden", [True, False])
def test_mail_addresses_are_stored_as_the_key_shows_them(deploy: Deploy, hidden: bool) -> None:
    deployment = deploy(switches=Switches(hide_mail=hidden))
    ordinary = next(user for user in deployment.sim.space.users.values() if user.role == ORDINARY)
    assert deployment.as_user(ordinary.id).run("users").success
    assert deployment.rows("users")
    assert any(row["mail_address"] for row in deployment.rows("users")) != hidden


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"rotate_refresh": False, "bearer_refusal": "errors", "grant_error_status": 401},
        {"reuse_token": True},
        {"reuse_token": True, "rotate_refresh": False, "token_seconds": 700},
        {"token_seconds": 30, "grant_error_status": 401},
    ],
    ids=str,
)
def test_a_load_survives_the_end_of_its_tokens_and_names_a_revoked_grant(
    deploy: Deploy, switches: dict[str, Any]
) -> None:
    deployment = deploy(switches=Switches(**switches)).with_oauth().log_in()
    sim, step = deployment.sim, switches.get("token_seconds", 3_600) // 4
    sim.before_request(lambda info: sim.clock.advance(0 if info.route == GRANT else step))
    assert deployment.run("projects").success
    assert {row["id"] for row in deployment.rows("projects")} == set(sim.space.projects)
    assert sim.requests.count(route=GRANT) > 1
    sim.site.keyring.revoke_grants()
    failed = deployment.run("users")
    assert not failed.success
    [line] = failures(failed)
    assert line.endswith("run `backlog-elt login`")
    [row] = deployment.query("SELECT refused_at, refused_reason FROM ops.oauth_tokens")
    assert row["refused_at"]
    assert row["refused_reason"].startswith("invalid_grant")


@pytest.mark.parametrize(
    ("delivery", "posts"), [("once", 5), ("retry", 6), ("duplicate", 10), ("reorder", 5)]
)
def test_each_change_in_webhooks_counts_once_however_they_arrive(
    deploy: Deploy, delivery: Any, posts: int
) -> None:
    deployment = deploy(switches=Switches(webhook_delivery=delivery))
    assert deployment.discover().run_issues(mode="incremental").success
    space = deployment.sim.space
    edited, commented, removed, *bulk = sorted(space.project("OPS").issues)[:6]
    with inbox_over_http(deployment.engine, refuse=posts == 6) as (url, arrived):
        hook = {"name": "replica", "hookUrl": url, "allEvent": "true"}
        hooks = f"{deployment.sim.url}/api/v2/projects/OPS/webhooks"
        httpx.post(hooks, params={"apiKey": deployment.api_key}, data=hook).raise_for_status()
        space.edit_issue(edited, summary="edited")
        space.comment(commented, "said")
        space.delete_issue(removed)
        space.bulk_edit(bulk, priority_id=2)
        made = space.create_issue("OPS")
        for _ in range(posts):
            arrived.get(timeout=PATIENCE_SECONDS)
    assert drain(deployment.engine, SPACE, Mask()).events == 5
    # Nothing else can tell of the changes.
    deployment.sim.faults.add(Fault(status=403, path="/space/activities", times=None))
    assert deployment.run_issues(mode="targeted").success
    stored = {row["id"]: row for row in deployment.rows("issues")}
    assert removed not in stored
    assert made.id in stored
    assert stored[edited]["summary"] == "edited"
    assert {stored[issue]["priority_id"] for issue in bulk} == {2}
    assert "said" in {
        row["content"] for row in deployment.rows("comments") if row["issue_id"] == commented
    }


@contextmanager
def inbox_over_http(engine: Engine, *, refuse: bool) -> Iterator[tuple[str, "queue.Queue[bool]"]]:
    """Keep what is posted to the URL in the inbox; the queue says of each post whether it was new.
    The first may be refused.
    """
    arrived: queue.Queue[bool] = queue.Queue()
    refusals = [500] if refuse else []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            with engine.begin() as connection:
                new = receive(connection, SPACE, body)
            self.send_response(refusals.pop() if refusals else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            arrived.put(new)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", arrived
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
