"""Looks for secrets among the files of the repository, and for known vulnerabilities of what is locked; part of `make check`.

`python -m tests.audit`. Add here: another thing to look for that needs no running program. Keep out: checks of our own rules
(`test_house.py`).
"""

import json
import re
import subprocess
import sys
from pathlib import Path

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).resolve().parents[1]
LOCK = "requirements-celery.lock"
#: Hashes of packages, and pictures.
NOT_LOOKED_AT = re.compile(r"\.lock$|package-lock\.json$|\.(png|svg|csv)$")
#: Words such as `password = …` are left out: half of this program is about them. What looks like a secret is found all the same.
PLUGINS = [
    "ArtifactoryDetector", "AWSKeyDetector", "AzureStorageKeyDetector", "BasicAuthDetector", "GitHubTokenDetector",
    "GitLabTokenDetector", "JwtTokenDetector", "NpmDetector", "OpenAIDetector", "PrivateKeyDetector", "PypiTokenDetector",
    "SendGridDetector", "SlackDetector", "StripeDetector", "TwilioKeyDetector",
]  # fmt: skip
ENTROPY = [{"name": "Base64HighEntropyString", "limit": 4.5}, {"name": "HexHighEntropyString", "limit": 3.0}]
#: Passwords of examples and of tests, which open nothing.
EXAMPLES = r":(password|change-me|secret|pass-word|s3cr3t(-word|-of-\{role\})?|s3cret|\{\w+\}|…|\*+)@|Mars/Olympus|0193a4c5f0e77b"


def secrets(root: Path = ROOT) -> list[str]:
    """Return a line for each thing that looks like a secret in a file of a repository."""
    listed = subprocess.run(["git", "ls-files"], cwd=root, check=True, capture_output=True, text=True).stdout.split("\n")
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
    return [f"{name}:{secret.line_number}: looks like a secret ({secret.type})" for name, secret in found]


def vulnerabilities() -> tuple[list[str], str]:
    """Return a line for each known vulnerability of a locked package, and how many packages could be looked up."""
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
    done = subprocess.run([*command, "-r", str(ROOT / LOCK)], check=False, capture_output=True, text=True)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return [], f"no package could be looked up: {(done.stderr.strip().splitlines() or ['no answer'])[-1][:200]}"
    looked_up = [package for package in packages if "vulns" in package]
    lines = [
        f"{package['name']} {package['version']}: {known['id']}, mended in {', '.join(known['fix_versions']) or 'nothing'}"
        for package in looked_up
        for known in package["vulns"]
    ]
    return lines, f"{len(looked_up)} of {len(packages)} packages could be looked up"


def main() -> int:
    """Print what was found, and return 1 when something was."""
    lines, told = vulnerabilities()
    found = secrets() + lines
    sys.stdout.write("\n".join([*found, f"audit: {len(found)} findings; {told}"]) + "\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
