"""The surroundings of a command: servers that must run and variables that its processes read.

What the settings leave unset is filled in here: an embedded PostgreSQL for the warehouse and for
Dagster's storage, and a simulated space, that of a running `backlog-elt up` if there is one
(`runtime.py`).
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pipelines
from pipelines.hosting.runtime import Runtime
from resources.links import SIMULATED, is_of_this_machine
from resources.secret import Secret, reveal
from resources.settings import Settings
from resources.variables import API_KEY, HOME, SIMULATED_HERE, URL, WAREHOUSE_URL, SettingsError
from resources.warehouse.connect import check_tables, refusal_behind, socket_folder
from resources.warehouse.embedded import ensure_server
from resources.warehouse.embedded_log import data_behind
from resources.warehouse.space_urls import urls_of_spaces
from resources.warehouse.warehouse_errors import WarehouseError

if TYPE_CHECKING:
    import dagster as dg

PROJECT_ROOT = Path(pipelines.__file__).resolve().parent.parent


def prepare_storage(settings: Settings) -> None:
    """Start the embedded server where it is needed, lay out Dagster's home, and name both in this
    process's environment.

    Raises:
        SettingsError: the folder of BACKLOG_ELT_HOME cannot be made.
        WarehouseError: the embedded server cannot be started.
    """
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            HOME,
            str(settings.home),
            f"a folder that can be created here ({error.strerror})",
        ) from None
    dagster_url = reveal(settings.dagster_postgres_url)
    if settings.warehouse_url is None or not dagster_url:
        server = ensure_server(settings.home)
        dagster_url = dagster_url or server.url("dagster")
    dagster_home = settings.home / "dagster"
    dagster_home.mkdir(exist_ok=True)
    shutil.copyfile(PROJECT_ROOT / "dagster.yaml", dagster_home / "dagster.yaml")
    os.environ[HOME] = str(settings.home)
    os.environ["DAGSTER_HOME"] = str(dagster_home)
    os.environ["DAGSTER_POSTGRES_URL"] = "postgresql://" + dagster_url.partition("://")[2]


@contextmanager
def open_instance() -> "Iterator[dg.DagsterInstance]":
    """Yield Dagster's instance, with its storage connected.

    Raises:
        WarehouseError: the database of DAGSTER_POSTGRES_URL cannot be used, or was lost while it
            was in use.
    """
    import dagster as dg

    try:
        # Dagster's own refusal would name neither the variable nor the right.
        check_tables(os.environ["DAGSTER_POSTGRES_URL"], "runs")
    except WarehouseError as error:
        raise _of_storage(str(error)) from None
    with dg.DagsterInstance.get() as instance:
        try:
            yield instance
        except Exception as error:
            said = refusal_behind(error)
            if said is None:
                raise
            raise _of_storage(said) from error


def _of_storage(said: str) -> WarehouseError:
    return WarehouseError(
        f"Dagster's storage: {said}".replace("WAREHOUSE_URL", "DAGSTER_POSTGRES_URL")
    )


@contextmanager
def source(settings: Settings, *, alive: bool) -> Iterator[Settings]:
    """Yield the settings with a space to read from: the real one, that of a running `up`, or a
    simulated one of our own.

    Args:
        settings: as read from the environment.
        alive: whether a simulated space of our own has people at work in it; a quiet one is the
            same at every read.
    """
    if settings.backlog_url:
        yield settings
        return
    runtime = Runtime.read(settings.home)
    if runtime and not runtime.backlog_api_key:
        expected = (
            f"{runtime.backlog_url}, the space that the running `backlog-elt up` "
            f"loads, with {API_KEY}"
        )
        raise SettingsError(URL, "", expected)
    _check_asked(settings)
    if runtime and runtime.backlog_api_key:
        yield _with_source(settings, runtime.backlog_url, runtime.backlog_api_key)
        return
    from simulator import spawn_simulator  # loads a web server (0.1 s): only where it is used

    with spawn_simulator(alive=alive, life_file=settings.home / "simulator.json") as simulator:
        yield _with_source(settings, simulator.url, simulator.api_key)


def embedded(settings: Settings) -> bool:
    """Say whether the warehouse is the embedded server of this home, also where a URL names it."""
    if settings.warehouse_url is None:
        return True
    folder = socket_folder(reveal(settings.warehouse_url))
    return bool(folder) and data_behind(Path(folder)) == (settings.home / "postgres").resolve()


def check_kind(settings: Settings) -> None:
    """See that a simulated space and a real one do not come into one warehouse; once they have,
    they go on.

    Raises:
        SettingsError: the warehouse holds the other kind.
        WarehouseError: it cannot be used.
    """
    if settings.backlog_url and (settings.simulated or is_of_this_machine(settings.backlog_url)):
        return  # what has checked this already; or it may be either
    if settings.backlog_url is None:
        _check_asked(settings)
    url = reveal(settings.warehouse_url) or ensure_server(settings.home).url()
    held = sorted(urls_of_spaces(url))
    if not held or any(is_of_this_machine(one) != bool(settings.backlog_url) for one in held):
        return
    name, got = (
        (HOME, str(settings.home))
        if settings.warehouse_url is None
        else (WAREHOUSE_URL, reveal(settings.warehouse_url))
    )
    mine, other = (
        (settings.backlog_url, "a simulated space")
        if settings.backlog_url
        else ("a simulated space", held[0])
    )
    raise SettingsError(name, got, f"a warehouse of its own for {mine}: this one holds {other}")


def _check_asked(settings: Settings) -> None:
    """See that a simulated space fills the embedded server only, unless it was asked for; raises
    SettingsError.
    """
    if not (settings.simulated_by_name or embedded(settings)):
        expected = (
            f"the root of a space; or {SIMULATED}, to fill the server of "
            f"{WAREHOUSE_URL} with a simulated one"
        )
        raise SettingsError(URL, "", expected)


def _with_source(settings: Settings, url: str, api_key: str) -> Settings:
    os.environ |= {URL: url, API_KEY: api_key, SIMULATED_HERE: "1"}
    return replace(settings, backlog_url=url, backlog_api_key=Secret(api_key))
