"""The dbt project as Dagster runs it, and how dbt reaches the warehouse."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dagster_dbt import DbtCliResource, DbtProject
from sqlalchemy import Engine

from assets.marts.manifest import DBT_COMMAND, FOLDER, dbt_variables, target_folder

PROJECT = DbtProject(FOLDER)
DBT = DbtCliResource(PROJECT, dbt_executable=DBT_COMMAND)

_PARSED = "partial_parse.msgpack"
#: Of how many warehouses what dbt has parsed is kept.
_KEPT = 8


def target_of(engine: Engine) -> Path:
    """Return where the builds of a warehouse leave what dbt has parsed, which the next one uses."""
    url = engine.url.set(password=None).render_as_string()
    target = target_folder() / hashlib.sha256(url.encode()).hexdigest()[:12]
    others = {file for file in target_folder().glob(f"*/{_PARSED}") if file.parent != target}
    for old in sorted(others, key=lambda file: file.stat().st_mtime)[: -_KEPT + 1]:
        shutil.rmtree(old.parent, ignore_errors=True)
    return target


@contextmanager
def connected(engine: Engine, session: str) -> Iterator[None]:
    """Make this process's environment that of dbt, to which dagster-dbt hands it on."""
    before = dict(os.environ)
    _set(dbt_variables(engine, session))
    try:
        yield
    finally:
        _set(before)


def _set(variables: Mapping[str, str]) -> None:
    os.environ.update(variables)
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
