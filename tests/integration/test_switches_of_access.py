"""The switches of deliveries, tokens and rights, with each of their values, through the product:
webhooks, OAuth, addresses.
"""

import queue
from typing import Any

import httpx
import pytest

from resources.masking import Mask
from resources.warehouse.state.webhook_inbox import receive
from simulator import Fault, Switches
from sync.webhook_effects import drain
from tests.deployment import SMALL, Deploy, failures
from tests.http_servers import Quiet, serving

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
    arrived, refusals = queue.Queue[bool](), [500] if delivery == "retry" else []

    class Inbox(Quiet):
        """Keeps what is posted; `arrived` says of each post whether it was new."""

        def do_POST(self) -> None:  # noqa: N802 - the name of the library
            with deployment.engine.begin() as connection:
                new = receive(connection, SPACE, self.body())
            self.send_response(refusals.pop() if refusals else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            arrived.put(new)

    with serving(Inbox) as url:
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
