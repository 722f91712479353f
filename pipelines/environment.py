"""The surroundings of a command: servers that must run and variables that its processes read.

What the settings leave unset is filled in here: an embedded PostgreSQL for the warehouse and for Dagster's storage, and a simulated
space. `backlog-elt up` notes what it runs in `runtime.json`, so that `load` and `status` beside it use the same space.

Add here: another thing that must run before a load can. Keep out: the commands themselves.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import dagster as dg

import pipelines
from pipelines.processes import end_processes, runs, started
from resources.settings import Settings, SettingsError
from resources.simulator import spawn_simulator
from resources.warehouse.connect import check_tables
from resources.warehouse.embedded import ensure_server
from resources.warehouse.errors import WarehouseError

PROJECT_ROOT = Path(pipelines.__file__).resolve().parent.parent


@dataclass(frozen=True)
class Runtime:
    """What a running `backlog-elt up` says of itself: its process, its UI and its simulated space, if it has one."""

    pid: int
    started: float
    dagster_url: str
    backlog_url: str
    backlog_api_key: str | None
    children: dict[int, float]

    @classmethod
    def read(cls, home: Path) -> "Runtime | None":
        """Return what the running `up` of this home wrote, None when none runs."""
        runtime = cls._written(home)
        return runtime if runtime and runs(runtime.pid, runtime.started) else None

    @classmethod
    def _written(cls, home: Path) -> "Runtime | None":
        try:
            fields = json.loads((home / "runtime.json").read_text())
            return cls(**{**fields, "children": {int(pid): born for pid, born in fields["children"].items()}})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    @classmethod
    def end_orphans(cls, home: Path) -> int:
        """End the processes that an `up` left behind when it was killed, and return how many there were."""
        runtime = cls._written(home)
        if runtime is None or runs(runtime.pid, runtime.started):
            return 0
        orphans = [pid for pid, born in runtime.children.items() if runs(pid, born)]
        end_processes(orphans)
        return len(orphans)

    @classmethod
    def of_this_process(cls, dagster_url: str, space: Settings, children: Iterable[int], *, simulated: bool) -> "Runtime":
        """Return the runtime of an `up` that runs in this process, with the processes that it has started."""
        pid = os.getpid()
        born = {child: started(child) or 0.0 for child in children}
        # The key of a real space stays in the environment; that of a simulated one opens nothing but itself.
        api_key = space.backlog_api_key if simulated else None
        return cls(pid, started(pid) or 0.0, dagster_url, space.backlog_url or "", api_key, born)

    def write(self, home: Path) -> None:
        """Note the runtime, whole or not at all, readable by its owner only."""
        draft = home / f"runtime.json.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(self.__dict__))
        draft.replace(home / "runtime.json")

    @staticmethod
    def remove(home: Path) -> None:
        """Forget the runtime when `up` ends."""
        (home / "runtime.json").unlink(missing_ok=True)


def prepare_storage(settings: Settings) -> None:
    """Start the embedded server where it is needed, lay out Dagster's home, and name both in this process's environment.

    Raises:
        SettingsError: the folder of BACKLOG_ELT_HOME cannot be made.
        WarehouseError: the embedded server cannot be started.
    """
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError("BACKLOG_ELT_HOME", str(settings.home), f"a folder that can be made here ({error.strerror})") from None
    dagster_url = settings.dagster_postgres_url
    if settings.warehouse_url is None or dagster_url is None:
        server = ensure_server(settings.home)
        dagster_url = dagster_url or server.url("dagster")
    dagster_home = settings.home / "dagster"
    dagster_home.mkdir(exist_ok=True)
    shutil.copyfile(PROJECT_ROOT / "dagster.yaml", dagster_home / "dagster.yaml")
    os.environ["BACKLOG_ELT_HOME"] = str(settings.home)
    os.environ["DAGSTER_HOME"] = str(dagster_home)
    os.environ["DAGSTER_POSTGRES_URL"] = dagster_url.replace("postgres://", "postgresql://", 1)


@contextmanager
def open_instance() -> "Iterator[dg.DagsterInstance]":
    """Yield Dagster's instance, with its storage connected.

    Raises:
        WarehouseError: the database of DAGSTER_POSTGRES_URL cannot be used.
    """
    try:
        # Dagster's own refusal would name neither the variable nor the right.
        check_tables(os.environ["DAGSTER_POSTGRES_URL"], "runs")
    except WarehouseError as error:
        raise WarehouseError(f"Dagster's storage: {error}".replace("WAREHOUSE_URL", "DAGSTER_POSTGRES_URL")) from None
    with dg.DagsterInstance.get() as instance:
        yield instance


@contextmanager
def source(settings: Settings, *, alive: bool) -> Iterator[Settings]:
    """Yield the settings with a space to read from: the real one, that of a running `up`, or a simulated one of our own.

    Args:
        settings: as read from the environment.
        alive: whether a simulated space of our own has people at work in it; a quiet one is the same at every read.
    """
    if settings.backlog_url:
        yield settings
        return
    runtime = Runtime.read(settings.home)
    if runtime is not None:
        if runtime.backlog_api_key is None:
            expected = f"{runtime.backlog_url}, the space that the running `backlog-elt up` loads, with BACKLOG_API_KEY"
            raise SettingsError("BACKLOG_URL", "", expected)
        yield _with_source(settings, runtime.backlog_url, runtime.backlog_api_key)
        return
    with spawn_simulator(alive=alive, life_file=settings.home / "simulator.json") as simulator:
        yield _with_source(settings, simulator.url, simulator.api_key)


def _with_source(settings: Settings, url: str, api_key: str | None) -> Settings:
    os.environ["BACKLOG_URL"], os.environ["BACKLOG_API_KEY"] = url, api_key or ""
    return replace(settings, backlog_url=url, backlog_api_key=api_key)
