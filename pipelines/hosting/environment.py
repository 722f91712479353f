"""The surroundings of a command: servers that must run and variables that its processes read.

What the settings leave unset is filled in here: an embedded PostgreSQL for the warehouse and for
Dagster's storage, and a simulated space, that of a running `backlog-elt up` if there is one.
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
from resources.problems.causes import Failure
from resources.secret import Secret, reveal
from resources.settings import Settings
from resources.variables import (
    API_KEY,
    DAGSTER_POSTGRES_URL,
    HOME,
    SIMULATED_HERE,
    URL,
    WAREHOUSE_URL,
    SettingsError,
)
from resources.warehouse.server.connect import check_tables, socket_folder
from resources.warehouse.server.embedded import ensure_server
from resources.warehouse.server.embedded_log import data_behind
from resources.warehouse.server.server_errors import refusal_behind
from resources.warehouse.state.space_urls import urls_of_spaces
from resources.warehouse.warehouse_errors import WarehouseError

if TYPE_CHECKING:
    import dagster as dg

PROJECT_ROOT = Path(pipelines.__file__).resolve().parent.parent


def needs_server(settings: Settings) -> bool:
    """Say whether the embedded server is used, for the warehouse or for Dagster's storage."""
    return settings.warehouse_url is None or not reveal(settings.dagster_postgres_url)


def prepare_storage(settings: Settings) -> None:
    """Start the embedded server where it is needed, lay out Dagster's home, and name both in this
    process's environment.

    Raises:
        SettingsError: the folder of BACKLOG_ELT_HOME cannot be made.
        WarehouseError: the embedded server cannot be started.
    """
    dagster_home = settings.home / "dagster"
    try:
        dagster_home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        expected = f"a folder that can be created here ({error.strerror})"
        raise SettingsError(HOME, str(settings.home), expected) from None
    url = reveal(settings.dagster_postgres_url) or ""
    if needs_server(settings):
        server = ensure_server(settings.home)
        url = url or server.url("dagster")
    shutil.copyfile(PROJECT_ROOT / "dagster.yaml", dagster_home / "dagster.yaml")
    os.environ[HOME] = str(settings.home)
    os.environ["DAGSTER_HOME"] = str(dagster_home)
    os.environ[DAGSTER_POSTGRES_URL] = "postgresql://" + url.partition("://")[2]


def check_storage() -> None:
    """See that Dagster's storage can be used: its own refusal would not name the variable.

    Raises:
        WarehouseError: the database of DAGSTER_POSTGRES_URL cannot be used.
    """
    try:
        check_tables(os.environ[DAGSTER_POSTGRES_URL], "runs")
    except WarehouseError as error:
        raise _of_storage(Failure(error.cause, str(error))) from None


@contextmanager
def open_instance() -> "Iterator[dg.DagsterInstance]":
    """Yield Dagster's instance, with its storage connected.

    Raises:
        WarehouseError: the database of DAGSTER_POSTGRES_URL cannot be used, or was lost while it
            was in use.
    """
    import dagster as dg

    check_storage()
    with dg.DagsterInstance.get() as instance:
        try:
            yield instance
        except Exception as error:
            found = refusal_behind(error)
            if found is None:
                raise
            raise _of_storage(found) from error


def _of_storage(found: Failure) -> WarehouseError:
    said = found.line.replace(WAREHOUSE_URL, DAGSTER_POSTGRES_URL)
    return WarehouseError(f"Dagster's storage: {said}", cause=found.cause)


@contextmanager
def source(settings: Settings) -> Iterator[Settings]:
    """Yield the settings with a space to read from: the real one, that of a running `up`, or a
    simulated one of our own, in which nobody works.
    """
    if settings.backlog_url:
        yield settings
        return
    runtime = Runtime.read(settings.home)
    if runtime and not runtime.backlog_api_key:
        where = f"{runtime.backlog_url}, the space that the running `backlog-elt up` loads"
        raise SettingsError(URL, "", f"{where}, with {API_KEY}")
    _check_asked(settings)
    if runtime:
        yield with_space(settings, runtime.backlog_url, str(runtime.backlog_api_key))
        return
    from simulator import spawn_simulator  # loads a web server (0.1 s): only where it is used

    with spawn_simulator(life_file=settings.home / "simulator.json") as simulator:
        yield with_space(settings, simulator.url, simulator.api_key)


def with_space(settings: Settings, url: str, api_key: str) -> Settings:
    """Return settings with a simulated space, and name it in this process's environment."""
    os.environ |= {URL: url, API_KEY: api_key, SIMULATED_HERE: "1"}
    return replace(settings, backlog_url=url, backlog_api_key=Secret(api_key))


def embedded(settings: Settings) -> bool:
    """Say whether the warehouse is the embedded server of this home, also where a URL names it."""
    if settings.warehouse_url is None:
        return True
    folder = socket_folder(reveal(settings.warehouse_url))
    return bool(folder) and data_behind(Path(folder)) == (settings.home / "postgres").resolve()


def check_kind(settings: Settings) -> None:
    """See that a simulated space and a real one do not come into one warehouse.

    Once they have, they go on.

    Raises:
        SettingsError: the warehouse holds the other kind.
        WarehouseError: it cannot be used.
    """
    real = settings.backlog_url
    if real and (settings.simulated or is_of_this_machine(real)):
        return  # what has checked this already; or it may be either
    if real is None:
        _check_asked(settings)
    url = reveal(settings.warehouse_url)
    held = sorted(urls_of_spaces(url or ensure_server(settings.home).url()))
    if not held or any(is_of_this_machine(one) != bool(real) for one in held):
        return
    mine, other = (real, "a simulated space") if real else ("a simulated space", held[0])
    name, got = (WAREHOUSE_URL, url) if url else (HOME, str(settings.home))
    raise SettingsError(name, got, f"a warehouse of its own for {mine}: this one holds {other}")


def _check_asked(settings: Settings) -> None:
    """See that a simulated space fills the embedded server only, unless it was asked for."""
    if not (settings.simulated_by_name or embedded(settings)):
        fill = f"{SIMULATED}, to fill the server of {WAREHOUSE_URL} with a simulated one"
        raise SettingsError(URL, "", f"the root of a space; or {fill}")
