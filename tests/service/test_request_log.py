"""What the service writes as it works: one JSON object a line, each request by its route, no
secret, and what went wrong.
"""

import json
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from sqlalchemy import Engine, text

from resources.warehouse.state import sync_state
from service.request_log import SLOW_SECONDS
from tests.faults import full_disk
from tests.ports import free_port
from tests.service.conftest import API, SECRET, TOKEN, a_process

WEBHOOK = "/webhooks/backlog/{secret}"


def test_each_request_is_a_line_without_secrets_and_slowness_is_said(
    warehouse: Engine, warehouse_url: str, tmp_path: Path
) -> None:
    with warehouse.begin() as connection:
        sync_state.note_space_url(connection, "acme", "http://acme.example.com")
    port, written = free_port(), tmp_path / "written"
    url = f"http://127.0.0.1:{port}"
    variables = {
        "BACKLOG_LOG_FORMAT": "json",
        "BACKLOG_LOG_LEVEL": "DEBUG",
        "BACKLOG_SERVICE_TOKEN": TOKEN,
    }
    with (
        written.open("wb") as stderr,
        a_process(warehouse_url, port, stderr, **variables) as process,
        httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False
        ) as client,
    ):

        def post(number: int, secret: str = SECRET) -> httpx.Response:
            return client.post(f"/webhooks/backlog/{secret}", json={"id": number, "type": 2})

        assert post(1).status_code == 200
        assert post(1, SECRET + "x").status_code == 404
        assert (
            client.get(f"{API}/history", params={"type": "users", "token": TOKEN}).status_code
            == 200
        )
        assert client.get(f"/nowhere/{SECRET}").status_code == 404
        with socket.create_connection(("127.0.0.1", port)) as garbled:
            garbled.sendall(f"GARBLED {WEBHOOK} {SECRET} {TOKEN}\r\n\r\n".encode())
            assert b"400" in garbled.recv(100)
        with full_disk(warehouse, "ops.webhook_events"):
            refused = post(2)
        assert post(2).json() == {"accepted": True, "duplicate": False}, (
            "nothing of the first try was kept"
        )
        with ThreadPoolExecutor(1) as sender:
            with warehouse.begin() as connection:
                connection.execute(text("LOCK TABLE ops.webhook_events"))
                waiting = sender.submit(post, 3)
                time.sleep(SLOW_SECONDS + 0.3)
            assert waiting.result().status_code == 200
        process.send_signal(signal.SIGTERM)
        process.wait(15)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    said = refused.json()["error"]
    assert (said["code"], "free some space" in said["message"]) == ("warehouse_unavailable", True)
    log = written.read_text()
    assert SECRET not in log
    assert TOKEN not in log
    lines = [json.loads(line) for line in log.splitlines()]
    requests = [
        line
        for line in lines
        if line["logger"] == "backlog_elt.service" and line["route"] != "/healthz"
    ]
    assert [
        (line["method"], line["route"], line["status"], line["level"]) for line in requests
    ] == [
        ("POST", WEBHOOK, 200, "debug"),
        ("POST", WEBHOOK, 404, "debug"),
        ("GET", f"{API}/history", 200, "debug"),
        ("GET", "other", 404, "debug"),
        ("POST", WEBHOOK, 503, "warning"),
        ("POST", WEBHOOK, 200, "debug"),
        ("POST", WEBHOOK, 200, "warning"),
    ]
    assert all(0 < line["ms"] < 60_000 for line in requests)
    assert requests[-1]["ms"] > 1_000 * SLOW_SECONDS
    assert requests[4]["cause"] == said["message"]
    assert [line["event"] for line in lines if line["logger"] == "uvicorn.error"] == [
        "Invalid HTTP request received."
    ]
