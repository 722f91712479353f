"""The environments of the rivals: one virtual environment for each lock file in `requirements/`,
never the product's.
"""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ENVIRONMENTS = HERE / ".envs"


def interpreter(name: str | None) -> Path:
    """Return the interpreter of an environment, made first when it is missing or its pins have
    changed; None: our own.

    Raises:
        subprocess.CalledProcessError: it cannot be made, as without a network.
    """
    if name is None:
        return Path(sys.executable)
    folder, requirements = ENVIRONMENTS / name, HERE / "requirements" / f"{name}.lock"
    stamp, digest = folder / ".stamp", hashlib.sha256(requirements.read_bytes()).hexdigest()
    python = folder / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != digest:
        print(f"Setting up {folder.relative_to(ROOT)} (once) ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--require-hashes",
        ]
        subprocess.run([str(python), *install, "-r", str(requirements)], check=True)
        stamp.write_text(digest)
    return python


def pins(name: str) -> dict[str, str]:
    """Return the versions that an environment is pinned to, by package in lower case."""
    found = re.findall(
        r"^([^=\s]+)==(\S+)", (HERE / "requirements" / f"{name}.lock").read_text(), re.MULTILINE
    )
    return {package.lower(): version for package, version in found}
