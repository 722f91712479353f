"""The dbt project as dbt has parsed it, and what dbt is told by variables."""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Engine

from assets.location import SETTINGS
from assets.marts.dbt_errors import first_line
from resources.variables import without_secrets

FOLDER = Path(__file__).parent
DBT_COMMAND = Path(sys.executable).with_name("dbt")

_PACKAGED = FOLDER / "target"
_MANIFEST, _STAMP = "manifest.json", "manifest.of"
_SOURCES = ("*.yml", "*/**/*.sql", "*/**/*.yml", "*/**/*.csv")
#: Variables that begin so are not handed on to dbt: they change it, its Python or its connection.
_CHANGING = ("DBT_", "PYTHON", "BACKLOG_DBT_")
#: What dbt reads and writes is UTF-8, whatever the machine or the role of the warehouse says. It
#: asks the network for its newest version, which would take long where there is none: refused.
_FIXED = {"PYTHONUTF8": "1", "PGCLIENTENCODING": "UTF8", "https_proxy": "http://127.0.0.1:9"}


def manifest() -> Path:
    """Return the manifest of the project, made anew when a file of it has changed.

    Raises:
        RuntimeError: dbt does not understand the project; the message has dbt's.
    """
    requested = digest()
    if _made(_PACKAGED) == requested:  # an image has it, and may be read-only
        return _PACKAGED / _MANIFEST
    target = target_folder()
    with (target / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes may load the definitions at once
        if _made(target) != requested:
            parse(target)
            (target / _STAMP).write_text(requested)
    return target / _MANIFEST


def parse(target: Path) -> None:
    """Let dbt make the manifest in a folder. It names no database: every warehouse has this one."""
    said = subprocess.run(  # noqa: S603 - the command that dbt-core installs
        [DBT_COMMAND, "--no-use-colors", "parse", "--target-path", target],
        cwd=FOLDER,
        env=dbt_variables(None),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if said.returncode:
        raise RuntimeError(f"dbt cannot parse {FOLDER}: {first_line(said.stdout)}\n{said.stdout}")
    made = json.loads((target / _MANIFEST).read_bytes())
    for node in made["nodes"].values():
        node["database"] = None
        if node.get("relation_name"):
            node["relation_name"] = f'"{node["schema"]}"."{node["alias"]}"'
    (target / _MANIFEST).write_text(json.dumps(made), encoding="utf-8")


def digest() -> str:
    """Return what changes with any file of the project and with dbt itself."""
    found = {file for pattern in _SOURCES for file in FOLDER.glob(pattern)}
    digest = hashlib.sha256(version("dbt-core").encode())
    for file in sorted(one for one in found if "target" not in one.parts):
        digest.update(str(file.relative_to(FOLDER)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def dbt_variables(engine: Engine | None, session: str = "") -> dict[str, str]:
    """Return the environment of dbt.

    It has the way to a warehouse, by variables of `profiles.yml`, the name of dbt's sessions
    there, no other secret, and nothing else of the caller's that changes dbt.
    """
    kept = without_secrets(os.environ).items()
    unchanged = {name: value for name, value in kept if not name.startswith(_CHANGING)}
    return {**unchanged, **_FIXED, **(_way_to(engine, session) if engine else {})}


def target_folder() -> Path:
    """Return the folder of what dbt makes: next to the project, where that can be written."""
    for folder in (_PACKAGED, SETTINGS.home / "dbt"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "lock").touch()
        except OSError:
            continue
        return folder.absolute()
    return Path(tempfile.mkdtemp(prefix="backlog-elt-dbt-"))


def _way_to(engine: Engine, session: str) -> Mapping[str, str]:
    url, given = engine.url, {"port": "5432", "sslmode": "prefer"}
    given |= {name: str(value) for name, value in url.query.items()}
    parts = {"host": url.host, "port": url.port, "user": url.username, "dbname": url.database}
    given |= {name: str(value) for name, value in parts.items() if value}
    names = ("host", "port", "user", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey")
    return {f"BACKLOG_DBT_{name.upper()}": given.get(name, "") for name in names} | {
        "DBT_ENV_SECRET_WAREHOUSE_PASSWORD": url.password or "",
        "DBT_WRITE_JSON": "false",
        "PGAPPNAME": session,
    }


def _made(target: Path) -> str | None:
    """Return the digest of the project of which a folder has the manifest; None: of none."""
    stamp = target / _STAMP
    return stamp.read_text() if stamp.exists() and (target / _MANIFEST).exists() else None
