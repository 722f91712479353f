"""Starting a sync: what Dagster is asked to do, and when nothing is started."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from pipelines.retrying import RETRY_JOB
from resources.dagster_tags import RANGE_END_TAG as END
from resources.dagster_tags import RANGE_START_TAG as START
from resources.warehouse.state import sync_state
from sync.modes import issues_config
from tests.ports import free_port
from tests.service.conftest import ACME, API, DagsterStandIn, Log, Serve

ROOT = Path(__file__).resolve().parents[2]
PROJECTS, OPS, ALL = f"{API}/projects/all", f"{API}/project/OPS/tasks", f"{API}/projects/all/tasks"


@pytest.fixture
def space(log: Log, warehouse: Engine) -> Log:
    """Return a space with a project of which changes until February are known."""
    with warehouse.begin() as connection:
        sync_state.note_space_url(connection, "acme", "http://acme.example.com")
        sync_state.record_project_keys(connection, "acme", {"OPS": 300, "WEB": 301})
        # In Asia/Tokyo it is February already.
        sync_state.set_watermark(
            connection, "acme", "issues", 300, datetime(2026, 1, 31, 16, tzinfo=UTC)
        )
    return log


@pytest.mark.parametrize(("location", "prefix"), [("", ()), ("acme", ("acme",))])
def test_the_configuration_names_the_steps_of_the_job(
    location: str, prefix: tuple[str, ...]
) -> None:
    script = (
        "import json; from assets.activity_feed import activities; from "
        "assets.issues import issues; "
        "print(json.dumps([activities.op.name, issues.op.name]))"
    )
    environ = {**os.environ, "BACKLOG_DAGSTER_LOCATION": location}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environ,
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout) == list(issues_config("incremental", prefix)["ops"])


def test_all_projects_are_those_that_are_there_from_the_oldest_watermark(
    serve: Serve, space: Log, warehouse: Engine, dagster: DagsterStandIn
) -> None:
    with warehouse.begin() as connection:
        known = datetime(2026, 3, 1, tzinfo=UTC)
        sync_state.set_watermark(connection, "acme", "issues", 301, known)
    for body, first in (({"mode": "incremental"}, "OPS|2026-02"), ({"full": True}, "WEB|2026-01")):
        assert serve(**ACME).post(ALL, json=body).status_code == 202
        tags = {
            tag["key"]: tag["value"] for tag in dagster.launched[-1]["executionMetadata"]["tags"]
        }
        assert (tags[START], tags[END]) == (first, "WEB|2026-03")
        dagster.answers["runsOrError"]["results"].clear()
        with warehouse.begin() as connection:
            # OPS is not listed the next time.
            sync_state.record_project_keys(connection, "acme", {"WEB": 301})


def test_projects_are_synced_by_the_job_of_that_name_and_seen_at_once(
    serve: Serve, space: Log, dagster: DagsterStandIn
) -> None:
    service = serve(**ACME)
    assert service.get(f"{API}/monitor/active").json()["active"] == []
    answer = service.post(PROJECTS)
    assert (answer.status_code, answer.json()) == (
        202,
        {
            "run_id": "11111111-2222",
            "job": "projects",
            "project": None,
            "mode": "full",
            "status_url": f"{dagster.url}/runs/11111111-2222",
        },
    )
    [params] = dagster.launched
    assert params == {
        "selector": {
            "jobName": "projects", "repositoryName": "__repository__",
            "repositoryLocationName": "backlog_elt",
        },
        "runConfigData": {}, "executionMetadata": {"tags": []},
    }  # fmt: skip
    [run] = service.get(f"{API}/monitor/active").json()["active"]
    assert (run["run_id"], run["state"]) == ("11111111-2222", "queued")


def test_failed_partitions_are_loaded_by_the_job_that_is_for_them(
    serve: Serve, space: Log, dagster: DagsterStandIn
) -> None:
    answer = serve(**ACME).post(f"{API}/partitions/failed/tasks")
    assert (answer.status_code, answer.json()["job"]) == (202, RETRY_JOB)
    [params] = dagster.launched
    assert params["selector"]["jobName"] == RETRY_JOB


WEB = f"{API}/project/WEB/tasks"


@pytest.mark.parametrize(
    ("path", "body", "mode", "first", "last"),
    [
        *(
            (OPS, body, "incremental", "OPS|2026-02", "OPS|2026-03")
            for body in (None, {}, {"full": False}, {"mode": "incremental"})
        ),
        *(
            (OPS, body, "full", "OPS|2026-01", "OPS|2026-03")
            for body in ({"mode": "full"}, {"full": True})
        ),
        (WEB, None, "incremental", "WEB|2026-01", "WEB|2026-03"),  # it was never read
        # APP is a partition that somebody typed: no project has ever had that key.
        (ALL, {"mode": "incremental"}, "incremental", "OPS|2026-01", "WEB|2026-03"),
        (ALL, {"mode": "full"}, "full", "OPS|2026-01", "WEB|2026-03"),
    ],
)
def test_issues_are_synced_from_the_oldest_watermark_or_whole(
    serve: Serve,
    space: Log,
    dagster: DagsterStandIn,
    path: str,
    body: object,
    mode: str,
    first: str,
    last: str,
) -> None:
    # Where there is no body, the code location has its usual name.
    location, prefix = ("backlog_elt", ()) if body is None else ("acme", ("acme",))
    variables = ACME if body is None else ACME | {"BACKLOG_DAGSTER_LOCATION": location}
    service = serve(**variables)
    answer = service.post(path) if body is None else service.post(path, json=body)
    assert answer.status_code == 202
    project = None if path == ALL else first.partition("|")[0]
    found = answer.json()
    assert (found["job"], found["project"], found["mode"]) == ("issues", project, mode)
    [params] = dagster.launched
    assert params["selector"]["repositoryLocationName"] == location
    tags = {tag["key"]: tag["value"] for tag in params["executionMetadata"]["tags"]}
    assert tags == {START: first, END: last}
    config = issues_config("backfill" if mode == "full" else "incremental", prefix)
    assert params["runConfigData"] == config


@pytest.mark.parametrize(
    ("job", "path"), [("projects", PROJECTS), ("issues", OPS), ("issues", ALL)]
)
def test_a_second_run_of_a_kind_is_refused_with_the_first_ones_id(
    serve: Serve, space: Log, dagster: DagsterStandIn, job: str, path: str
) -> None:
    service = serve(**ACME)
    dagster.works("users")
    first = dagster.works(job, "the-first")
    url = f"{dagster.url}/runs/the-first"
    for status in ("QUEUED", "STARTED", "CANCELING"):
        first["status"] = status
        answer = service.post(path)
        error = {"code": "already_running", "run_id": "the-first", "status_url": url}
        assert answer.status_code == 409
        assert answer.json()["error"].items() >= error.items()
    assert dagster.launched == []


@pytest.mark.parametrize(
    ("path", "status", "loads"),
    [
        (PROJECTS, 409, ["projects full", "statuses full"]),
        (
            PROJECTS,
            202,
            ["issues incremental", "comments incremental", "users full"],
        ),
        # Most of a first load: the issues are there, and their histories are read.
        (OPS, 409, ["comments incremental", "issues incremental", "issues backfill"]),
        (OPS, 202, ["issues targeted", "issues refresh"]),
        (ALL, 409, ["activities incremental", "issues waiting"]),
    ],
)
def test_a_load_at_a_command_line_counts_too(
    serve: Serve,
    space: Log,
    dagster: DagsterStandIn,
    path: str,
    status: int,
    loads: list[str],
) -> None:
    service = serve(**ACME)
    for load in loads:
        sync_type, mode = load.split()
        with space.alive(sync_type, run=load, mode=mode):
            answer = service.post(path)
        assert answer.status_code == status
        if status == 409:
            error = answer.json()["error"]
            assert error["run_id"] == load
            assert "Ctrl+C" in error["hint"]
        dagster.answers["runsOrError"]["results"].clear()


def test_a_run_of_another_job_counts_as_what_it_is(
    serve: Serve, space: Log, dagster: DagsterStandIn
) -> None:
    dagster.works("targeted_sync", "of-the-sensor")
    with space.alive("activities", run="of-the-sensor", mode="incremental"):
        assert serve(**ACME).post(OPS).status_code == 202


def test_of_two_at_the_same_moment_one_is_started(
    serve: Serve, space: Log, dagster: DagsterStandIn
) -> None:
    service = serve(**ACME)
    with ThreadPoolExecutor(4) as clients:
        found = list(
            clients.map(lambda path: service.post(path).status_code, [OPS, PROJECTS, OPS, PROJECTS])
        )
    assert sorted(found) == [202, 202, 409, 409]
    assert sorted(params["selector"]["jobName"] for params in dagster.launched) == [
        "issues",
        "projects",
    ]


def test_an_unknown_project_is_said(serve: Serve, space: Log, dagster: DagsterStandIn) -> None:
    service = serve(**ACME)
    for key in ("NOPE", "ops", "OPS%27", "OPS%7C2026-01", "%E9%8D%B5", "x" * 300):
        answer = service.post(f"{API}/project/{key}/tasks")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_project")
    dagster.answers["assetNodes"][0]["partitionKeysByDimension"][0]["partitionKeys"] = []
    answer = serve(**ACME).post(ALL)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_project")
    assert dagster.launched == []


def test_a_body_that_cannot_be_understood_starts_nothing(
    serve: Serve, space: Log, dagster: DagsterStandIn
) -> None:
    service = serve(**ACME)
    for content, kind, status in (
        (b"full", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"full"', "application/json", 400),
        (b"[" * 5_000, "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"mode": "fast"}', "application/json", 400),
        (b'{"mode": ["full"]}', "application/json", 400),
        (b'{"full": 1}', "application/json", 400),
        (b'{"full": true, "mode": "full"}', "application/json", 400),
        (b'{"from": "2026-01"}', "application/json", 400),
        (b"full=true", "application/x-www-form-urlencoded", 415),
        (b'{"full": true}', "text/plain", 415),
        (b'{"full": true}', "Application/JSON; charset=utf-8", 202),
    ):
        answer = service.post(OPS, content=content, headers={"Content-Type": kind})
        assert answer.status_code == status
        assert len(dagster.launched) == (status == 202)


def test_without_dagster_it_is_said_how_to_start_it_and_what_is_none_is_no_dagster(
    serve: Serve, space: Log, dagster: DagsterStandIn
) -> None:
    for url, status, code, hint in (
        (f"http://127.0.0.1:{free_port()}", 503, "dagster_unreachable", "backlog-elt up"),
        (dagster.url + "/elsewhere", 502, "dagster_refused", "BACKLOG_DAGSTER_URL"),
    ):
        answer = serve(**ACME, BACKLOG_DAGSTER_URL=url).post(PROJECTS)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (status, code)
        assert hint in error["hint"]
        assert ("retry-after" in answer.headers) == (status == 503)


REFUSALS = [
    ({"launchRun": {"__typename": "UnauthorizedError", "message": "no"}}, "it is read-only"),
    (
        {
            "launchRun": {
                "__typename": "RunConfigValidationInvalid",
                "errors": [{"message": "no such op\nmore"}],
            }
        },
        "no such op",
    ),
    ({"launchRun": {"__typename": "PythonError", "message": "it broke"}}, "it broke"),
    ({"launchRun": {"__typename": "RunConflict"}}, "RunConflict"),
    ({"runsOrError": {"__typename": "PythonError", "message": "no storage"}}, "no storage"),
    ({"assetNodes": []}, "knows no raw/issues in the code location backlog_elt"),
]


@pytest.mark.parametrize(("answers", "said"), REFUSALS)
def test_what_dagster_refuses_is_said_in_its_words(
    serve: Serve, space: Log, dagster: DagsterStandIn, answers: dict[str, object], said: str
) -> None:
    dagster.answers.update(answers)
    answer = serve(**ACME).post(OPS)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "dagster_refused")
    assert said in answer.json()["error"]["message"]
