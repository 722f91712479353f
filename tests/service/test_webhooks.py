"""Webhooks: what was answered with success is in the inbox, once for each activity, whatever
happens to the service.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx
import pytest
from aiolimiter import AsyncLimiter
from fastapi import FastAPI
from sqlalchemy import Engine

from resources.masking import Mask
from resources.secret import Secret
from resources.settings import Settings
from resources.warehouse.state import sync_state
from resources.warehouse.state.webhook_inbox import NOT_KEPT, take
from service.error_answers import ApiError
from service.handlers import HANDLERS
from service.prometheus import Metrics
from service.warehouse import Warehouse
from service.webhooks import EVENTS, Inbox, count_one, router
from tests.ports import free_port
from tests.service.conftest import ACME, API, SECRET, Serve, a_process, running

PATH = f"/webhooks/backlog/{SECRET}"


@pytest.fixture(autouse=True)
def _acme(warehouse: Engine) -> None:
    with warehouse.begin() as connection:
        sync_state.note_space_url(connection, "acme", "http://acme.example.com")


def stored(engine: Engine) -> list[tuple[int | None, Any]]:
    with engine.begin() as connection:
        return [
            (event.activity_id, json.loads(event.payload))
            for event in take(connection, "acme", 10_000)
        ]


def an_event(number: int) -> dict[str, Any]:
    return {"id": number, "type": 2, "content": {"id": 90_017, "summary": "鍵 😀"}}


def test_an_event_is_in_the_inbox_when_it_is_answered_and_once_only(
    serve: Serve, warehouse: Engine
) -> None:
    service = serve(**ACME)
    for outcome in ("kept", "duplicate"):
        answer = service.post(PATH, json=an_event(7))
        said = {"accepted": True, "duplicate": outcome == "duplicate"}
        assert (answer.status_code, answer.json()) == (200, said)
        assert stored(warehouse) == [(7, an_event(7))]
        count = f'backlog_elt_webhook_events_total{{outcome="{outcome}"}} 1.0'
        assert count in service.get("/metrics").text


def test_a_forged_event_is_answered_like_any_address_that_is_not_there(
    serve: Serve, warehouse: Engine
) -> None:
    service = serve(**ACME)
    nowhere = service.post("/nowhere", json=an_event(7))
    for secret in (
        "wrong", SECRET + "x", SECRET[:-1], SECRET.upper(), "%E9%8D%B5", "%00", "a b",
    ):  # fmt: skip
        forged = service.post(f"/webhooks/backlog/{secret}", json=an_event(7))
        assert forged.status_code == nowhere.status_code == 404
        assert forged.content == nowhere.content
        assert {**forged.headers, "date": ""} == {**nowhere.headers, "date": ""}
    assert stored(warehouse) == []


def test_where_there_is_no_token_events_come_by_the_name_of_the_proxy_all_the_same(
    serve: Serve, warehouse: Engine
) -> None:
    service, host = serve(**ACME), {"Host": "backlog.example.com"}
    assert service.get(f"{API}/history", headers=host).status_code == 421
    assert service.post(PATH, json=an_event(7), headers=host).status_code == 200
    assert service.post(f"{PATH}x", json=an_event(7), headers=host).status_code == 404
    assert stored(warehouse) == [(7, an_event(7))]


def test_without_a_secret_there_is_no_inbox(serve: Serve, warehouse: Engine) -> None:
    service = serve(**ACME, BACKLOG_WEBHOOK_SECRET="")
    for secret in (SECRET, "x", "None"):
        assert service.post(f"/webhooks/backlog/{secret}", json=an_event(7)).status_code == 404
    assert stored(warehouse) == []


def test_what_is_no_json_is_kept_as_it_came(serve: Serve, warehouse: Engine) -> None:
    service = serve(**ACME)
    odd = (
        (b"", ""),
        (b"no json", "no json"),
        (b"<html>", "<html>"),
        (b"\xff\xfe", "\udcff\udcfe"),
        (b"[" * 50_000, "[" * 50_000),
        (b"\x00", "\x00"),
        ("メンテナンス".encode(), "メンテナンス"),
    )
    for content, _ in odd:
        answer = service.post(PATH, content=content)
        assert answer.json() == {"accepted": True, "duplicate": False}
    assert stored(warehouse) == [(None, kept) for _, kept in odd]


def test_an_event_that_is_too_large_is_refused_and_the_largest_is_not(
    serve: Serve, warehouse: Engine
) -> None:
    service = serve(**ACME)
    assert service.post(PATH, content=b'"' + b"x" * 1_000_000).status_code == 413
    assert service.post(PATH, content=b'"' + b"x" * 999_998 + b'"').status_code == 200
    assert len(stored(warehouse)) == 1


def test_where_people_are_masked_no_name_is_kept(serve: Serve, warehouse: Engine) -> None:
    service = serve(**ACME, BACKLOG_PRIVACY_KEY="a-key-by-which-people-are-masked")
    service.post(
        PATH,
        json=an_event(7)
        | {"createdUser": {"id": 5, "name": "山田 花子", "mailAddress": "h@example.com"}},
    )
    service.post(PATH, content="山田 花子")
    (_, event), (_, other) = stored(warehouse)
    assert event["createdUser"]["id"] == 5
    assert event["createdUser"]["name"].startswith("user-")
    assert other == NOT_KEPT


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        (
            {**ACME, "WAREHOUSE_URL": "postgresql://u:p@127.0.0.1:1/w"},
            "warehouse_unavailable",
        ),
        ({}, "space_unknown"),
    ],
)
def test_while_an_event_cannot_be_kept_none_is_accepted(
    serve: Serve, variables: dict[str, str], code: str
) -> None:
    answer = serve(**variables).post(PATH, json=an_event(7))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, code)


@pytest.mark.full
def test_what_was_accepted_survives_kill_9_and_what_was_not_can_be_sent_again(
    warehouse: Engine, warehouse_url: str
) -> None:
    port, events = free_port(), 300
    url = f"http://127.0.0.1:{port}{PATH}"

    def send(number: int) -> bool:
        try:
            return space.post(url, json=an_event(number)).status_code == 200
        except httpx.TransportError:
            return False

    with (
        httpx.Client(timeout=10, trust_env=False) as space,
        ThreadPoolExecutor(8) as senders,
        a_process(warehouse_url, port) as first,
    ):
        sending = [senders.submit(send, number) for number in range(1, events + 1)]
        sending[events // 3].result()
        first.send_signal(signal.SIGKILL)
        accepted = {number for number, sent in enumerate(sending, 1) if sent.result()}
    assert 0 < len(accepted) < events
    assert accepted <= {number for number, _ in stored(warehouse)}
    with (
        httpx.Client(timeout=10, trust_env=False) as space,
        ThreadPoolExecutor(8) as senders,
        a_process(warehouse_url, port) as second,
    ):
        assert all(senders.map(send, range(1, events + 1)))
        assert sorted(number or 0 for number, _ in stored(warehouse)) == list(range(1, events + 1))
        # Asked to end, it ends by itself, and well.
        second.send_signal(signal.SIGTERM)
        assert second.wait(15) in {0, -signal.SIGTERM}


#: Large packages that the service does without: Alembic while the database is up to date,
#: cryptography without OAuth.
UNWANTED = ("alembic", "cryptography", "dagster", "dbt", "numpy", "pandas", "vl_convert")
#: A service that says after its first answer which of them it has, and its megabytes.
MEASURED = """
import os, psutil, sys, threading, time, urllib.error, urllib.request
from resources.settings import Settings
from service.__main__ import serve

