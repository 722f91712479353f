"""No secret of a deployment is seen anywhere, however much is logged and whatever fails: in what
Dagster keeps, in logs, in what the alerter says and keeps, in what `status` and the service answer.

Runs use the definitions as they are deployed: secrets come from the environment.
"""

import json
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import dagster as dg
import pytest
from dagster._serdes import serialize_value

from pipelines.alerting.alerter import Alerter
from pipelines.cli.alerts_command import try_channels
from pipelines.cli.in_process import connection
from pipelines.cli.status_facts import status_object
from pipelines.definitions import build_definitions
from resources.alerts.addresses import Addresses
from resources.alerts.channels import channels
from resources.backlog.errors import AuthenticationError
from resources.settings import Settings
from resources.variables import (
    ALERT_TEAMS_URL,
    API_KEY,
    CLIENT_SECRET,
    SECRETS,
    SERVICE_TOKEN,
    WAREHOUSE_URL,
    WEBHOOK_SECRET,
)
from resources.variables import TOKEN_KEY as TOKEN_KEY_NAME
from resources.warehouse.state.heartbeats import alerts_of
from resources.warehouse.warehouse_resource import WarehouseResource
from service.app import create_app
from simulator import Fault, Simulator
from tests.all_secrets import FORMS, MAIL, NOWHERE, secret_of, variables
from tests.deployment import OTHER_TOKEN_KEY, SMALL, TOKEN_KEY
from tests.integration.conftest import PASSWORD, NewDatabase
from tests.service.conftest import API, running
from tests.sinks import WebhookSink

WRONG_SECRET = "s3cr3t-of-no-application"
#: The two ways to have access, of which a deployment has one.
BY_KEY, BY_OAUTH = {API_KEY}, {CLIENT_SECRET, TOKEN_KEY_NAME}
#: What goes wrong in one load after another; the first is a good one.
TROUBLE = [
    None,
    Fault(status=403, path="/projects", times=None),
    Fault(status=401, times=None),
    Fault("html", 200, times=None),
    Fault("truncate", path="/users", times=None),
]


def set_all(monkeypatch: pytest.MonkeyPatch, **forms: str) -> None:
    """Set all variables that hold a secret, but for those of access."""
    given = {**variables(**forms), **MAIL, "BACKLOG_DAGSTER_URL": f"http://{NOWHERE}"}
    for name in given.keys() - BY_KEY - BY_OAUTH:
        monkeypatch.setenv(name, given[name])


def seen_since(
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    instance: dg.DagsterInstance,
    definitions: dg.Definitions,
) -> str:
    """Return what was written, logged and kept by Dagster."""
    captured = capfd.readouterr()
    kept = (shown_by_dagster(instance), repr(definitions.resources))
    return "\n".join((caplog.text, captured.out, captured.err, *kept))


def run(definitions: dg.Definitions, job: str, instance: dg.DagsterInstance) -> bool:
    """Run a job, and say whether it ended well."""
    found = definitions.resolve_job_def(job)
    return found.execute_in_process(instance=instance, raise_on_error=False).success


def said_by_service() -> str:
    """Return all that a service of the environment answers, to those who may ask and to others."""
    token, event = {"Authorization": f"Bearer {os.environ[SERVICE_TOKEN]}"}, b'{"id": 1, "type": 2}'
    requests: list[tuple[str, bytes | None, dict[str, str]]] = [
        *(
            (path, None, token)
            for path in (
                "/",
                "/healthz",
                "/metrics",
                "/openapi.json",
                f"{API}/history",
                f"{API}/monitor/stats",
            )
        ),
        *((f"{API}/{path}", None, token) for path in ("connection/status", "monitor/active")),
        *(
            (f"{API}/{path}", b"", token)
            for path in ("projects/all", "project/OPS/tasks", "project/NOPE/tasks")
        ),
        ("/metrics", None, {}),
        (f"/webhooks/backlog/{os.environ[WEBHOOK_SECRET]}", event, {}),
        ("/webhooks/backlog/a-secret-of-somebody-else", event, {}),
    ]
    said = []
    with running(create_app(Settings.from_env(os.environ))) as url:
        for path, body, headers in requests:
            # Not by httpx: it would log, in this process, the addresses that it asks.
            try:
                # http, on this machine
                answer: Any = urlopen(Request(url + path, body, headers), timeout=30)  # noqa: S310
            except HTTPError as error:
                answer = error
            with answer:
                said += [
                    f"{path.partition('s3cr3t')[0]} {answer.status}",
                    str(answer.headers),
                    answer.read().decode(),
                ]
    return "\n".join(said)


def shown_by_dagster(instance: dg.DagsterInstance) -> str:
    """Return all that the instance keeps of its runs: runs, configuration, snapshots, logs, events,
    metadata, errors.
    """
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


