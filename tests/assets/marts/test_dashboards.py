"""Dashboards are downstream of the marts that they read, with what a reader needs to find them."""

import json
from typing import Any

import dagster as dg

from assets.marts.dashboards import dashboards
from assets.marts.manifest import manifest
from assets.marts.report import NEEDED
from pipelines.definitions import defs

REPORT = dg.AssetKey(["dashboard", "report"])


def test_the_report_is_downstream_of_its_marts_and_nothing_runs_for_it() -> None:
    graph = defs.resolve_asset_graph()
    node = graph.get(REPORT)
    assert not node.is_materializable
    [source] = node.metadata["dagster/code_references"].code_references
    assert source.file_path.endswith("models/exposures.yml")
    assert node.parent_keys == {
        dg.AssetKey(["mart", name]) for name in NEEDED | {"project_summary"}
    }


def test_an_exposure_gives_its_address_and_owners_and_may_read_raw_tables() -> None:
    described: dict[str, Any] = json.loads(manifest().read_text())
    [name, shipped] = next(iter(described["exposures"].items()))
    nodes = [*shipped["depends_on"]["nodes"][:1], "source.backlog_elt.raw.users"]
    own = {
        "name": "hours",
        "label": None,
        "url": "https://bi.example.com/hours",
        "owner": {"name": "PMO", "email": "pmo@example.com"},
    }
    [made] = dashboards(
        described | {"exposures": {name: shipped | own | {"depends_on": {"nodes": nodes}}}}
    )
    assert made.key == dg.AssetKey(["dashboard", "hours"])
    assert made.metadata["url"] == dg.MetadataValue.url("https://bi.example.com/hours")
    assert list(made.owners) == ["pmo@example.com"]
    assert dg.AssetKey(["raw", "users"]) in {dep.asset_key for dep in made.deps}