port, unwanted = int(sys.argv[1]), sys.argv[2:]

def look():
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/sync/history").read()
            break
        except urllib.error.URLError:
            time.sleep(0.1)
    loaded = {name.split(".")[0] for name in sys.modules}
    print(sorted(loaded & {*unwanted}), psutil.Process().memory_info().rss // 2**20, flush=True)
    os.kill(os.getpid(), 15)

threading.Thread(target=look).start()
serve(Settings.from_env(os.environ), "127.0.0.1", port)
"""


def test_the_service_is_small_and_needs_neither_dagster_nor_pandas_nor_dbt(
    warehouse_url: str,
) -> None:
    environment = {**os.environ, "WAREHOUSE_URL": warehouse_url}
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(free_port()), *UNWANTED],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    modules, _, megabytes = done.stdout.strip().rpartition(" ")
    assert (modules, done.stderr) == ("[]", "")
    assert int(megabytes) < 90


def test_a_burst_is_let_through_and_then_so_many_a_second() -> None:
    async def play() -> None:
        now, limiter = [1_000.0], AsyncLimiter(*EVENTS)
        asyncio.get_running_loop().time = lambda: now[0]  # type: ignore[method-assign]

        async def passed(tries: int) -> int:
            count = 0
            for _ in range(tries):
                with suppress(ApiError):
                    await count_one(limiter, "Too many.", "Wait.")
                    count += 1
            return count

        assert await passed(3_000) == 2_000
        now[0] += 1.0
        assert await passed(300) == 200
        now[0] += 3_600.0
        assert await passed(3_000) == 2_000

    asyncio.run(play())


def test_more_events_than_are_taken_are_refused_with_a_time(
    warehouse: Engine, warehouse_url: str
) -> None:
    async def space() -> str:
        return "acme"

    inbox = Inbox(Warehouse(Settings.from_env({"WAREHOUSE_URL": warehouse_url})), space, Mask())
    webhooks = router(inbox, Secret(SECRET), Metrics().events, AsyncLimiter(2, 20.0))
    with running(FastAPI(routes=webhooks.routes, exception_handlers=HANDLERS)) as url:
        answers = [
            httpx.post(url + PATH, json=an_event(number), trust_env=False) for number in (1, 2, 3)
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["retry-after"] == "10"
    assert [number for number, _ in stored(warehouse)] == [1, 2]


def test_guesses_of_the_secret_are_limited_and_do_not_block_genuine_events(
    serve: Serve, warehouse: Engine
) -> None:
    service = serve(**ACME)
    guesses = [service.post(f"{PATH}-{number}", json=an_event(number)) for number in range(40)]
    statuses = [guess.status_code for guess in guesses]
    assert statuses[:20] == [404] * 20
    assert set(statuses[20:]) <= {404, 429}, "20 at once, and one for each second that it took"
    refused = next(guess for guess in guesses if guess.status_code == 429)
    assert (refused.json()["error"]["code"], refused.headers["retry-after"]) == ("too_many", "1")
    for number in (1, 2, 3):
        assert service.post(PATH, json=an_event(number)).status_code == 200
    assert [number for number, _ in stored(warehouse)] == [1, 2, 3]
    assert 'backlog_elt_webhook_events_total{outcome="forged"} 40.0' in service.get("/metrics").text
