"""What Dagster shows of a model, seed or snapshot before any build: words, owners, freshness, where
it stands in the lineage.
"""

import re
from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject

from assets.declaration import OWNERS
from assets.location import raw_keys_below
from assets.marts.project import FOLDER
from resources.cadences import MARTS

_COMMENT = re.compile(r"\A(?:--[^\n]*\n)+")


class Translator(DagsterDbtTranslator):
    """What Dagster shows of a model that the project does not say: owners, the file it comes from,
    words for each test.
    """

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """Return who looks after every mart."""
        del dbt_resource_props
        return OWNERS

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Return what people should read: the description, and the comment at the head of
        the file.
        """
        words = [
            str(dbt_resource_props.get("description") or dbt_resource_props["name"]),
            _head(dbt_resource_props),
        ]
        return "\n\n".join(filter(None, words))

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add the link to the file of a model, and its text."""
        file = FOLDER / str(dbt_resource_props["original_file_path"])
        links = dg.CodeReferencesMetadataValue(
            code_references=[dg.LocalFileCodeReference(file_path=str(file), line_number=1)]
        )
        sql = str(dbt_resource_props.get("raw_code") or "")
        return {
            **super().get_metadata(dbt_resource_props),
            "dagster/code_references": links,
            **({"sql": dg.MetadataValue.md(f"```sql\n{sql}\n```")} if sql else {}),
        }

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """Hang a mart on all assets that fill the tables that it reads; one of the group `mart` is
        to be fresh.
        """
        spec = super().get_asset_spec(manifest, unique_id, project)
        spec = spec.replace_attributes(
            deps=[key for dep in spec.deps for key in raw_keys_below(dep.asset_key)]
        )
        if spec.group_name != "mart":
            return spec
        return spec.replace_attributes(
            freshness_policy=dg.FreshnessPolicy.time_window(fail_window=MARTS.fresh_within)
        )

    def get_asset_check_spec(
        self,
        asset_spec: dg.AssetSpec,
        manifest: Mapping[str, Any],
        unique_id: str,
        project: DbtProject | None,
    ) -> dg.AssetCheckSpec | None:
        """Describe a test by the comment at its head, or by what it asserts of which column."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        test = self.get_resource_props(manifest, unique_id)
        return spec and spec._replace(description=spec.description or _words(test))


def _head(props: Mapping[str, Any]) -> str:
    """Return the comment at the head of a file, without its marks."""
    comment = _COMMENT.match(str(props.get("raw_code") or ""))
    return (
        " ".join(line.removeprefix("--").strip() for line in comment[0].splitlines())
        if comment
        else ""
    )


def _words(test: Mapping[str, Any]) -> str:
    if head := _head(test):
        return head
    arguments = {
        name: value for name, value in test["test_metadata"]["kwargs"].items() if name != "model"
    }
    return f"{test['test_metadata']['name']}: " + ", ".join(
        f"{name} {value}" for name, value in arguments.items()
    )
