"""The code location: everything Dagster shows, put together by one function.

Loads with no environment, no network and no database. Add here: a new list of definitions. Keep out: the definitions themselves.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.marts.build import MART_ASSETS
from assets.marts.dashboards import DASHBOARDS
from pipelines.marts import MART_SENSORS, marts_job
from pipelines.raw_definitions import build_raw_definitions


def build_definitions(overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Return all definitions; `overrides` replaces resources by name (`backlog`, `warehouse`, `progress`)."""
    marts = dg.Definitions(assets=[*MART_ASSETS, *DASHBOARDS], jobs=[marts_job], sensors=MART_SENSORS)
    return dg.Definitions.merge(build_raw_definitions(overrides), marts)


defs = build_definitions()
