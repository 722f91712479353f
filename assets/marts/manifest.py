"""The dbt project as dbt has parsed it, and the environment in which dbt works."""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Engine

from assets.marts.dbt_errors import errors_in_log
from resources.problems.causes import KnownError
from resources.variables import WITHIN, without_secrets

FOLDER = Path(__file__).parent
DBT_COMMAND = Path(sys.executable).with_name("dbt")

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
    target, stamp = FOLDER / "target", f"made-of-{digest()}"
    if not (target / stamp).exists():  # an image has it, and may be read-only
        target.mkdir(exist_ok=True)
        with (target / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # several processes may load the definitions at once
            if not (target / stamp).exists():
                for old in target.glob("made-of-*"):
                    old.unlink()
                parse(target)
                (target / stamp).touch()
    return target / "manifest.json"


def parse(target: Path) -> None:
    """Let dbt make the manifest in a folder. It names no database: every warehouse has this one."""
    as_json = ("--no-use-colors", "--log-format", "json")
    words = [str(DBT_COMMAND), *as_json, "parse", "--target-path", str(target)]
    with dbt_environment():
        done = subprocess.run(  # noqa: S603 - the command that dbt-core installs
            words, cwd=FOLDER, capture_output=True, text=True, check=False
        )
    if done.returncode:
        said = errors_in_log(done.stdout + done.stderr)
        raise KnownError(f"dbt cannot parse {FOLDER}: {said}", cause="project_broken")
    file = target / "manifest.json"
    parsed = json.loads(file.read_bytes())
    for node in parsed["nodes"].values():
        node |= {"database": None, "relation_name": f'"{node["schema"]}"."{node["alias"]}"'}
    file.write_text(json.dumps(parsed), encoding="utf-8")


def digest() -> str:
    """Return what changes with any file of the project and with dbt itself."""
    digest = hashlib.sha256(version("dbt-core").encode())
    for file in sorted(FOLDER.rglob("*.*")):
        name = file.relative_to(FOLDER)
        if name.suffix in {".yml", ".sql", ".csv"} and name.parts[0] != "target":
            digest.update(f"{name}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


@contextmanager
def dbt_environment(warehouse: Engine | None = None, session: str = "") -> Iterator[None]:
    """Make the environment of this process that of dbt, which inherits it: the way to a warehouse,
    by variables of `profiles.yml`, the name of dbt's sessions there, no other secret, and nothing
    else of the caller's that changes dbt.
    """
    before = dict(os.environ)
    kept = without_secrets(before).items()
    within = {name: value for name, value in kept if not name.startswith(_CHANGING)} | _FIXED
    if warehouse:
        _, way = warehouse.dialect.create_connect_args(warehouse.url)
        given = {f"BACKLOG_DBT_{name.upper()}": str(value) for name, value in way.items()}
        within |= {name: value for name, value in given.items() if name in WITHIN}
        within |= {"DBT_ENV_SECRET_WAREHOUSE_PASSWORD": way.get("password", "")}
        within |= {"PGAPPNAME": session}
    os.environ.clear()
    os.environ.update(within)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
