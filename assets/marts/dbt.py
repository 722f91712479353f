"""dagster-dbt without dbt in this process, and all that leans on its inside; what is needed of
dagster-dbt is imported from here.

dbt runs in a process of its own. dagster-dbt still loads dbt-core wherever it finds it, and so did
every process that loads the definitions (1 s, 40 MB). It does without where dbt-core is missing, as
with dbt Fusion; only choosing models by dbt's own words (`select=`) would need it.
"""

import sys
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from packaging.version import Version

_MODULE = "dbt.version"
_modules: dict[str, Any] = sys.modules
_modules[_MODULE] = None  # so its import fails as if dbt-core were not installed
try:
    from dagster_dbt import (
        DagsterDbtCliRuntimeError,
        DagsterDbtTranslator,
        DbtCliResource,
        DbtProject,
        dbt_assets,
    )
finally:
    del _modules[_MODULE]

__all__ = [
    "AT_ONCE",
    "DagsterDbtCliRuntimeError",
    "DagsterDbtTranslator",
    "DbtProject",
    "InstalledDbt",
    "dbt_assets",
]

#: The words after `python` that run dbt as a process that ends at once; without -P its `import dbt`
#: would find this file.
AT_ONCE = ["-P", str(Path(__file__).with_name("dbt_process.py"))]


class InstalledDbt(DbtCliResource):
    """The dbt of this installation, started without what takes Dagster three seconds before each
    build.

    Its version is known without starting it, and no adapter is made in this process: only what
    fetches columns or counts rows after a build would use it (`fetch_column_metadata`,
    `fetch_row_counts`).
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        del args
