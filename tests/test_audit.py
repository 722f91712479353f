"""The audit finds what it is there for."""

import secrets as random
import string
import subprocess
from pathlib import Path

import pytest

from tests.audit import secrets

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
