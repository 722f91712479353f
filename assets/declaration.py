"""How a raw asset is declared: what all of them have in common."""

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg

from assets.location import raw_key
from assets.metadata import definition_metadata
from resources.cadences import FRESH_WITHIN
from resources.warehouse.raw.schema import SPECS

OWNERS = ["team:data"]
KINDS = {"postgres", "table"}


def _common(table: str, description: str, deps: Sequence[str]) -> dict[str, Any]:
    """Return what all assets of the group have in common, in the words of both `dg.asset` and
    `dg.AssetSpec`.
    """
    return {
        "group_name": "raw",
        "owners": OWNERS,
        "kinds": KINDS,
        "description": description,
        "deps": [raw_key(key.removeprefix("raw/")) for key in deps],
        "metadata": definition_metadata(SPECS[table]),
        "freshness_policy": dg.FreshnessPolicy.time_window(fail_window=FRESH_WITHIN[table]),
    }


def raw_asset(
    table: str, *, description: str, deps: Sequence[str] = (), **options: Any
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Declare the asset `raw/<table>` with all that the raw assets have in common."""
    declare: Callable[[Callable[..., Any]], dg.AssetsDefinition] = dg.asset(
        key=raw_key(table), **_common(table, description, deps), **options
    )
    return declare


def raw_spec(table: str, *, description: str, deps: Sequence[str] = ()) -> dg.AssetSpec:
    """Declare the asset `raw/<table>` as one of several that are made together."""
    return dg.AssetSpec(raw_key(table), **_common(table, description, deps))
