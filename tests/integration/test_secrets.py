"""No secret of a deployment is seen anywhere, however much is logged and whatever fails: in what
Dagster keeps, in logs, in what the alerter says and keeps, in what `status` and the service answer.

Runs use the definitions as they are deployed: secrets come from the environment.
"""

import json
import logging
import os
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
    ALERT_SLACK_URL,
    ALERT_SMTP_URL,
    ALERT_TEAMS_URL,
    ALERT_URLS,
    API_KEY,
    BROKER_URL,
    CLIENT_SECRET,
    DAGSTER_POSTGRES_URL,
    MAIL_FROM,
    MAIL_TO,
    SECRETS,
    SERVICE_TOKEN,
    WAREHOUSE_URL,
    WEBHOOK_SECRET,
)
from resources.variables import TOKEN_KEY as TOKEN_KEY_NAME
from resources.warehouse.heartbeats import alerts_of
from resources.warehouse.warehouse_resource import WarehouseResource
from service.app import create_app
from simulator import Fault, Simulator
from tests.deployment import OTHER_TOKEN_KEY, SMALL, TOKEN_KEY
from tests.integration.conftest import PASSWORD, NewDatabase
from tests.service.conftest import API, running
from tests.sinks import WebhookSink

WRONG_SECRET = "s3cr3t-of-no-application"
#: The variables that hold a secret, and the form of those that are more than that.
NOWHERE = "127.0.0.1:9"
FORMS = {
    WAREHOUSE_URL: f"postgresql://loader:{{}}@{NOWHERE}/warehouse",
    DAGSTER_POSTGRES_URL: f"postgresql://dagster:{{}}@{NOWHERE}/dagster",
    BROKER_URL: f"redis://:{{}}@{NOWHERE}/0",
    ALERT_SLACK_URL: f"http://{NOWHERE}/services/{{}}",
    ALERT_SMTP_URL: f"smtp://mailer:{{}}@{NOWHERE}",
    ALERT_URLS: f"json://{NOWHERE}/{{}}",
}
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


def secret_of(name: str) -> str:
    """Return the secret in the variable of a name, where the source or the database gives
    no other.
    """
    return f"s3cr3t-of-{name.lower().replace('_', '-')}"


def set_all(monkeypatch: pytest.MonkeyPatch, **forms: str) -> None:
    """Set all variables that hold a secret, but for those of access; `forms` replaces the form of
    some.
    """
    for name in {*SECRETS} - BY_KEY - BY_OAUTH:
        monkeypatch.setenv(name, (FORMS | forms).get(name, "{}").format(secret_of(name)))
    for name in (MAIL_FROM, MAIL_TO):
        monkeypatch.setenv(name, "operator@example.com")
    monkeypatch.setenv("BACKLOG_DAGSTER_URL", f"http://{NOWHERE}")


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
        outcomes, said = [], []
        warehouse = WarehouseResource(url=os.environ[WAREHOUSE_URL])
        alerter = Alerter(
            instance, warehouse, sim.url, channels(Addresses.from_env(os.environ)), ""
        )
        alerter.look(datetime.now(UTC))
        for fault in TROUBLE:
            sim.faults.clear()
            if fault:
                sim.faults.add(fault)
            for job in ("users", "projects"):
                run = definitions.resolve_job_def(job).execute_in_process(
                    instance=instance, raise_on_error=False
                )
                outcomes.append(run.success)
        assert len(alerter.look(datetime.now(UTC)).waiting) >= 2, "no channel has taken any"
        warehouse.close()
        said += [
            str(instance.daemon_cursor_storage.get_cursor_values({alerts_of(sim.url)})),
            *map(str, try_channels()),
        ]
        said += [
            said_by_service(),
            json.dumps(status_object(Settings.from_env(os.environ)), default=str),
        ]
        said += [
            repr(Settings.from_env(os.environ)),
            repr(Addresses.from_env(os.environ)),
            repr(alerter),
        ]
        monkeypatch.setenv(WAREHOUSE_URL, FORMS[WAREHOUSE_URL].format(PASSWORD))
        build_definitions().resolve_job_def("users").execute_in_process(
            instance=instance, raise_on_error=False
        )
        said += [said_by_service()]
        captured = capfd.readouterr()
        text = "\n".join(
            [
                *said,
                caplog.text,
                captured.out,
                captured.err,
                shown_by_dagster(instance),
                repr(definitions.resources),
            ]
        )
        assert outcomes[:2] == [True, True]
        assert not any(outcomes[5:8])
        for shown in (
            "GET /projects: 403",
            "httpcore",
            "slack: 127.0.0.1",
            "teams: 127.0.0.1 answered 500",
            "mail: 127.0.0.1",
            "json: ",
        ):
            assert shown in text
        for shown in (
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
        set_all(
            monkeypatch, **{ALERT_TEAMS_URL: FORMS[ALERT_SLACK_URL], WAREHOUSE_URL: new_database()}
        )
        monkeypatch.setenv("BACKLOG_URL", sim.url)
        monkeypatch.setenv("BACKLOG_OAUTH_CLIENT_ID", keyring.client_id)
        monkeypatch.setenv("BACKLOG_OAUTH_CLIENT_SECRET", keyring.client_secret)
        monkeypatch.setenv("BACKLOG_TOKEN_KEY", f"{TOKEN_KEY},{OTHER_TOKEN_KEY}")
        definitions = build_definitions()
        outcomes = []

        def run(job: str) -> None:
            outcomes.append(
                definitions.resolve_job_def(job)
                .execute_in_process(instance=instance, raise_on_error=False)
                .success
            )

        with connection() as (backlog, _warehouse):
            tokens = backlog.application.exchange(
                keyring.issue_code(sim.space.administrator.id, "http://x.test"), "http://x.test"
            )
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
        with (
            connection() as (backlog, _warehouse),
            pytest.raises(AuthenticationError, match="invalid_client"),
        ):
            backlog.application.refresh(tokens)
        captured = capfd.readouterr()
        text = "\n".join(
            [
                caplog.text,
                captured.out,
                captured.err,
                shown_by_dagster(instance),
                repr(definitions.resources),
            ]
        )
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
