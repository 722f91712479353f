"""The code location: everything that Dagster shows, built by one function.

A single space is one code location with everything. With several spaces in one Dagster, each space
is a location without marts, and the marts of all spaces are in a location of their own.

It loads without environment, network and database.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.location import SETTINGS
from pipelines.raw_definitions import EXECUTOR, build_raw_definitions, build_resources
from pipelines.sensors.alerts import alerts


def build_definitions(overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Return the definitions of this location; `overrides` replaces resources by name (`backlog`,
    `warehouse`, `progress`).
    """
    if SETTINGS.marts_of:
        others = dg.Definitions(
            sensors=[alerts], resources=build_resources(overrides), executor=EXECUTOR
        )
        return dg.Definitions.merge(_mart_definitions(), others)
    raw = build_raw_definitions(overrides)
    return raw if SETTINGS.key_prefix else dg.Definitions.merge(raw, _mart_definitions())


def _mart_definitions() -> dg.Definitions:
    # Imported only where marts are built: reading dbt's manifest takes 0.3 s.
    from assets.marts.build import marts
    from assets.marts.dashboards import DASHBOARDS
    from assets.marts.ops_tables import OPS_ASSETS
    from pipelines.jobs import marts_job
    from pipelines.sensors.marts import marts_after_loads

    return dg.Definitions(
        assets=[*OPS_ASSETS, marts, *DASHBOARDS],
        jobs=[marts_job],
        sensors=[marts_after_loads],
    )


defs = build_definitions()
