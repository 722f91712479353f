"""Looks for secrets among the files of the repository, and for known vulnerabilities of what is
locked; part of `make check`.

`python -m tests.audit`.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).resolve().parents[1]
#: It holds all that the other two hold.
LOCK = ROOT / "requirements-dev.lock"
#: What pip-audit says where there is no network; any other failure of it fails the audit.
NO_NETWORK = re.compile(
    r"Could not connect to|NewConnectionError|NameResolutionError|Connect(ion)?Timeout|ProxyError"
)
#: Hashes of packages, and pictures.
NOT_LOOKED_AT = re.compile(r"\.lock$|package-lock\.json$|\.(png|svg|csv)$")
#: Words such as `password = …` are left out: half of this program is about them. What looks like a
#: secret is found all the same.
PLUGINS = [
    "ArtifactoryDetector", "AWSKeyDetector", "AzureStorageKeyDetector", "BasicAuthDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector", "JwtTokenDetector", "NpmDetector", "OpenAIDetector",
    "PrivateKeyDetector", "PypiTokenDetector",
    "SendGridDetector", "SlackDetector", "StripeDetector", "TwilioKeyDetector",
]  # fmt: skip
ENTROPY = [
    {"name": "Base64HighEntropyString", "limit": 4.5},
    {"name": "HexHighEntropyString", "limit": 3.0},
]
#: Passwords of examples and of tests, which open nothing.
EXAMPLES = (
    r":(password|change-me|secret|pass-word|s3cr3t(-word|-of-\{role\})?|s3cret"
    r"|\{\w+\}|\{\{\}\}|…|\*+)@|Mars/Olympus|0193a4c5f0e77b"
)


def secrets(root: Path = ROOT) -> list[str]:
    """Return a line for each thing that looks like a secret in a file of a repository."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=root, check=True, capture_output=True, text=True
    ).stdout.split("\n")
    settings = {
        "plugins_used": [{"name": name} for name in PLUGINS] + ENTROPY,
        "filters_used": [
            {"path": "detect_secrets.filters.allowlist.is_line_allowlisted"},
            {"path": "detect_secrets.filters.heuristic.is_sequential_string"},
            {"path": "detect_secrets.filters.heuristic.is_potential_uuid"},
            {"path": "detect_secrets.filters.regex.should_exclude_line", "pattern": [EXAMPLES]},
        ],
    }
    found = SecretsCollection(root=str(root))
    with transient_settings(settings):
        for name in listed:
            if name and not NOT_LOOKED_AT.search(name) and (root / name).is_file():
                found.scan_file(name)
    return [
        f"{name}:{secret.line_number}: looks like a secret ({secret.type})"
        for name, secret in found
    ]


@dataclass(frozen=True)
class Answer:
    """What is known of locked packages: `findings` fail the audit; `looked_up` is None where nobody
    answers, else a count.
    """

    findings: list[str]
    looked_up: int | None


def vulnerabilities(lock: Path = LOCK, *options: str) -> Answer:
    """Ask about the packages of a lock file; options of pip-audit choose another service."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--format",
        "json",
        "--progress-spinner",
        "off",
        "--disable-pip",
        "--require-hashes",
    ]
    done = subprocess.run(
        [*command, "-r", str(lock), *options], check=False, capture_output=True, text=True
    )
    return judged(done.stdout, done.stderr)


def judged(output: str, said: str) -> Answer:
    """Return what an output of pip-audit says: a package that the service does not know is a
    finding, as a vulnerability is.

    Nobody answers: no connection, or a mirror of packages alone, which knows the vulnerabilities of
    none of them.
    """
    try:
        packages = json.loads(output)["dependencies"]
    except ValueError:
        last = (said.strip().splitlines() or ["no answer"])[-1][:300]
        return (
            Answer([], None)
            if NO_NETWORK.search(said)
            else Answer([f"the packages could not be looked up: {last}"], 0)
        )
    looked_up = [package for package in packages if "vulns" in package]
    if not looked_up:
        return Answer([], None)
    unknown = [
        f"{package['name']}: not looked up: {package['skip_reason']}"
        for package in packages
        if "vulns" not in package
    ]
    known = [
        (
            f"{package['name']} {package['version']}: {known['id']}, repaired in "
            f"{', '.join(known['fix_versions']) or 'nothing'}"
        )
        for package in looked_up
        for known in package["vulns"]
    ]
    return Answer([*known, *unknown], len(looked_up))


def main() -> int:
    """Print what was found, and return 1 when something was, or when AUDIT_REQUIRED is set and
    nobody could be asked.
    """
    answer = vulnerabilities()
    found = secrets() + answer.findings
    coverage = f"{answer.looked_up} packages were looked up"
    if answer.looked_up is None:
        coverage = (
            "WARNING: vulnerabilities were not looked up: no network "
            "(AUDIT_REQUIRED=1 makes that a failure)"
        )
        found += (
            ["vulnerabilities: nobody could be asked"] if os.environ.get("AUDIT_REQUIRED") else []
        )
    sys.stdout.write("\n".join([*found, f"audit: {len(found)} findings; {coverage}"]) + "\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
