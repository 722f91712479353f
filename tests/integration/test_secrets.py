"""The API key, what OAuth has in its place, the privacy key and the database's password are seen nowhere, however much is logged
and whatever fails.

Runs use the definitions as they are deployed: secrets come from the environment. Add here: another place where one could
show. Keep out: the client's own logs (`tests/resources/backlog/test_secrets.py`).
"""

import json
import logging

import dagster as dg
import pytest
from dagster._serdes import serialize_value

from pipelines.definitions import build_definitions
from pipelines.loading import connection
from resources.backlog.errors import AuthenticationError
from resources.simulator import Fault, Simulator
from tests.deployment import OTHER_TOKEN_KEY, SMALL, TOKEN_KEY
from tests.integration.conftest import PASSWORD, NewDatabase

WRONG_SECRET = "s3cr3t-of-no-application"
PRIVACY_KEY = "s3cr3t-by-which-people-are-masked"
#: What goes wrong in one load after another; the first is a good one.
TROUBLE = [
    None,
    Fault(status=403, path="/projects", times=None),
    Fault(status=401, times=None),
    Fault("html", 200, times=None),
    Fault("truncate", path="/users", times=None),
]


def shown_by_dagster(instance: dg.DagsterInstance) -> str:
    """Return all that the instance keeps of its runs: runs, configuration, snapshots, logs, events, metadata, errors."""
    kept = []
    for run in instance.get_runs():
        kept += [
            serialize_value(run),
            json.dumps(run.run_config),
            *(serialize_value(entry) for entry in instance.all_logs(run.run_id)),
        ]
        if run.job_snapshot_id:
            kept.append(serialize_value(instance.get_job_snapshot(run.job_snapshot_id)))
    return "\n".join(kept)


def test_no_secret_is_in_any_log_event_metadata_or_output_of_good_and_failing_loads(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with Simulator(SMALL) as sim, dg.DagsterInstance.ephemeral() as instance:
        monkeypatch.setenv("BACKLOG_URL", sim.url)
        monkeypatch.setenv("BACKLOG_API_KEY", sim.api_key)
        monkeypatch.setenv("BACKLOG_PRIVACY_KEY", PRIVACY_KEY)
        monkeypatch.setenv("WAREHOUSE_URL", new_database())
        definitions = build_definitions()
        outcomes = []
        for fault in TROUBLE:
            sim.faults.clear()
            if fault:
                sim.faults.add(fault)
            for job in ("users", "projects"):
                run = definitions.resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False)
                outcomes.append(run.success)
        monkeypatch.setenv("WAREHOUSE_URL", f"postgresql://loader:{PASSWORD}@127.0.0.1:9/warehouse")
        build_definitions().resolve_job_def("users").execute_in_process(instance=instance, raise_on_error=False)
        captured = capfd.readouterr()
        text = "\n".join([caplog.text, captured.out, captured.err, shown_by_dagster(instance), repr(definitions.resources)])
        assert outcomes[:2] == [True, True]
        assert not any(outcomes[5:8])
        assert "GET /projects: 403" in text
        assert "httpcore" in text
        for secret in (sim.api_key, PASSWORD, PRIVACY_KEY):
            assert secret not in text


def test_no_secret_of_oauth_is_in_any_log_event_metadata_or_output_of_good_and_failing_loads(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with Simulator(SMALL) as sim, dg.DagsterInstance.ephemeral() as instance:
        keyring = sim.site.keyring
        monkeypatch.setenv("BACKLOG_URL", sim.url)
        monkeypatch.setenv("BACKLOG_OAUTH_CLIENT_ID", keyring.client_id)
        monkeypatch.setenv("BACKLOG_OAUTH_CLIENT_SECRET", keyring.client_secret)
        monkeypatch.setenv("BACKLOG_TOKEN_KEY", f"{TOKEN_KEY},{OTHER_TOKEN_KEY}")
        monkeypatch.setenv("WAREHOUSE_URL", new_database())
        definitions = build_definitions()
        outcomes = []

        def run(job: str) -> None:
            outcomes.append(definitions.resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False).success)

        with connection() as (backlog, _warehouse):
            tokens = backlog.application.exchange(keyring.issue_code(sim.space.administrator.id, "http://x.test"), "http://x.test")
            backlog.token_store.save(tokens, "acme")
        run("users")
        keyring.expire_tokens()
        run("users")
        sim.faults.add(Fault(status=401, times=None))
        run("users")
        sim.faults.clear()
        sim.faults.add(Fault("truncate", path="/oauth2/token"))
        run("tokens")
        keyring.revoke_grants()
        run("tokens")
        run("users")
        monkeypatch.setenv("BACKLOG_OAUTH_CLIENT_SECRET", WRONG_SECRET)
        with connection() as (backlog, _warehouse), pytest.raises(AuthenticationError, match="invalid_client"):
            backlog.application.refresh(tokens)
        captured = capfd.readouterr()
        text = "\n".join([caplog.text, captured.out, captured.err, shown_by_dagster(instance), repr(definitions.resources)])
        assert outcomes == [True, True, False, False, False, False]
        assert "invalid_grant" in text
        assert "httpcore" in text
        for secret in (keyring.client_secret, WRONG_SECRET, TOKEN_KEY, OTHER_TOKEN_KEY, PASSWORD, *keyring.tokens):
            assert secret not in text
