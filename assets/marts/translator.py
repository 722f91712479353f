"""What Dagster shows of a model, seed or snapshot before any build, beside dagster-dbt's own."""

from collections.abc import Mapping
from itertools import takewhile
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject

from assets.declaration import OWNERS
from assets.location import raw_keys_below
from resources.cadences import MARTS


class Translator(DagsterDbtTranslator):
    """Adds owners, freshness, and the assets of all spaces above a mart."""

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """Hang a mart on all assets that fill the tables that it reads; a mart is to be fresh."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        deps = [key for dep in spec.deps for key in raw_keys_below(dep.asset_key)]
        spec = spec.replace_attributes(deps=deps, owners=OWNERS)
        if spec.group_name != "mart":
            return spec
        fresh = dg.FreshnessPolicy.time_window(fail_window=MARTS.fresh_within)
        return spec.replace_attributes(freshness_policy=fresh)

    def get_asset_check_spec(
        self,
        asset_spec: dg.AssetSpec,
        manifest: Mapping[str, Any],
        unique_id: str,
        project: DbtProject | None,
    ) -> dg.AssetCheckSpec | None:
        """Describe a test by the comment at the head of its file."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        test = self.get_resource_props(manifest, unique_id)
        head = takewhile(lambda line: line.startswith("--"), test["raw_code"].splitlines())
        words = " ".join(line.removeprefix("--").strip() for line in head)
        return spec and spec._replace(description=words or test["name"])
