"""dagster-dbt without dbt in this process.

dbt runs in a process of its own. dagster-dbt still loads dbt-core wherever it finds it, and so did every process that loads the
definitions (1 s, 40 MB). It does without where dbt-core is missing, as with dbt Fusion; only choosing models by dbt's own words
(`select=`) would need it. Whoever needs something of dagster-dbt takes it from here.
"""

import sys
from typing import Any

_MODULE = "dbt.version"
_modules: dict[str, Any] = sys.modules
_modules[_MODULE] = None  # so its import fails as if dbt-core were not installed
try:
    from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets
finally:
    del _modules[_MODULE]

__all__ = ["DagsterDbtTranslator", "DbtCliResource", "DbtProject", "dbt_assets"]