def test_no_secret_is_in_any_log_event_message_or_output_of_any_load(
    new_database: NewDatabase,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        Simulator(SMALL) as sim,
        dg.DagsterInstance.ephemeral() as instance,
        WebhookSink() as broken,
    ):
        broken.status, broken.answer = 500, f"no channel at /{secret_of(ALERT_TEAMS_URL)}"
        set_all(
            monkeypatch, **{ALERT_TEAMS_URL: f"{broken.url}/{{}}", WAREHOUSE_URL: new_database()}
        )
        monkeypatch.setenv("BACKLOG_URL", sim.url)
        monkeypatch.setenv("BACKLOG_API_KEY", sim.api_key)
        for name in ("BACKLOG_ELT_HOME", "DAGSTER_HOME"):
            monkeypatch.setenv(name, str(tmp_path))
        definitions = build_definitions()
        outcomes, said = list[bool](), list[str]()
        warehouse = WarehouseResource(url=os.environ[WAREHOUSE_URL])
        alerter = Alerter(
            instance, warehouse, sim.url, channels(Addresses.from_env(os.environ)), ""
        )
        alerter.look(datetime.now(UTC))
        for fault in TROUBLE:
            sim.faults.clear()
            if fault:
                sim.faults.add(fault)
            outcomes += [run(definitions, job, instance) for job in ("users", "projects")]
        assert len(alerter.look(datetime.now(UTC)).waiting) >= 2, "no channel has taken any"
        warehouse.close()
        settings = Settings.from_env(os.environ)
        said += [
            str(instance.daemon_cursor_storage.get_cursor_values({alerts_of(sim.url)})),
            *map(str, try_channels()),
            said_by_service(),
            json.dumps(status_object(settings), default=str),
            *map(repr, (settings, Addresses.from_env(os.environ), alerter)),
        ]
        monkeypatch.setenv(WAREHOUSE_URL, FORMS[WAREHOUSE_URL].format(PASSWORD))
        run(build_definitions(), "users", instance)
        said += [said_by_service(), seen_since(capfd, caplog, instance, definitions)]
        text = "\n".join(said)
        assert outcomes[:2] == [True, True]
        assert not any(outcomes[5:8])
        for shown in (
            "GET /projects: 403",
            "httpcore",
            "slack: 127.0.0.1",
            "teams: 127.0.0.1 answered 500",
            "mail: 127.0.0.1",
            "json: ",
            "/metrics 200",
            "/metrics 401",
            "/webhooks/backlog/ 200",
            "/webhooks/backlog/ 503",
            "warehouse_up 0.0",
        ):
            assert shown in text
        for name in {*SECRETS} - BY_OAUTH:
            assert {API_KEY: sim.api_key, WAREHOUSE_URL: PASSWORD}.get(
                name, secret_of(name)
            ) not in text, name


def test_no_secret_of_oauth_is_in_any_log_event_or_output_of_any_load(
    new_database: NewDatabase,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    with Simulator(SMALL) as sim, dg.DagsterInstance.ephemeral() as instance:
        keyring = sim.site.keyring
        set_all(monkeypatch, **{WAREHOUSE_URL: new_database()})
        monkeypatch.setenv("BACKLOG_URL", sim.url)
        monkeypatch.setenv("BACKLOG_OAUTH_CLIENT_ID", keyring.client_id)
        monkeypatch.setenv("BACKLOG_OAUTH_CLIENT_SECRET", keyring.client_secret)
        monkeypatch.setenv("BACKLOG_TOKEN_KEY", f"{TOKEN_KEY},{OTHER_TOKEN_KEY}")
        definitions = build_definitions()
        with connection() as (backlog, _warehouse):
            tokens = backlog.application.exchange(
                keyring.issue_code(sim.space.administrator.id, "http://x.test"), "http://x.test"
            )
            backlog.token_store.save(tokens, "acme")

        def only(fault: Fault) -> None:
            sim.faults.clear()
            sim.faults.add(fault)

        troubles: list[tuple[str, Callable[[], object]]] = [
            ("users", sim.faults.clear),
            ("users", keyring.expire_tokens),
            ("users", lambda: only(Fault(status=401, times=None))),
            ("tokens", lambda: only(Fault("truncate", path="/oauth2/token"))),
            ("tokens", keyring.revoke_grants),
            ("users", sim.faults.clear),
        ]
        outcomes: list[bool] = []
        for job, trouble in troubles:
            trouble()
            outcomes.append(run(definitions, job, instance))
        monkeypatch.setenv("BACKLOG_OAUTH_CLIENT_SECRET", WRONG_SECRET)
        with (
            connection() as (backlog, _warehouse),
            pytest.raises(AuthenticationError, match="invalid_client"),
        ):
            backlog.application.refresh(tokens)
        text = seen_since(capfd, caplog, instance, definitions)
        assert outcomes == [True, True, False, False, False, False]
        assert "invalid_grant" in text
        assert "httpcore" in text
        for secret in (
            keyring.client_secret,
            WRONG_SECRET,
            TOKEN_KEY,
            OTHER_TOKEN_KEY,
            PASSWORD,
            *keyring.tokens,
        ):
            assert secret not in text
        for name in {*SECRETS} - BY_KEY - BY_OAUTH - {WAREHOUSE_URL}:
            assert secret_of(name) not in text, name
