"""Dashboards in the lineage: each exposure of the dbt project as an external asset below the marts
that it reads.

Add a dashboard by adding an exposure to `models/exposures.yml`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator

from assets.location import raw_keys_below
from assets.marts.manifest import FOLDER, manifest


def dashboards(described: Mapping[str, Any]) -> list[dg.AssetSpec]:
    """Return an asset for each exposure of a manifest; nothing runs for it, it is made
    elsewhere.
    """
    return [_dashboard(exposure, described) for exposure in described["exposures"].values()]


def _dashboard(exposure: Mapping[str, Any], described: Mapping[str, Any]) -> dg.AssetSpec:
    known = {**described["nodes"], **described["sources"]}
    file = FOLDER / exposure["original_file_path"]
    metadata: dict[str, Any] = {
        "dagster/code_references": dg.CodeReferencesMetadataValue(
            code_references=[dg.LocalFileCodeReference(file_path=str(file), line_number=1)]
        )
    }
    if exposure["url"]:
        metadata["url"] = dg.MetadataValue.url(exposure["url"])
    if exposure["maturity"]:
        metadata["maturity"] = exposure["maturity"]
    owner = exposure["owner"]
    # An exposure may have several addresses.
    emails = (
        [owner["email"]] if isinstance(owner.get("email"), str) else list(owner.get("email") or [])
    )
    return dg.AssetSpec(
        key=["dashboard", exposure["name"]],
        deps=[
            key
            for node in exposure["depends_on"]["nodes"]
            for key in raw_keys_below(DagsterDbtTranslator().get_asset_key(known[node]))
        ],
        description=": ".join(part for part in (exposure["label"], exposure["description"]) if part)
        or exposure["name"],
        group_name="dashboard",
        kinds={exposure["type"]},
        owners=emails or [f"team:{owner['name']}"],
        metadata=metadata,
    )


DASHBOARDS = dashboards(json.loads(Path(manifest()).read_text(encoding="utf-8")))
