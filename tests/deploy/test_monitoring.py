"""The rules and the dashboard of `deploy` are made of metrics that the service gives, and hold on a
real Prometheus.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from resources.settings import Settings
from service.app import create_app
from tests.integration.compose import DEPLOY, METRICS, SERVICES, yaml_of
from tests.ports import free_port
from tests.service.conftest import TOKEN, running
from tests.sync_log import SMALL_DAY, Log
from tests.waiting import answers, eventually

CONFIG: dict[str, Any] = yaml_of("prometheus/prometheus.yaml")
[GROUP] = yaml_of("prometheus/alerts.yaml")["groups"]
RULES: dict[str, dict[str, Any]] = {rule["alert"]: rule for rule in GROUP["rules"]}
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text())
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
_LABEL = re.compile(r"\{\{ \$labels\.(\w+) \}\}")

needs_prometheus = pytest.mark.skipif(
    which("promtool") is None, reason="there is no Prometheus (.ci/run installs it)"
)


@contextmanager
def a_service(warehouse_url: str) -> Iterator[str]:
    """Serve a warehouse with a token, and give the URL."""
    settings = {
        "WAREHOUSE_URL": warehouse_url,
        "BACKLOG_SERVICE_TOKEN": TOKEN,
        "BACKLOG_DAGSTER_URL": f"http://127.0.0.1:{free_port()}",
    }
    with running(create_app(Settings.from_env(settings))) as url:
        yield url


def test_rules_and_dashboard_name_metrics_that_there_are(warehouse_url: str) -> None:
    with a_service(warehouse_url) as url:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        text = httpx.get(f"{url}/metrics", headers=headers).text
    kinds = dict(re.findall(r"(?m)^# TYPE (\S+) (\S+)$", text))
    there = {f"{name}_bucket" if kind == "histogram" else name for name, kind in kinds.items()}
    variables = [one["query"] for one in DASHBOARD["templating"]["list"]]
    for expression in (*EXPRESSIONS, *variables, *(rule["expr"] for rule in RULES.values())):
        assert set(re.findall(r"\bbacklog_elt_\w+", expression)) <= there, expression
    assert any("backlog_elt" in expression for expression in EXPRESSIONS)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_says_how_bad_it_is_and_what_to_do_in_both_languages(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["step"]
    english, japanese = rule["annotations"]["summary"].split(" / ")
    assert set(_LABEL.findall(english)) == set(_LABEL.findall(japanese)) != set()
    assert re.search(r"[ぁ-ん]", japanese)


@pytest.mark.parametrize("document", ["operating.md", "operating.ja.md"])
def test_the_runbook_has_every_rule(document: str) -> None:
    text = (DEPLOY.parent / "docs" / document).read_text()
    assert set(re.findall(r"(?m)^\| `(BacklogElt\w+)`", text)) == set(RULES)


def test_the_container_reads_the_service_of_the_compose_file_by_its_token() -> None:
    [prometheus] = METRICS["services"].values()
    [scraped] = CONFIG["scrape_configs"]
    [port] = SERVICES["service"]["ports"]
    assert scraped["static_configs"][0]["targets"] == [f"service:{port.rpartition(':')[2]}"]
    secret = scraped["authorization"]["credentials_file"].removeprefix("/run/secrets/")
    assert [secret] == prometheus["secrets"]
    assert SERVICES["service"]["environment"]["BACKLOG_SERVICE_TOKEN_FILE"].endswith(f"/{secret}")
    assert "./prometheus:/etc/prometheus:ro" in prometheus["volumes"]
    assert "--config.file=/etc/prometheus/prometheus.yaml" in prometheus["command"]
    assert all(one.startswith("127.0.0.1:") for one in prometheus["ports"])
    assert prometheus["read_only"]


@dataclass(frozen=True)
class Case:
    """A series of a value each minute, and the minutes in which its alert does not fire yet, and
    does.
    """

    alert: str
    metric: str
    values: str
    quiet: int
    fires: int
    labels: tuple[tuple[str, str], ...] = ()

    def as_test(self) -> dict[str, Any]:
        """Return it as promtool takes it."""
        labels = {"space": "acme", **dict(self.labels)}
        series = ", ".join(f'{name}="{value}"' for name, value in labels.items())
        rule = RULES[self.alert]
        fired = {
            "exp_labels": labels | rule["labels"],
            "exp_annotations": {
                name: _LABEL.sub(lambda found: labels[found[1]], said)
                for name, said in rule["annotations"].items()
            },
        }
        return {
            "interval": "1m",
            "input_series": [{"series": f"{self.metric}{{{series}}}", "values": self.values}],
            "alert_rule_test": [
                {"eval_time": f"{minute}m", "alertname": self.alert, "exp_alerts": alerts}
                for minute, alerts in ((self.quiet, []), (self.fires, [fired]))
            ],
        }


PROJECT, OPEN = (("project", "OPS"),), "backlog_elt_open_problems"
CASES = [
    Case("BacklogEltServiceDown", "up", "1x9 0x20", 14, 15, (("job", "backlog-elt"),)),
    Case("BacklogEltWarehouseDown", "backlog_elt_warehouse_up", "1x9 0x20", 11, 12),
    Case(
        "BacklogEltProblem", OPEN, "0x9 1x20", 11, 12,
        (("code", "login_refused"), ("severity", "act")),
    ),
    Case(
        "BacklogEltProblemLasts", OPEN, "0x9 2x90", 69, 70,
        (("code", "run_failed"), ("severity", "warning")),
    ),
    Case("BacklogEltProjectStale", "backlog_elt_project_fresh", "1x9 0x90", 69, 70, PROJECT),
    Case("BacklogEltProjectDiffers", "backlog_elt_project_equal", "1x9 0x30", 24, 25, PROJECT),
    # The clock of these tests begins at 0, when it was compared, and when the sync was.
    Case(
        "BacklogEltProjectNotCompared", "backlog_elt_project_compared_timestamp_seconds",
        "0x3000", 49 * 60, 49 * 60 + 1, PROJECT,
    ),
    Case(
        "BacklogEltNoSync", "backlog_elt_sync_last_success_timestamp_seconds",
        "0x900", 14 * 60 + 5, 14 * 60 + 6, (("type", "issues"),),
    ),
]  # fmt: skip


def promtool(*words: str | Path) -> None:
    """Run promtool; what it says against a file fails the test."""
    done = subprocess.run(
        ["promtool", *map(str, words)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_prometheus
def test_each_rule_fires_when_it_is_due_and_not_before(tmp_path: Path) -> None:
    assert {case.alert for case in CASES} == set(RULES)
    rules, file = DEPLOY / "prometheus" / "alerts.yaml", tmp_path / "tests.yaml"
    promtool("check", "rules", rules)
    tests = [case.as_test() for case in CASES]
    file.write_text(json.dumps({"rule_files": [str(rules)], "tests": tests}))
    promtool("test", "rules", file)


@needs_prometheus
def test_a_real_prometheus_reads_the_service_and_evaluates_all(
    tmp_path: Path, warehouse: Engine, warehouse_url: str
) -> None:
    token, file, port = tmp_path / "token", tmp_path / "prometheus.yaml", free_port()
    token.write_text(TOKEN)
    with Log(warehouse) as log, a_service(warehouse_url) as url:
        log.write(*SMALL_DAY)
        [scraped] = CONFIG["scrape_configs"]
        here = {
            "authorization": {"credentials_file": str(token)},
            "static_configs": [
                one | {"targets": [url.removeprefix("http://")]}
                for one in scraped["static_configs"]
            ],
        }
        config = CONFIG | {
            "global": dict.fromkeys(CONFIG["global"], "1s"),
            "rule_files": [str(DEPLOY / "prometheus" / "alerts.yaml")],
            "scrape_configs": [scraped | here],
        }
        file.write_text(json.dumps(config))
        promtool("check", "config", file)
        with a_prometheus(file, tmp_path / "data", port) as prometheus:

            def value(query: str) -> list[str]:
                found = prometheus.get("/api/v1/query", params={"query": query}).json()
                assert found["status"] == "success", (query, found)
                return [one["value"][1] for one in found["data"]["result"]]

            builds = 'backlog_elt_type_runs_24h{space="acme",type="marts",status="completed"}'
            eventually(lambda: value(builds) == ["1"])
            for expression in EXPRESSIONS:
                value(expression.replace("$space", ".*"))

            def health() -> set[str]:
                [group] = prometheus.get("/api/v1/rules").json()["data"]["groups"]
                assert {rule["name"] for rule in group["rules"]} == set(RULES)
                return {rule["health"] for rule in group["rules"]}

            eventually(lambda: health() == {"ok"})


@contextmanager
def a_prometheus(file: Path, data: Path, port: int) -> Iterator[httpx.Client]:
    """Run Prometheus, and give a client of its API."""
    process = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={file}",
            f"--storage.tsdb.path={data}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: answers(f"http://127.0.0.1:{port}/-/ready"))
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False
        ) as client:
            yield client
    finally:
        process.kill()
        process.wait()
