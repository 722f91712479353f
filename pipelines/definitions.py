"""The code location: everything Dagster shows, put together by one function.

One space in a Dagster of its own is one location with all of it. Of several spaces in one Dagster,
each is a location without the marts, which are made of all spaces, in a location of their own.

Loads with no environment, no network and no database.
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
    # The manifest of dbt is read (0.3 s) only where marts are made.
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
