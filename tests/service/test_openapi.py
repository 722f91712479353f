"""The description tells the truth: requests made from it, good and bad, get the answers that it
promises.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator import Simulator
from tests.seed import SEED
from tests.service.conftest import SECRET, TOKEN, DagsterStandIn, Log, Serve, at

pytestmark = [pytest.mark.full, pytest.mark.long]

#: Requests for each operation, with those that cover every bound; the seed of the day draws them.
EXAMPLES = 20
#: Paths that a client must know from elsewhere, some of them good.
KNOWN = {
    "key": {"enum": ["OPS", "WEB", "NOPE"]},
    "run_id": {"enum": ["run-1", "run-of-nobody"]},
    "name": {"enum": ["activity_feed", "nothing"]},
    "secret": {"enum": [SECRET, "a-secret-that-is-wrong"]},
}


def described(service: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = service.get("/openapi.json").json()
    return found


@pytest.mark.parametrize("token", [TOKEN, ""])
def test_every_answer_is_one_that_was_described(
    serve: Serve, log: Log, dagster: DagsterStandIn, sim: Simulator, tmp_path: Path, token: str
) -> None:
    log.done(project="OPS")
    log.done("users", error="GET /users: 500")
    # Not a wrong bearer token: hundreds of these are answered later and later.
    authorization = f"Bearer {token}" if token else "Basic d3Jvbmc6d3Jvbmc="
    with log.alive("activities", run="run-2"):
        service = serve(BACKLOG_SERVICE_TOKEN=TOKEN, **at(sim))
        document = described(service)
        operations = [one for path in document["paths"].values() for one in path.values()]
        for operation in operations:
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = KNOWN.get(parameter["name"], parameter["schema"])
        (file := tmp_path / "openapi.json").write_text(json.dumps(document))
        command = [
            sys.executable, "-m", "schemathesis.cli", "run", str(file),
            "--url", str(service.base_url), "--seed", str(SEED),
            "--max-examples", str(EXAMPLES if token else 1), "--phases", "coverage,fuzzing",
            "--header", f"Authorization: {authorization}", "--no-color",
        ]  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Tested: {len(operations)}" in done.stdout
    assert bool(dagster.launched) == bool(token)


def test_what_is_protected_says_so(serve: Serve) -> None:
    for path, operations in described(serve())["paths"].items():
        for operation in operations.values():
            assert ("401" in operation["responses"]) == path.startswith(("/api/", "/metrics"))
            assert ("security" in operation) != path.startswith(("/api/", "/metrics"))
