"""The audit finds what it is there for."""

import json
import re
import secrets as random
import string
import subprocess
from pathlib import Path

import pytest

from tests.audit import LOCK, ROOT, judged, secrets, vulnerabilities
from tests.ports import free_port
from tests.sinks import WebhookSink

LETTERS = string.ascii_letters + string.digits


@pytest.mark.parametrize(
    "line",
    [
        "url = 'postgresql://loader:" + random.token_hex(8) + "@db.example.com/warehouse'",
        "AWS_KEY = 'AKIA" + "".join(random.choice(string.ascii_uppercase) for _ in range(16)) + "'",
        "BACKLOG_API_KEY = '" + "".join(random.choice(LETTERS) for _ in range(64)) + "'",
        "-----BEGIN RSA " + "PRIVATE KEY-----",
    ],
    ids=["password", "cloud key", "api key", "private key"],
)
def test_a_secret_in_a_file_of_the_repository_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "settings.py").write_text(f"# a comment\n{line}\n")
    (tmp_path / "untracked.py").write_text(f"{line}\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert secrets(tmp_path) == []
    subprocess.run(["git", "add", "settings.py"], cwd=tmp_path, check=True)
    [found] = secrets(tmp_path)
    assert found.startswith("settings.py:2: looks like a secret")


#: What osv.dev has of a vulnerability, in its schema (https://ossf.github.io/osv-schema), cut down
#: to what is read.
KNOWN = {
    "vulns": [
        {
            "id": "PYSEC-2021-66",
            "aliases": ["CVE-2020-28493"],
            "details": "This affects the package jinja2 from 0.0.0 and before 2.11.3.",
            "published": "2021-02-01T20:15:00Z",
            "schema_version": "1.6.0",
            "affected": [
                {
                    "package": {"name": "jinja2", "ecosystem": "PyPI"},
                    "ranges": [
                        {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.11.3"}]}
                    ],
                }
            ],
        }
    ]
}


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """Give a lock file with a package of which a vulnerability is known."""
    written = tmp_path / "requirements.lock"
    written.write_text("jinja2==2.4.1 \\\n    --hash=sha256:" + "0" * 64 + "\n")
    return written


def test_a_vulnerability_of_a_locked_package_is_found(lock: Path) -> None:
    with WebhookSink() as service:
        service.answer = json.dumps(KNOWN)
        answer = vulnerabilities(lock, "-s", "osv", "--osv-url", service.url)
    assert [json.loads(body)["package"]["name"] for _, body in service.received] == ["jinja2"]
    assert (answer.findings, answer.looked_up) == (
        ["jinja2 2.4.1: PYSEC-2021-66, repaired in 2.11.3"],
        1,
    )


def test_a_failing_service_is_a_finding_and_an_unreachable_one_is_distinguished(lock: Path) -> None:
    with WebhookSink() as service:
        service.status = 500
        answer = vulnerabilities(lock, "-s", "osv", "--osv-url", service.url)
    assert answer.looked_up == 0
    assert answer.findings[0].startswith("the packages could not be looked up: ")
    answer = vulnerabilities(lock, "-s", "osv", "--osv-url", f"http://127.0.0.1:{free_port()}")
    assert (answer.findings, answer.looked_up) == ([], None)


def test_a_package_that_the_service_does_not_know_is_a_finding_unless_it_knows_none() -> None:
    skipped = {
        "name": "toposort",
        "skip_reason": "Dependency not found on PyPI and could not be audited: toposort (1.10)",
    }
    some = judged(
        json.dumps(
            {
                "dependencies": [{"name": "tqdm", "version": "4.70.1", "vulns": []}, skipped],
                "fixes": [],
            }
        ),
        "",
    )
    assert some.looked_up == 1
    assert [line.split(":")[0] for line in some.findings] == ["toposort"]
    none = judged(json.dumps({"dependencies": [skipped], "fixes": []}), "")
    assert (none.findings, none.looked_up) == ([], None)


def test_the_lock_file_that_is_looked_up_holds_what_the_others_hold() -> None:
    def locked(path: Path) -> set[str]:
        # The extras that a package is asked for with are no part of its name.
        return {
            "==".join(found)
            for found in re.findall(
                r"^([^\s#\[]+)(?:\[\S+\])?==(\S+)", path.read_text(), re.MULTILINE
            )
        }

    others = locked(ROOT / "requirements.lock") | locked(ROOT / "requirements-celery.lock")
    assert others
    assert others <= locked(LOCK)
