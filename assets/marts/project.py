"""The dbt project as Dagster needs it: its manifest, and how dbt reaches the warehouse."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from assets.location import SETTINGS
from assets.marts.dbt_errors import first_line
from resources.variables import without_secrets

FOLDER = Path(__file__).parent
_PACKAGED = FOLDER / "target"
_MANIFEST, _STAMP = "manifest.json", "manifest.of"
DBT = str(Path(sys.executable).with_name("dbt"))
PARSED = "partial_parse.msgpack"
#: Of how many warehouses what dbt has parsed is kept.
_KEPT = 8
_SOURCES = ("*.yml", "*/**/*.sql", "*/**/*.yml", "*/**/*.csv")
#: Variables that begin so are not handed on to dbt: they change it, its Python or its connection.
_CHANGING = ("DBT_", "PYTHON", "BACKLOG_DBT_")
#: What dbt reads and writes is UTF-8, whatever the machine or the role of the warehouse says.
_FIXED = {"PYTHONUTF8": "1", "PGCLIENTENCODING": "UTF8"}
_PASSWORD = "DBT_ENV_SECRET_WAREHOUSE_PASSWORD"  # noqa: S105 - the name of a variable


def manifest() -> Path:
    """Return the manifest of the project, made anew (4 s) when a file of it has changed; needs no
    database and no network.

    Raises:
        RuntimeError: dbt does not understand the project; the message has dbt's.
    """
    requested = digest()
    if _made(_PACKAGED) == requested:  # an image has it, and may be read-only
        return _PACKAGED / _MANIFEST
    target = _target()
    with (target / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes may load the definitions at once
        if _made(target) != requested:
            _parse(target)
            (target / _STAMP).write_text(requested)
    return target / _MANIFEST


def _made(target: Path) -> str | None:
    """Return the digest of the project of which the manifest in a folder was made; None: there is
    none.
    """
    stamp = target / _STAMP
    return stamp.read_text() if stamp.exists() and (target / _MANIFEST).exists() else None


@contextmanager
def connected(engine: Engine, *, unchanged: bool) -> Iterator[None]:
    """Make this process's environment that of dbt: dagster-dbt hands it on to a dbt that it starts.

    It has the way to a warehouse, by variables of `profiles.yml`, and no other secret.

    Args:
        engine: the warehouse.
        unchanged: the project is that of the last build, so that views which are still there need
            not be made again.
    """
    url = engine.url
    query = {name: str(value) for name, value in url.query.items()}
    environment = _environment() | {
        "BACKLOG_DBT_HOST": url.host or query.get("host", ""),
        "BACKLOG_DBT_PORT": str(url.port or query.get("port", 5432)),
        "BACKLOG_DBT_USER": url.username or query.get("user", ""),
        "BACKLOG_DBT_DATABASE": url.database or query.get("dbname", ""),
        "BACKLOG_DBT_SSLMODE": query.get("sslmode", "prefer"),
        "BACKLOG_DBT_SSLROOTCERT": query.get("sslrootcert", ""),
        "BACKLOG_DBT_SSLCERT": query.get("sslcert", ""),
        "BACKLOG_DBT_SSLKEY": query.get("sslkey", ""),
        _PASSWORD: url.password or "",
        "BACKLOG_DBT_UNCHANGED": "yes" if unchanged else "no",
        # What a build leaves behind is in the events of its run; only what it has parsed is kept.
        "DBT_WRITE_JSON": "false",
    }
    before = {name: os.environ.get(name) for name in {*os.environ, *environment}}
    _set(environment | dict.fromkeys(before.keys() - environment.keys()))
    try:
        yield
    finally:
        _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    """Set variables of this process, and unset those without a value."""
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _environment() -> dict[str, str]:
    """Return the environment of dbt: no secret, and nothing of the caller that changes dbt."""
    kept = without_secrets(os.environ).items()
    return {name: value for name, value in kept if not name.startswith(_CHANGING)} | _FIXED


@contextmanager
def beside(engine: Engine) -> Iterator[Connection]:
    """Yield a connection for a look beside a build, without parallel workers: all cores are at work
    for the models.
    """
    with engine.connect() as connection:
        connection.execute(text("SET LOCAL max_parallel_workers_per_gather = 0"))
        yield connection


def bring_parsed(engine: Engine, target: Path) -> None:
    """Copy into `target` what dbt parsed when it last built this warehouse; without it, it parses
    everything again (4 s).

    What was parsed for another warehouse is of no use: it holds the name of the database.
    """
    with suppress(FileNotFoundError):
        shutil.copyfile(_parsed(engine), target / PARSED)


def keep_parsed(engine: Engine, target: Path) -> None:
    """Keep for the next build of this warehouse what dbt has parsed in `target`; of other
    warehouses, the newest ones stay.
    """
    made, kept = target / PARSED, _parsed(engine)
    if made.exists():
        aside = kept.with_suffix(f".{os.getpid()}")
        shutil.copyfile(made, aside)
        aside.replace(kept)
        with suppress(FileNotFoundError):  # another process does the same
            for old in sorted(
                kept.parent.glob(f"*.{PARSED}"), key=lambda file: file.stat().st_mtime
            )[:-_KEPT]:
                old.unlink()


def _parsed(engine: Engine) -> Path:
    of = hashlib.sha256(engine.url.set(password=None).render_as_string().encode()).hexdigest()[:12]
    return _target() / f"{of}.{PARSED}"


def digest() -> str:
    """Return what changes with any file of the project and with dbt itself."""
    files = sorted(
        {
            file
            for pattern in _SOURCES
            for file in FOLDER.glob(pattern)
            if "target" not in file.parts
        }
    )
    digest = hashlib.sha256(version("dbt-core").encode())
    for file in files:
        digest.update(str(file.relative_to(FOLDER)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _target() -> Path:
    """Return the folder of what dbt makes: next to the project, or under BACKLOG_ELT_HOME where the
    installation is read-only.
    """
    for folder in (_PACKAGED, SETTINGS.home / "dbt"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "lock").touch()
        except OSError:
            continue
        return folder
    return Path(tempfile.mkdtemp(prefix="backlog-elt-dbt-"))


def _parse(target: Path) -> None:
    paths = [
        "--project-dir",
        str(FOLDER),
        "--profiles-dir",
        str(FOLDER),
        "--target-path",
        str(target),
        "--log-path",
        str(target),
    ]
    done = subprocess.run(  # noqa: S603 - our own project
        [DBT, "--quiet", "parse", *paths],
        check=False,
        capture_output=True,
        encoding="utf-8",
        env=_environment(),
    )
    if done.returncode:
        said = done.stdout + done.stderr
        raise RuntimeError(f"dbt cannot parse {FOLDER}: {first_line(said)}\n{said}")
