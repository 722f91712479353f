"""Life, the control endpoint, and the simulator as a process of its own."""

import json
import re
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator import Clock, Life, SimulatorError, SpaceSpec, spawn_simulator
from simulator.__main__ import main
from simulator.life import CALM, LIVELY
from tests.simulator.conftest import NOW, SMALL, Api, Serve
from tests.waiting import answers, eventually

ROOT = Path(__file__).parents[2]


def all_of(api: Api) -> list[bytes]:
    """Return the bytes of everything that tells two spaces apart."""
    pages = [f"/issues?count=100&sort=created&order=asc&offset={n}" for n in range(0, 500, 100)]
    return [
        api.answer(path).content
        for path in ("/users", "/projects", "/space/activities?count=100", *pages)
    ]


def living(serve: Serve, now: datetime) -> Api:
    """Return a space that lives since NOW, at a later moment."""
    clock = Clock()
    clock.freeze(now)
    return serve(clock=clock, life=Life(NOW, interval=20))


@pytest.mark.parametrize(
    ("passed", "played"),
    [
        (1, 1),
        (LIVELY, LIVELY),
        (LIVELY + CALM - 1, LIVELY),
        (LIVELY + CALM, LIVELY + 1),
        (LIVELY + 10 * CALM, LIVELY + 10),
    ],
)
def test_a_new_space_is_lively_and_then_goes_on_at_the_pace_of_a_team(
    serve: Serve, passed: int, played: int
) -> None:
    life, clock = Life(NOW, interval=20), Clock()
    clock.freeze(NOW + timedelta(seconds=20 * passed))
    serve(clock=clock, life=life)
    assert life.played == played


def test_a_restarted_life_is_the_same_as_one_that_never_stopped(serve: Serve) -> None:
    steady = living(serve, NOW)
    for _ in range(40):
        steady.simulator.clock.advance(500)
        steady.get("/space")
    restarted = living(serve, NOW + timedelta(seconds=20_000))
    for api in (steady, restarted):
        api.simulator.switch(stable_ties=True)
    assert all_of(steady) == all_of(restarted)
    assert len(steady.simulator.space.issues) != SMALL.issues


def test_a_life_file_is_begun_by_any_space_and_replayed_by_a_quiet_one(
    serve: Serve, tmp_path: Path
) -> None:
    path = tmp_path / "home" / "life.json"
    assert Life.remembered(path, alive=False, now=NOW).start == NOW
    assert Life.remembered(path, alive=True, now=NOW + timedelta(days=1)).start == NOW

    def lived(alive: bool, *advances: float) -> list[bytes]:
        clock = Clock()
        clock.freeze(NOW if alive else NOW + timedelta(days=10))
        api = serve(clock=clock, life=Life.remembered(path, alive=alive, now=NOW))
        api.simulator.switch(stable_ties=True)
        for seconds in advances:
            clock.advance(seconds)
            api.get("/space")
        return all_of(api)

    first = lived(True, 1000, 1000)
    known = json.loads(path.read_text())
    assert (known["start"], known["until"]) == ("2026-07-01T00:00:00Z", "2026-07-01T00:33:20Z")
    assert lived(False) == first
    assert lived(True, 5000) != first
    assert json.loads(path.read_text())["until"] == "2026-07-01T01:23:20Z"


def test_a_broken_life_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "life.json"
    path.write_text("[]")
    with pytest.raises(SimulatorError, match=r"life\.json is not a life file"):
        Life.remembered(path, alive=True, now=NOW)


def test_other_programs_steer_the_space_over_http(api: Api) -> None:
    category = next(iter(api.simulator.space.project("OPS").categories))

    def act(action: str, **arguments: Any) -> httpx.Response:
        return control.post("/actions", json={"action": action, "arguments": arguments})

    with httpx.Client(base_url=f"{api.simulator.url}/_simulator", trust_env=False) as control:
        [issue] = act("create_issue", project="OPS", summary="Hi").json()["ids"]
        assert api.get(f"/issues/{issue}")["summary"] == "Hi"
        then = "2026-07-02T00:00:00Z"
        assert act("edit_issue", issue=issue, category_ids=[category], at=then).is_success
        assert api.get(f"/issues/{issue}")["updated"] == then
        control.post("/faults", json=[{"status": 502}])
        assert api.answer("/space").status_code == 502
        assert control.post("/limits", json={"plan": "free"}).json()["search"] == 15
        assert control.post("/switches", json={"clamp_count": True}).json()["clamp_count"] is True
        assert control.post("/clock", json={"advance": 60}).json() == {
            "now": "2026-07-01T00:01:00Z"
        }
        assert control.get("/requests").json()["status"] == {"200": 2, "502": 1}
        assert control.delete("/requests").json()["total"] == 0
        assert control.delete("/faults").json() == {"faults": 0}
        assert control.get("/").json()["issues"] == SMALL.issues + 1
        assert len(control.get("/keys").json()) == SMALL.users
        refused = [act("explode"), act("delete_issue", issue=1), control.post("/actions", json={})]
        assert [answer.status_code for answer in refused] == [400] * 3


def test_a_spawned_space_answers_and_ends(tmp_path: Path) -> None:
    with spawn_simulator(
        issues=50, alive=True, life_file=tmp_path / "life.json", switches={"clamp_count": "true"}
    ) as space:
        headers = {"Backlog-API-Key": space.api_key}
        answer = httpx.get(f"{space.url}/api/v2/issues?count=999", headers=headers, trust_env=False)
        assert answer.status_code == 200
        assert answer.headers["X-RateLimit-Limit"] == "1500"
        port = int(space.url.rpartition(":")[2])
        with pytest.raises(SimulatorError, match="choose another port"):
            spawn_simulator(issues=1, port=port)
    assert space.process.returncode == 0
    assert (tmp_path / "life.json").exists()


def test_a_child_ends_when_its_parent_is_killed() -> None:
    script = (
        "from simulator import spawn_simulator; import time\n"
        "s = spawn_simulator(issues=10); print(s.url, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as parent:
        assert parent.stdout is not None
        space = f"{parent.stdout.readline().strip()}/_simulator/"
        assert answers(space)
        parent.kill()
    eventually(lambda: not answers(space))


def test_the_command_prints_one_json_line_and_ends_at_a_signal() -> None:
    command = [sys.executable, "-m", "simulator", "--issues", "10", "--seed", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert set(json.loads(process.stdout.readline())) == {"url", "api_key"}
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=10)[0] == ""
    assert process.returncode == 0


@pytest.mark.parametrize("options", [["--issues", "-1"], ["--switch", "x=1"], ["--port", "99999"]])
def test_a_wrong_option_is_one_line(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(options) == 2
    assert re.fullmatch("error: .+\n", capsys.readouterr().err)


def test_a_space_without_issues_or_with_one_user_can_be_served(serve: Serve) -> None:
    empty = serve(SpaceSpec(users=1, projects=1, issues=0))
    assert (empty.get("/issues"), len(empty.get("/users"))) == ([], 1)
    tiny = serve(SpaceSpec(users=2, projects=9, issues=3))
    assert tiny.get("/issues/count") == {"count": 3}
    assert len({project["projectKey"] for project in tiny.get("/projects")}) == 9
