"""What `up` shows: each event once, and nothing else."""

import io
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text

from pipelines.hosting.following import Follower, loaded, news
from pipelines.hosting.screen import Screen
from resources.settings import Settings
from resources.warehouse.history.run_kinds import OF_COMMAND
from resources.warehouse.state.builds import begin_build, end_build
from resources.warehouse.state.heartbeats import alerts_of, beat
from resources.warehouse.state.schema_ops import spaces
from resources.warehouse.warehouse_errors import WarehouseError
from resources.warehouse.warehouse_resource import WarehouseResource
from tests.sync_log import Log
from tests.waiting import eventually

DAGSTER, URL = "http://127.0.0.1:3000", "https://acme.example"
PROBLEM = {
    "key": "run/users",
    "asset": "raw/users",
    "partition": "",
    "cause": "GET /users: 500\nand more",
    "step": "look",
    "run_id": "r1",
}
SUMMARY = {
    "tables": {
        "issues": {"read": 2_000, "inserted": 2_000},
        "comments": {"inserted": 7, "updated": 1},
        "activities": {"inserted": 1},
        "teams": {"inserted": 3},
    },
    "seconds": 18.7,
    "errors": [],
}


def lines(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return list(news(before, now, DAGSTER))


def test_a_problem_is_one_line_when_it_begins_and_one_when_it_is_over() -> None:
    wrong = {"run/users": PROBLEM}
    [begun], [over] = lines({}, wrong), lines(wrong, {})
    for part in ("raw/users", "GET /users: 500", "look", f"{DAGSTER}/runs/r1"):
        assert part in begun
    assert "\n" not in begun
    assert over.startswith("over: raw/users: GET /users: 500")
    assert lines(wrong, {"run/users": PROBLEM | {"times": 2}}) == []
    for run_id in ("", f"{OF_COMMAND}1"):  # without a page in Dagster
        of = PROBLEM | {"run_id": run_id, "partition": "OPS|2026-05"}
        [line] = lines({}, {"silent/users": of})
        assert "raw/users (OPS, 2026-05)" in line
        assert "http" not in line


@pytest.mark.parametrize(
    ("code", "more", "said"),
    [
        (0, {}, "loaded: 2,000 issues, 8 comments, 1 activities in schema raw (19 s)"),
        (0, {"tables": {}}, "nothing"),
        (0, {"simulated": True}, "simulated"),
        (1, {"errors": ["GET /space: 401; check it"]}, "GET /space: 401; check it"),
        (2, {}, "see the log"),
    ],
)
def test_a_first_load_says_what_it_has_loaded_or_why_it_failed(
    code: int, more: dict[str, Any], said: str
) -> None:
    assert said in loaded(code, SUMMARY | more, again=None)


@pytest.fixture
def follower(warehouse_url: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Follower, io.StringIO]:
    """Return what follows a warehouse, and where it writes."""
    monkeypatch.setenv("BACKLOG_DAGSTER_URL", DAGSTER)
    said = io.StringIO()
    space = {"BACKLOG_URL": URL, "BACKLOG_API_KEY": "k"}
    settings = Settings.from_env({"WAREHOUSE_URL": warehouse_url, **space})
    return Follower(settings, Screen(said)), said


def test_a_look_writes_what_is_new_in_the_warehouse(
    follower: tuple[Follower, io.StringIO], warehouse_url: str
) -> None:
    following, said = follower
    warehouse = WarehouseResource(url=warehouse_url)
    engine = warehouse.engine
    with engine.begin() as connection:
        connection.execute(insert(spaces).values(space_key="acme", url=URL))
    end_build(engine, begin_build(engine, "p1", "b1"))
    # What the alerter of an earlier `up` has said last may be over.
    beat(engine, alerts_of(URL), {"open": [PROBLEM], "waiting": 0, "channels": []})
    following.look()
    assert (said.getvalue(), following.built) == ("", None)
    following.loading_since = time.monotonic()
    with Log(engine).alive(mode="full"):
        following.look()
        assert following.at_work == 1
    beat(engine, alerts_of(URL), {"open": [PROBLEM], "waiting": 0, "channels": []})
    end_build(engine, begin_build(engine, "p1", "b2"))
    following.look()
    beat(engine, alerts_of(URL), {"open": [], "waiting": 0, "channels": []})
    following.look()
    parts = ("  loading, 0:00:", "  problem: raw/users: GET /users: 500", "  over: raw/users")
    lines = said.getvalue().splitlines()
    assert [part in line for part, line in zip(parts, lines, strict=True)] == [True] * 3
    assert following.built is not None
    warehouse.close()


def test_an_alerter_that_is_silent_is_told_whatever_its_clock_says(
    follower: tuple[Follower, io.StringIO], warehouse_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    following, said = follower
    warehouse = WarehouseResource(url=warehouse_url)
    beat(warehouse.engine, alerts_of(URL), {"open": [PROBLEM], "waiting": 0, "channels": []})
    with warehouse.engine.begin() as connection:
        connection.execute(text("UPDATE ops.heartbeats SET beat_at = now() + interval '1 day'"))
    following.look()
    following.look()
    assert said.getvalue() == ""
    monkeypatch.setattr("pipelines.hosting.following.DEAD_AFTER", timedelta(0), raising=False)
    following.look()
    following.look()
    monkeypatch.undo()
    beat(warehouse.engine, alerts_of(URL), {"open": [], "waiting": 0, "channels": []})
    following.look()
    begun, over = said.getvalue().splitlines()
    assert "  problem: alerts: the alerter has given no sign of life for ten minutes" in begun
    assert "  over: alerts: the alerter has given no sign of life" in over
    warehouse.close()


def test_a_warehouse_that_is_gone_and_back_are_two_lines(
    follower: tuple[Follower, io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    following, said = follower
    left = iter(("gone", "still gone"))

    def look() -> None:
        if why := next(left, None):
            raise WarehouseError(f"it is {why}")

    monkeypatch.setattr(following, "look", look)
    monkeypatch.setattr("pipelines.hosting.following.LOOK_SECONDS", 0.01)
    with following:
        eventually(lambda: "again" in said.getvalue())
    gone, back = said.getvalue().splitlines()
    assert gone.endswith("it is gone")
    assert back.endswith("the warehouse can be used again")
